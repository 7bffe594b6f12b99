import type { SpawnOptions } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startChild } from '../../runtime/child-process.ts';

/** A program to run, and the signal that asks it to end. */
export interface TiedProgram {
  readonly command: string;
  readonly args: readonly string[];
  /** `cwd` is a folder of its own: it is deleted when the process that started the program dies. */
  readonly options: Pick<SpawnOptions, 'uid' | 'gid' | 'env'> & { readonly cwd: string };
  readonly stopSignal: NodeJS.Signals;
  /** The file to which all is added that it says. */
  readonly log: string;
  /** Whether it does its work by now; asked again and again until it does. */
  isReady(): Promise<boolean>;
  readonly readyWithinMs: number;
}

/** A server of a test run, seen from the process that started it: it never outlives that. */
export interface TiedProcess {
  /** SIGKILL ends the program without asking; SIGSTOP makes it hang with its sockets open, SIGCONT go on. */
  signal(signal: NodeJS.Signals): void;
  isRunning(): boolean;
  /** Resolves when the program is gone. */
  readonly exited: Promise<unknown>;
  /** Asks the program to end, even one that hangs; resolves when it is gone. Idempotent. */
  stop(): Promise<void>;
}

/** Starts the program behind `tied.mjs` and resolves when it is ready. Rejects with its last words when it ended before or took too long. */
export async function startTied(program: TiedProgram): Promise<TiedProcess> {
  const { command, args, options, stopSignal, log } = program;
  const output = openSync(log, 'a');
  const order = JSON.stringify({ command, args, options, stopSignal });
  const child = await startChild(process.execPath, [join(import.meta.dirname, 'tied.mjs'), order], {
    stdio: ['ignore', output, output, 'ipc'],
  });
  closeSync(output);
  const isRunning = () => child.process.exitCode === null && child.process.signalCode === null;
  const tied: TiedProcess = {
    signal: (signal) => void (isRunning() && child.process.send(signal)),
    isRunning,
    exited: child.exited,
    stop: () => child.stop(),
  };
  await untilReady(program, tied);
  return tied;
}

async function untilReady({ command, isReady, readyWithinMs, log }: TiedProgram, tied: TiedProcess): Promise<void> {
  const deadline = performance.now() + readyWithinMs;
  while (tied.isRunning() && performance.now() < deadline) {
    if (await isReady()) return;
    await delay(50);
  }
  const found = tied.isRunning() ? `was not ready after ${readyWithinMs} ms` : 'ended before it was ready';
  await tied.stop();
  const lastWords = readFileSync(log, 'utf8').trim().split('\n').slice(-15).join('\n');
  throw new Error(`${command} ${found}; its last words:\n${lastWords}`);
}
