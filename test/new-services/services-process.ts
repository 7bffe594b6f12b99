import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Child, startChild } from '../../runtime/child-process.ts';

/** Services in a process of their own, to be killed. */
export interface ServicesProcess extends Child {
  readonly url: string;
}

/** Where the process kills itself: before or after its n-th append to a topic. */
export type KillPoint = `${'before' | 'after'}:${'domain' | 'commands'}:${number}` | 'never';

/** Starts services on the log and folder, and resolves when they listen; undefined when they killed themselves before that. */
export async function startServicesProcess(
  logUrl: string,
  dataDir: string,
  killPoint: KillPoint = 'never',
): Promise<ServicesProcess | undefined> {
  const program = fileURLToPath(new URL('./services-program.ts', import.meta.url));
  const args = ['--import', 'tsx', program, logUrl, dataDir, killPoint];
  const child = await startChild(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.process.stdout! });
  const url = await Promise.race([
    once(lines, 'line').then(([line]) => String(line)),
    child.exited.then(() => undefined),
  ]);
  return url === undefined ? undefined : { ...child, url };
}
