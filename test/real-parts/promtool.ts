import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { unpackDebianPackages } from '../../cli/database/debian-packages.ts';
import { type RealPart, RealPartUnavailable } from './real-part.ts';

const run = promisify(execFile);

/** Prometheus's own judge of metrics. */
export interface Promtool extends RealPart {
  /** What `promtool check metrics` finds in a text of metrics: nothing when it is clean. */
  check(metrics: string): Promise<string>;
}

/** Brings it from Debian's package prometheus (19 MB). Throws RealPartUnavailable. */
export async function bringPromtool(): Promise<Promtool> {
  const directory = resolve('.data/packages/prometheus');
  const program = join(directory, 'usr', 'bin', 'promtool');
  try {
    if (!existsSync(program)) await unpackDebianPackages(['prometheus'], directory, (name) => name === 'prometheus');
    const { stdout, stderr } = await run(program, ['--version']);
    const version = /version (\S+)/.exec(stdout + stderr)?.[1] ?? 'unknown';
    return { version, check: (metrics) => check(program, metrics), stop: async () => {} };
  } catch (error) {
    throw new RealPartUnavailable(`promtool: ${(error as Error).message}`);
  }
}

async function check(program: string, metrics: string): Promise<string> {
  const running = run(program, ['check', 'metrics']);
  running.child.stdin!.end(metrics);
  return running.then(
    ({ stdout, stderr }) => stdout + stderr,
    ({ stdout, stderr }: { stdout: string; stderr: string }) => stdout + stderr,
  );
}
