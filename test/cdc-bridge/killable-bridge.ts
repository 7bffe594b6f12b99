import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { BridgeConfig } from '../../cdc-bridge/config.ts';
import { type Child, startChild } from '../../runtime/child-process.ts';

const program = fileURLToPath(new URL('./fixtures/bridge-process.ts', import.meta.url));

/** A bridge in a process of its own, which ends the way a machine does. */
export interface KillableBridge {
  readonly url: string;
  readonly child: Child;
  kill(): Promise<void>;
}

/** Starts one; with `pipe` the caller reads what it writes on standard error. */
export async function startKillable(
  config: BridgeConfig,
  logUrl: string,
  stderr: 'inherit' | 'pipe' = 'inherit',
): Promise<KillableBridge> {
  const child = await startChild(process.execPath, ['--import', 'tsx', program, JSON.stringify(config), logUrl], {
    stdio: ['ignore', 'pipe', stderr],
  });
  const [line] = await once(child.process.stdout!, 'data');
  return {
    url: String(line).trim(),
    child,
    async kill() {
      child.process.kill('SIGKILL');
      await child.exited;
    },
  };
}
