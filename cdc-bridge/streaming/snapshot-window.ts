import type { Step } from '../parking/parked-step.ts';
import { passedAt } from '../positions/gtid.ts';
import type { GtidSet } from '../positions/gtid-set.ts';
import type { SourceTransaction } from '../source/change-source.ts';
import type { ChunkRows } from '../source/initial-snapshot/chunk-reader.ts';
import type { Place } from '../source/initial-snapshot/key-order.ts';

/** What may wait in memory for a window to close; beyond that the chunk is given up and read again later. */
const maxHeldRows = 20_000;
const maxHeldBytes = 16 * 1024 * 1024;

/** What was read, and the upper bound of what that saw. */
interface Reading {
  readonly chunk: ChunkRows;
  readonly high: GtidSet;
}

/**
 * One chunk and the transactions that its SELECT may or may not have seen: those beyond `low` and up to the high watermark.
 *
 *     reading ── read ──▶ read ── the stream has reached the high watermark ──▶ closed
 *        └───────────────── give up ────┴─────────▶ given up: nothing of it is on the log
 *
 * The transactions wait here, and go to the log together with the chunk.
 */
export class SnapshotWindow {
  readonly #low: GtidSet;
  /** Keys of the chunk that a held transaction has changed: of these the chunk's rows do not count. */
  readonly touched = new Set<string>();
  /** As they came, for the case that the chunk is given up. */
  readonly held: SourceTransaction[] = [];
  /** What is to be written when the window closes. */
  readonly steps: Step[] = [];
  /** Resolves once rows are there, or none will be. */
  readonly settled: Promise<void>;
  /** Resolves to whether the chunk is on the log. */
  readonly ended: Promise<boolean>;
  #settle!: () => void;
  #end!: (imported: boolean) => void;
  #reading: Reading | undefined;
  #rows = 0;
  #bytes = 0;
  isOpen = true;

  constructor(low: string) {
    this.#low = passedAt(low);
    this.settled = new Promise((resolve) => (this.#settle = resolve));
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  read(chunk: ChunkRows, high: string): void {
    this.#reading = { chunk, high: passedAt(high) };
    this.#settle();
  }

  /** Nothing will be read: whoever waits for rows goes on. */
  fail(): void {
    this.#settle();
  }

  /** The server may show a transaction later than another that came after it: from the first that waits, all wait. */
  concerns(transaction: SourceTransaction): boolean {
    return this.held.length > 0 || !this.#low.has(transaction.name);
  }

  get chunk(): ChunkRows | undefined {
    return this.#reading?.chunk;
  }

  get chunkEnd(): Place | 'table-end' {
    return this.#reading?.chunk.upTo ?? 'table-end';
  }

  /** Whether what readers of the server saw before the chunk was read includes everything up to a position. */
  includes(position: string): boolean {
    return this.#low.covers(passedAt(position));
  }

  /** Whether the chunk is read and everything that it can have seen has come by. */
  isReachedBy(position: string): boolean {
    return this.#reading !== undefined && passedAt(position).covers(this.#reading.high);
  }

  hold(transaction: SourceTransaction): void {
    this.held.push(transaction);
    this.#rows += transaction.rows.length;
    this.#bytes += transaction.bytes;
  }

  get isFull(): boolean {
    return this.#rows > maxHeldRows || this.#bytes > maxHeldBytes;
  }

  end(imported: boolean): void {
    this.isOpen = false;
    this.#settle();
    this.#end(imported);
  }
}
