import { fileURLToPath } from 'node:url';
import { bridgeStatus } from './bridge-status.ts';
import { configuredParts, type PartName } from './parts.ts';
import { snapshotBar } from './snapshot-bar.ts';
import type { Supervisor } from './supervisor.ts';
import type { System } from './system.ts';

const stranglerProgram = fileURLToPath(new URL('./strangler.mjs', import.meta.url));

/** Starts our processes for a configuration: the gateway, and beside it the data side (bridge and services on one log); or all in one. */
export async function startPrograms(
  supervisor: Supervisor,
  system: System,
  { single }: { single?: boolean },
  say: (name: string, text: string) => void,
): Promise<void> {
  const parts = configuredParts(system);
  const dataSide = parts.filter((part) => part !== 'gateway');
  const groups = single || dataSide.length === 0 ? [parts] : [dataSide, ['gateway' as const]];
  await Promise.all(
    groups.map(async (group) => {
      const started = Date.now();
      const name = group.includes('gateway') ? 'gateway' : 'data';
      const bar = group.includes('bridge') ? watchSnapshot(system, process.stdout) : undefined;
      const ready = await supervisor.start({
        name,
        args: [stranglerProgram, 'start', '--config', system.path, '--only', group.join(',')],
        readyUrl: readyUrl(system, group),
      });
      bar?.stop();
      const addresses = group.map((part) => address(system, part)).join(', ');
      const state = ready
        ? ''
        : '  not ready yet (npx strangler cdc status, doctor); everything else goes on without it';
      say(name, `${addresses}  ${((Date.now() - started) / 1000).toFixed(1)} s${state}`);
    }),
  );
}

/** Draws the initial snapshot's progress on a terminal while its bridge is awaited. */
function watchSnapshot(system: System, output: NodeJS.WriteStream): { stop(): void } {
  if (!output.isTTY) return { stop() {} };
  const draw = snapshotBar(output);
  const look = async () => {
    const { phase, snapshot } = await bridgeStatus(system);
    if (phase === 'snapshot' && snapshot) draw(snapshot);
  };
  const timer = setInterval(() => void look().catch(() => {}), 200);
  return { stop: () => clearInterval(timer) };
}

/** The gateway opens its port last of its process's parts, so it answers for all of them. */
function readyUrl({ addresses }: System, group: readonly PartName[]): string {
  if (group.includes('gateway')) return `${addresses.admin}/readyz`;
  return `${group.includes('bridge') ? addresses.bridge : addresses.services}/readyz`;
}

function address({ addresses }: System, part: PartName): string {
  return part === 'gateway' ? `${addresses.public} (admin ${addresses.admin})` : `${part} ${addresses[part]}`;
}
