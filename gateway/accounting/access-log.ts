import { setTimeout as delay } from 'node:timers/promises';
import type { LogDestination } from './log-destination.ts';

/** What an access log reports. */
export interface AccessLogEvents {
  /** Lines cannot be written; told once until it has recovered. They wait, up to the buffer. */
  failing(error: Error): void;
  /** They are written again; `dropped` were lost since the start. */
  recovered(dropped: number): void;
  /** The log could not be reopened: it goes on where it was. */
  reopenFailed(error: Error): void;
}

/** How lines are gathered. */
export interface AccessLogOptions {
  readonly destination: LogDestination;
  /** How much may wait, what is being written included; lines beyond that are dropped. Text counts one for each UTF-16 unit. */
  readonly bufferBytes: number;
  readonly events: AccessLogEvents;
  /** The line that stands in the log for lines that were dropped. */
  readonly droppedLine: (lines: number) => string;
}

/** Lines are written when so many are together, or the first of them has waited so long. */
const batchLength = 64 * 1024;
const batchMs = 100;
/** How long to wait after a write that failed. */
const retryMs = 1_000;
/** How long a destination that takes nothing may hold up stopping. */
const stopMs = 2_000;

/** Lines on their way out, and how far they have come. */
interface Batch {
  readonly bytes: Buffer;
  readonly lines: number;
  writtenBytes: number;
}

/**
 * A log that no request waits for: `append` puts a line into a buffer, many lines go out with one write. Guarantees: (1) lines come out
 * whole and in order; (2) what waits is bounded: with a slow or full disk lines are dropped, counted, and a line says how many as soon as
 * lines can be written again; (3) `stop` writes everything that can be written. A process that is killed loses the last 100 ms.
 */
export class AccessLog {
  readonly #options: AccessLogOptions;
  #waiting = '';
  #waitingLines = 0;
  #batch: Batch | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Everything done with the destination, one after the other. */
  #work: Promise<void> = Promise.resolve();
  #state: 'idle' | 'writing' | 'failing' | 'stopped' = 'idle';
  #hasFailed = false;
  #written = 0;
  #dropped = 0;
  #droppedTold = 0;

  constructor(options: AccessLogOptions) {
    this.#options = options;
  }

  /** Lines written and dropped since the start. */
  get counts(): { readonly written: number; readonly dropped: number } {
    return { written: this.#written, dropped: this.#dropped };
  }

  /** Adds a line, which ends in a newline. Never throws and never waits. */
  append(line: string): void {
    const held = this.#waiting.length + (this.#batch?.bytes.length ?? 0);
    if (held + line.length > this.#options.bufferBytes || this.#state === 'stopped') {
      this.#dropped += 1;
      return;
    }
    this.#waiting += line;
    this.#waitingLines += 1;
    if (this.#state === 'idle') this.#schedule();
  }

  /** Lines from now on go to a file that is opened anew: after the old one was moved away by something else. */
  reopen(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#batch) rewindToLine(this.#batch);
      await this.#options.destination.reopen().catch(this.#options.events.reopenFailed);
    });
  }

  /** Writes what waits, as far as it can be written within 2 s; the rest is counted as dropped. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    const written = this.#inTurn(() => this.#writeOut(1)).then(() => this.#options.destination.close());
    await Promise.race([written, delay(stopMs, undefined, { ref: false })]);
    this.#state = 'stopped';
    this.#dropped += this.#waitingLines + (this.#batch?.lines ?? 0);
  }

  #schedule(): void {
    if (this.#waiting.length >= batchLength) this.#write();
    else this.#timer ??= setTimeout(() => this.#write(), batchMs).unref();
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#state = 'writing';
    void this.#inTurn(() => this.#writeOut(batchLength));
  }

  #inTurn(act: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(act);
    return this.#work;
  }

  /** Writes what waits, and again while at least `length` of it has come meanwhile. Less is left to the next batch. */
  async #writeOut(length: number): Promise<void> {
    try {
      do await this.#writeBatch();
      while (this.#waiting.length >= length);
      this.#succeed();
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  async #writeBatch(): Promise<void> {
    this.#batch ??= this.#takeBatch();
    const batch = this.#batch;
    while (batch.writtenBytes < batch.bytes.length) {
      batch.writtenBytes += await this.#options.destination.write(batch.bytes.subarray(batch.writtenBytes));
    }
    this.#written += batch.lines;
    this.#batch = undefined;
  }

  #takeBatch(): Batch {
    const untold = this.#dropped - this.#droppedTold;
    const text = this.#waiting + (untold === 0 ? '' : this.#options.droppedLine(untold));
    const lines = this.#waitingLines;
    this.#droppedTold = this.#dropped;
    this.#waiting = '';
    this.#waitingLines = 0;
    return { bytes: Buffer.from(text), lines, writtenBytes: 0 };
  }

  #succeed(): void {
    this.#state = 'idle';
    if (this.#hasFailed) this.#options.events.recovered(this.#dropped);
    this.#hasFailed = false;
    if (this.#waiting !== '' || this.#dropped > this.#droppedTold) this.#schedule();
  }

  #fail(error: Error): void {
    this.#state = 'failing';
    if (!this.#hasFailed) this.#options.events.failing(error);
    this.#hasFailed = true;
    this.#timer = setTimeout(() => this.#write(), retryMs).unref();
  }
}

/** A line of which a part was written stands in the old file torn; the new one gets it whole. */
function rewindToLine(batch: Batch): void {
  batch.writtenBytes = batch.writtenBytes === 0 ? 0 : batch.bytes.lastIndexOf('\n', batch.writtenBytes - 1) + 1;
}
