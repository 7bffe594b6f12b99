import { type ChildProcess, fork } from 'node:child_process';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkerAnswers, WorkerOrder, WorkerQuestion, WorkerStatus } from '../../gateway/workers/workers.ts';
import type { CrewTelemetry } from './crew-telemetry.ts';
import type { FromWorker, ToWorker, Welcome } from './messages.ts';
import { wholeLines } from './whole-lines.ts';

/** How long a worker may take to finish what it has: as long as a gateway drains, and some more. */
const stopMs = 13_000;
const firstPauseMs = 200;
const longestPauseMs = 10_000;
/** After so long its next end is a new trouble, not the same one. */
const steadyMs = 30_000;

type Outcome =
  | { readonly kind: 'done'; readonly answer: unknown }
  | { readonly kind: 'not-done'; readonly problem: string };

/** What a member of the crew stands on. */
export interface MemberPorts {
  /** What it begins with, asked at each start. */
  readonly welcome: () => Omit<Welcome, 'worker'>;
  /** What a process runs. */
  readonly program: string;
  /** Where whole lines of its standard output go; undefined: it shares this process's. */
  readonly stdout: NodeJS.WritableStream | undefined;
  /** It tells of something that the other workers are to know. */
  readonly passOn: (from: Member, order: WorkerOrder) => void;
  readonly telemetry: CrewTelemetry;
}

/**
 * One worker and its processes, one after the other: (starting) → serving → ended → starting … One that ends unasked is started again after 0.2 s,
 * doubling up to 10 s while it keeps ending.
 */
export class Member {
  readonly #number: number;
  readonly #ports: MemberPorts;
  readonly #waiting = new Map<number, (outcome: Outcome) => void>();
  /** Connections on their way to the process, which has not said yet that it has them. */
  readonly #given = new Map<number, Socket>();
  #process: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #status: WorkerStatus;
  #pauseMs = firstPauseMs;
  #lastId = 0;
  #stopping = new AbortController();

  constructor(number: number, ports: MemberPorts) {
    this.#number = number;
    this.#ports = ports;
    this.#status = { worker: number, pid: undefined, state: 'starting', since: new Date().toISOString(), restarts: 0 };
  }

  get status(): WorkerStatus {
    return this.#status;
  }

