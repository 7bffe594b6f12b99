import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';

/** A program under load. The first of a comparison is what the others are divided by. */
export interface Contestant {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

/** Where the contestants run, and where everything else does. */
export const cores = { contestants: 1, others: 0 } as const;

/**
 * Keeps a process on one core, all its threads and those it starts. Does nothing on a machine with one core; rejects where `taskset` is
 * missing: without it a program with helper threads is measured on two cores and nginx on one.
 */
export async function pin(pid: number, core: number): Promise<void> {
  if (availableParallelism() < 2) return;
  await promisify(execFile)('taskset', ['-acp', String(core), String(pid)]);
}
