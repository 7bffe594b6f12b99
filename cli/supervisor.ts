import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Child, startChild } from '../runtime/child-process.ts';

/** A program to keep running. */
export interface Program {
  readonly name: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Asked until it answers 2xx; only then the program counts as started. */
  readonly readyUrl: string;
}

/**
 * Keeps programs running: one that ends unasked is started again, after 0.2 s, doubling up to 10 s while it keeps ending. Their output
 * goes to `DIRECTORY/NAME.log`, their ids to `DIRECTORY/processes.json`. Each is stopped by its id, and each ends by itself when this process is killed (its IPC channel closes).
 */
export class Supervisor {
  readonly #directory: string;
  readonly #report: (line: string) => void;
  readonly #running = new Map<string, Child>();
  #stopping = false;

  constructor(directory: string, report: (line: string) => void) {
    this.#directory = directory;
    this.#report = report;
    mkdirSync(directory, { recursive: true });
  }

  /** Starts a program and resolves when it is ready; rejects when it ended before that or is not ready after `timeoutMs`. */
  async start(program: Program, timeoutMs = 60_000): Promise<void> {
    const child = await this.#spawn(program);
    let ended: { code: number | null } | undefined;
    void child.exited.then((exit) => {
      ended = exit;
    });
    const deadline = Date.now() + timeoutMs;
    while (!(await answers(program.readyUrl))) {
      if (ended)
        throw new Error(
          `${program.name} ended with code ${ended.code} before it was ready; see ${this.#logPath(program)}`,
        );
      if (Date.now() > deadline)
        throw new Error(
          `${program.name} was not ready after ${timeoutMs / 1000} s (${program.readyUrl}); see ${this.#logPath(program)}`,
        );
      await delay(25);
    }
    void this.#watch(program, child);
  }

  /** Stops all programs, the last started first. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const child of [...this.#running.values()].reverse()) await child.stop();
  }

  get pids(): ReadonlyMap<string, number> {
    return new Map([...this.#running].map(([name, child]) => [name, child.pid]));
  }

  async #spawn(program: Program): Promise<Child> {
    const output = openSync(this.#logPath(program), 'a');
    const child = await startChild(process.execPath, program.args, {
      stdio: ['ignore', output, output, 'ipc'],
      env: { ...process.env, ...program.environment },
    });
    closeSync(output);
    this.#running.set(program.name, child);
    writeFileSync(join(this.#directory, 'processes.json'), `${JSON.stringify(Object.fromEntries(this.pids))}\n`);
    return child;
  }

  async #watch(program: Program, first: Child): Promise<void> {
    let child = first;
    for (let waitMs = 200; ; waitMs = Math.min(waitMs * 2, 10_000)) {
      const startedAt = Date.now();
      const exit = await child.exited;
      if (this.#stopping) return;
      if (Date.now() - startedAt > 30_000) waitMs = 200;
      this.#report(
        `${program.name} ended (${exit.signal ?? `code ${exit.code}`}), starting it again; see ${this.#logPath(program)}`,
      );
      await delay(waitMs);
      if (this.#stopping) return;
      child = await this.#spawn(program);
    }
  }

  #logPath(program: Program): string {
    return join(this.#directory, `${program.name}.log`);
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(2_000) });
    await answer.body?.cancel();
    return answer.status < 400;
  } catch {
    return false;
  }
}
