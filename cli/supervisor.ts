import { closeSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
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

/** How long a start waits for a program. A long initial snapshot, or a database that is away, goes on behind it. */
const patienceMs = 30_000;

/**
 * Keeps programs running: one that ends unasked is started again, after 0.2 s, doubling up to 10 s while it keeps ending. Their output
 * goes to `DIRECTORY/NAME.log`, their ids to `DIRECTORY/processes.json`. Each is stopped by its id, and each ends by itself when this
 * process is killed (its IPC channel closes).
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

  /**
   * Starts a program and keeps it running; tells whether it was ready within 30 s. Rejects, with the end of what it printed, when it ended
   * before it was ready.
   */
  async start(program: Program): Promise<boolean> {
    const before = sizeOf(this.#logPath(program));
    const child = await this.#spawn(program);
    let ended = false;
    void child.exited.then(() => {
      ended = true;
    });
    let ready = await answers(program.readyUrl);
    for (const deadline = Date.now() + patienceMs; !ready && Date.now() < deadline; ) {
      await delay(25);
      ready = await answers(program.readyUrl);
      if (ended && !ready)
        throw new Error(`${program.name} did not start; it said:\n${readFrom(this.#logPath(program), before)}`);
    }
    void this.#watch(program, child);
    return ready;
  }

  /** Stops all programs, the last started first. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const child of [...this.#running.values()].reverse()) await child.stop();
  }

  /** Passes a signal on to all programs. */
  signal(name: NodeJS.Signals): void {
    for (const child of this.#running.values()) child.process.kill(name);
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

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** The last lines of a file behind an offset. */
function readFrom(path: string, offset: number): string {
  return readFileSync(path).subarray(offset).toString().trim().split('\n').slice(-12).join('\n');
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
