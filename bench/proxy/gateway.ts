import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse, stringify } from 'yaml';
import { type Child, startChild } from '../../runtime/child-process.ts';
import { until } from '../../test/until.ts';

const root = resolve(import.meta.dirname, '..', '..');
const program = join(root, 'cli', 'strangler.mjs');

/** Our gateway, alone in its process, with a configuration and a data directory of its own. */
export interface MeasuredGateway extends Child {
  /** Runs a command of `strangler` on it. */
  strangler(...args: string[]): Promise<void>;
}

/** Everything a configuration needs to pass all on to legacy. */
export function passThrough(port: number, adminPort: number, upstreamPort: number): object {
  return { legacy: `http://127.0.0.1:${upstreamPort}`, listeners: { public: { port }, admin: { port: adminPort } } };
}

/**
 * The sample's routes, split, flag and comparison, kept in one stage, so that no request is answered twice. Its tables are left out: nobody
 * follows a database here.
 */
export function sampleRouting(
  port: number,
  adminPort: number,
  upstreamPort: number,
  stage: 'legacy' | 'new',
): Record<string, unknown> {
  const sample = parse(readFileSync(join(root, 'capabilities', 'shipments.yaml'), 'utf8')) as Record<string, object>;
  const { tables: _, ...shipments } = sample;
  const service = `http://127.0.0.1:${upstreamPort}`;
  return {
    ...passThrough(port, adminPort, upstreamPort),
    identity: { user: [{ cookie: 'user' }] },
    capabilities: { shipments: { ...shipments, service, rollout: { ...sample.rollout, steps: [stage] } } },
  };
}

/** Starts it, and resolves when it is ready. */
export async function startMeasuredGateway(
  folder: string,
  configuration: object,
  adminPort: number,
): Promise<MeasuredGateway> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'strangler.yaml'), stringify(configuration));
  const output = openSync(join(folder, 'gateway.log'), 'a');
  const run = (args: readonly string[]) =>
    startChild(process.execPath, [program, ...args], { cwd: folder, stdio: ['ignore', output, output, 'ipc'] });
  const gateway = await run(['start', '--only', 'gateway']);
  const ready = async () => (await fetch(`http://127.0.0.1:${adminPort}/readyz`)).ok;
  await until(ready, 20_000, `the gateway to be ready; see ${folder}/gateway.log`);
  return {
    ...gateway,
    async strangler(...args) {
      const { code } = await (await run(args)).exited;
      if (code !== 0) throw new Error(`strangler ${args.join(' ')} ended with ${code}; see ${folder}/gateway.log`);
    },
  };
}
