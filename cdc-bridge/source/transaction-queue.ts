import type { SourceTransaction } from './change-source.ts';

/** What may wait in memory before the reader is told to pause, and how much one batch may hold. */
const maxWaitingBytes = 8 * 1024 * 1024;
const maxWaiting = 1_000;
const maxBatchRows = 500;

/** Transactions between a reader that pushes and a consumer that takes them in batches; holds the reader back when the consumer is behind. */
export class TransactionQueue {
  readonly #flow: { pause(): void; resume(): void };
  #waiting: SourceTransaction[] = [];
  #bytes = 0;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;
  ended = false;
  paused = false;

  constructor(flow: { pause(): void; resume(): void }) {
    this.#flow = flow;
  }

  /** A transaction without changes only moves the position, so it takes the place of another such before it. */
  push(transaction: SourceTransaction): void {
    const last = this.#waiting.at(-1);
    if (last && isEmpty(last) && isEmpty(transaction)) this.#waiting.pop();
    this.#waiting.push(transaction);
    this.#bytes += transaction.bytes;
    if (!this.paused && (this.#bytes > maxWaitingBytes || this.#waiting.length > maxWaiting)) {
      this.paused = true;
      this.#flow.pause();
    }
    this.#wake?.();
  }

  /** Ends with an error; what waited already is still given out. Only the first failure counts. */
  fail(error: Error): void {
    if (this.ended) return;
    this.#failure = error;
    this.end();
  }

  end(): void {
    this.ended = true;
    this.#wake?.();
  }

  async *batches(): AsyncGenerator<readonly SourceTransaction[], void, undefined> {
    for (;;) {
      const batch = this.#take();
      if (batch.length > 0) yield batch;
      else if (this.#failure) throw this.#failure;
      else if (this.ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #take(): SourceTransaction[] {
    const batch = this.#waiting.splice(0, batchLength(this.#waiting));
    for (const { bytes } of batch) this.#bytes -= bytes;
    if (this.paused && this.#bytes <= maxWaitingBytes / 2 && this.#waiting.length <= maxWaiting / 2) {
      this.paused = false;
      this.#flow.resume();
    }
    return batch;
  }
}

/** As many transactions as have `maxBatchRows` rows together, but at least one. */
function batchLength(waiting: readonly SourceTransaction[]): number {
  let rows = 0;
  for (const [index, transaction] of waiting.entries()) {
    rows += transaction.rows.length;
    if (rows > maxBatchRows) return Math.max(index, 1);
  }
  return waiting.length;
}

function isEmpty({ rows, unread }: SourceTransaction): boolean {
  return rows.length === 0 && unread.length === 0;
}
