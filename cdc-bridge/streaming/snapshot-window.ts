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
 *     opened ── low is known ──▶ reading ── read ──▶ read ── the stream has reached the high watermark ──▶ closed
 *        └──────────────────────────┴────── give up ───┴─────────▶ given up: nothing of it is on the log
 *
 * The stream stands still until `low` is known. Then the transactions beyond it wait here, and go to the log together with the chunk.
 */
export class SnapshotWindow {
  /** Resolves once `low` is known, or will not be. */
  readonly positioned: Promise<void>;
  /** Where the stream stood when the window was opened. */
  readonly #from: string;
  #low: GtidSet | undefined;
  #position!: () => void;
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

  constructor(from: string) {
    this.#from = from;
    this.positioned = new Promise((resolve) => (this.#position = resolve));
    this.settled = new Promise((resolve) => (this.#settle = resolve));
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  /** Takes the low watermark; false while it does not include where the stream stands: readers do not see all of that yet. */
  begin(low: string): boolean {
    const known = passedAt(low);
    if (!known.covers(passedAt(this.#from))) return false;
    this.#low = known;
    this.#position();
    return true;
  }

  read(chunk: ChunkRows, high: string): void {
    this.#reading = { chunk, high: passedAt(high) };
    this.#settle();
  }

  /** Nothing will be read: whoever waits for rows goes on. */
  fail(): void {
    this.#position();
    this.#settle();
  }

  /** The server may show a transaction later than another that came after it: from the first that waits, all wait. */
  concerns(transaction: SourceTransaction): boolean {
    return this.held.length > 0 || !this.#low?.has(transaction.name);
  }

  get isPositioned(): boolean {
    return this.#low !== undefined;
  }

  get chunk(): ChunkRows | undefined {
    return this.#reading?.chunk;
  }

  get chunkEnd(): Place | 'table-end' {
    return this.#reading?.chunk.upTo ?? 'table-end';
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
    this.fail();
    this.#end(imported);
  }
}
