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
  /** How much may wait, what is being written included; lines beyond that are dropped. */
  readonly bufferBytes: number;
  readonly events: AccessLogEvents;
  /** The line that stands in the log where lines were dropped. */
  readonly droppedLine: (lines: number) => string;
}

/** Lines are written when so many are together, or the first of them has waited so long. */
const batchBytes = 64 * 1024;
const batchMs = 100;
/** How long to wait after a write that failed. */
const retryMs = 1_000;
/** How long a destination that takes nothing may hold up stopping. */
const stopMs = 2_000;
const newline = 0x0a;
/** What a UTF-16 unit can take in UTF-8. */
const maxBytesPerUnit = 3;

/** Whole lines on their way out, and how far they have come. */
interface Batch {
  readonly bytes: Buffer;
  /** What the lines stand in, to be used again. */
  readonly block: Buffer | undefined;
  readonly lines: number;
  writtenBytes: number;
}

/**
 * A log that no request waits for: `append` puts a line into a buffer, many lines go out with one write. Guarantees: (1) lines come out
 * whole and in order; (2) what waits is bounded: with a slow or full disk lines are dropped and counted, and a line says how many, where
 * they are missing; (3) `stop` writes everything that can be written. A process that is killed loses the last 100 ms.
 */
export class AccessLog {
  readonly #options: AccessLogOptions;
  /** Optimization: lines are encoded one by one into a block. Joining them as text first takes half as long again. */
  #block: Buffer = Buffer.allocUnsafeSlow(batchBytes);
  #blockBytes = 0;
  #blockLines = 0;
  /** Optimization: two blocks take turns. A new one for each batch makes the garbage collector run for its size. */
  #spareBlock: Buffer | undefined;
  readonly #batches: Batch[] = [];
  #batchesBytes = 0;
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
    if (!this.#hasRoom(line.length)) {
      this.#dropped += 1;
      return;
    }
    if (this.#dropped > this.#droppedTold) this.#tellDropped();
    this.#put(line, 1);
    this.#schedule();
  }

  /** Lines from now on go to a file that is opened anew: after the old one was moved away by something else. */
  reopen(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#batches[0]) rewindToLine(this.#batches[0]);
      await this.#options.destination.reopen().catch(this.#options.events.reopenFailed);
    });
  }

  /** Writes what waits, as far as it can be written within 2 s; the rest is counted as dropped. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    const written = this.#inTurn(() => this.#writeOut()).then(() => this.#options.destination.close());
    await Promise.race([written, delay(stopMs, undefined, { ref: false })]);
    this.#state = 'stopped';
    for (const batch of this.#batches) this.#abandon(batch);
    this.#dropped += this.#blockLines;
  }

  #hasRoom(length: number): boolean {
    return this.#state !== 'stopped' && this.#batchesBytes + this.#blockBytes + length <= this.#options.bufferBytes;
  }

  #put(line: string, lines: number): void {
    const most = line.length * maxBytesPerUnit;
    if (most > batchBytes - this.#blockBytes) this.#seal();
    if (most > batchBytes) {
      this.#addBatch({ bytes: Buffer.from(line), block: undefined, lines, writtenBytes: 0 });
      return;
    }
    this.#blockBytes += this.#block.write(line, this.#blockBytes);
    this.#blockLines += lines;
  }

  #tellDropped(): void {
    const untold = this.#dropped - this.#droppedTold;
    this.#droppedTold = this.#dropped;
    this.#put(this.#options.droppedLine(untold), 0);
  }

  /** What is in the block becomes a batch. */
  #seal(): void {
    if (this.#blockBytes === 0) return;
    const bytes = this.#block.subarray(0, this.#blockBytes);
    this.#addBatch({ bytes, block: this.#block, lines: this.#blockLines, writtenBytes: 0 });
    this.#block = this.#spareBlock ?? Buffer.allocUnsafeSlow(batchBytes);
    this.#spareBlock = undefined;
    this.#blockBytes = 0;
    this.#blockLines = 0;
  }

  #addBatch(batch: Batch): void {
    this.#batches.push(batch);
    this.#batchesBytes += batch.bytes.length;
  }

  #schedule(): void {
    if (this.#state !== 'idle') return;
    if (this.#batches.length > 0) this.#write();
    else this.#timer ??= setTimeout(() => this.#write(), batchMs).unref();
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#state = 'writing';
    void this.#inTurn(() => this.#writeOut());
  }

  #inTurn(act: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(act);
    return this.#work;
  }

  /** Writes everything that waits now, and what becomes a whole batch meanwhile. */
  async #writeOut(): Promise<void> {
    this.#seal();
    try {
      for (let batch = this.#batches[0]; batch; batch = this.#batches[0]) await this.#writeBatch(batch);
      this.#succeed();
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  async #writeBatch(batch: Batch): Promise<void> {
    while (batch.writtenBytes < batch.bytes.length) {
      batch.writtenBytes += await this.#options.destination.write(batch.bytes.subarray(batch.writtenBytes));
    }
    this.#batches.shift();
    this.#batchesBytes -= batch.bytes.length;
    this.#written += batch.lines;
    this.#spareBlock = batch.block;
  }

  /** Its lines up to the one that was torn are written, the others will never be. */
  #abandon({ bytes, lines, writtenBytes }: Batch): void {
    const left = Math.min(lines, bytes.subarray(writtenBytes).filter((byte) => byte === newline).length);
    this.#written += lines - left;
    this.#dropped += left;
  }

  #succeed(): void {
    this.#state = 'idle';
    if (this.#hasFailed) this.#options.events.recovered(this.#dropped);
    this.#hasFailed = false;
    if (this.#dropped > this.#droppedTold) this.#tellDropped();
    if (this.#blockBytes > 0) this.#schedule();
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
  batch.writtenBytes = batch.writtenBytes === 0 ? 0 : batch.bytes.lastIndexOf(newline, batch.writtenBytes - 1) + 1;
}