  /** Starts the first process; resolves when it serves. Rejects with what it says when it cannot. */
  start(): Promise<void> {
    return new Promise((serving, reject) => this.#begin({ serving, failed: (problem) => reject(new Error(problem)) }));
  }

  /** Gives it a connection that nothing was read of. Should it end before it has it, the connection is closed. */
  give(socket: Socket): void {
    this.#lastId += 1;
    const id = this.#lastId;
    this.#given.set(id, socket);
    socket.on('error', () => {});
    this.#process?.send({ kind: 'connection', id } satisfies ToWorker, socket, { keepOpen: true }, (error) => {
      if (error) this.#taken(id);
    });
  }

  /** Undefined when it does not serve, or does not answer in time. */
  async ask<Question extends WorkerQuestion>(
    question: Question,
    withinMs: number,
  ): Promise<WorkerAnswers[Question] | undefined> {
    if (this.#status.state !== 'serving') return undefined;
    const outcome = await this.#request({ kind: 'question', question }, withinMs);
    return outcome.kind === 'done' ? (outcome.answer as WorkerAnswers[Question]) : undefined;
  }

  /** Undefined: it has done it, or is being started and will before it serves. Otherwise why not. */
  async tell(order: WorkerOrder, withinMs: number): Promise<string | undefined> {
    const done = this.#request({ kind: 'order', order }, withinMs);
    if (this.#status.state !== 'serving') return undefined;
    const outcome = await done;
    return outcome.kind === 'not-done' ? outcome.problem : undefined;
  }

  /** Tells without waiting for an answer; one that does not hear it learns of it otherwise. */
  notify(order: WorkerOrder): void {
    this.#send({ kind: 'order', id: 0, order });
  }

  /** Ends its process at once; it is started again. */
  kill(reason: string): void {
    this.#ports.telemetry.killed(this.#number, this.#process?.pid, reason);
    this.#process?.kill('SIGKILL');
  }

  /** Resolves when its process has finished what it had and is gone. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const child = this.#process;
    child?.kill('SIGTERM');
    const cut = setTimeout(() => child?.kill('SIGKILL'), stopMs);
    await this.#exited;
    clearTimeout(cut);
  }

  #begin(first?: { serving(): void; failed(problem: string): void }): void {
    const { program, stdout } = this.#ports;
    const stdio = ['ignore', stdout ? 'pipe' : 'inherit', 'inherit', 'ipc'] as const;
    const child = fork(program, [], { serialization: 'advanced', stdio: [...stdio] });
    if (stdout) child.stdout?.pipe(wholeLines()).pipe(stdout, { end: false });
    const begunAt = performance.now();
    this.#process = child;
    this.#become('starting', {});
    let problem: string | undefined;
    let served = false;
    child.on('message', (message: FromWorker) => {
      switch (message.kind) {
        case 'hello':
          this.#send({ kind: 'welcome', welcome: { ...this.#ports.welcome(), worker: this.#number } });
          break;
        case 'serving':
          served = true;
          this.#become('serving', {});
          first?.serving();
          break;
        case 'client-wrote':
          this.#ports.passOn(this, message);
          break;
        case 'taken':
          this.#taken(message.id);
          break;
        case 'not-serving':
          problem = message.problem;
          break;
        default:
          this.#waiting.get(message.id)?.(message);
      }
    });
    this.#exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        const ended = problem ?? `it ended (${signal ?? `code ${code}`})`;
        this.#ended(ended);
        resolve();
        if (first !== undefined && !served) first.failed(ended);
        else if (!this.#stopping.signal.aborted) void this.#beginAgain(ended, performance.now() - begunAt);
      });
    });
  }

  #ended(detail: string): void {
    this.#process = undefined;
    this.#become('ended', { detail });
    for (const id of this.#given.keys()) this.#taken(id);
    for (const settle of this.#waiting.values()) settle({ kind: 'not-done', problem: detail });
  }

  /** The connection is open in the process that has it, so this end of it can be let go. */
  #taken(id: number): void {
    this.#given.get(id)?.destroy();
    this.#given.delete(id);
  }

  async #beginAgain(ended: string, livedMs: number): Promise<void> {
    const pauseMs = livedMs > steadyMs ? firstPauseMs : this.#pauseMs;
    this.#pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    this.#ports.telemetry.ended(this.#number, ended, pauseMs);
    const { signal } = this.#stopping;
    await delay(pauseMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    this.#status = { ...this.#status, restarts: this.#status.restarts + 1 };
    this.#begin();
  }

  #request(
    request: { kind: 'question'; question: WorkerQuestion } | { kind: 'order'; order: WorkerOrder },
    withinMs: number,
  ): Promise<Outcome> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve) => {
      const settle = (outcome: Outcome) => {
        clearTimeout(late);
        this.#waiting.delete(id);
        resolve(outcome);
      };
      const late = setTimeout(() => settle({ kind: 'not-done', problem: `no answer within ${withinMs} ms` }), withinMs);
      this.#waiting.set(id, settle);
      this.#send({ ...request, id });
    });
  }

  /** Whom it is for may be gone: then its end is told by its exit. */
  #send(message: ToWorker): void {
    if (this.#process?.connected) this.#process.send(message, () => {});
  }

  #become(state: WorkerStatus['state'], { detail = this.#status.detail }: { detail?: string | undefined }): void {
    const { worker, restarts } = this.#status;
    const since = new Date().toISOString();
    const pid = this.#process?.pid;
    this.#status = { worker, pid, state, since, restarts, ...(detail === undefined ? {} : { detail }) };
  }
}
