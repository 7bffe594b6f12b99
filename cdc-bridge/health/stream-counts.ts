import { isChunk, type Step } from '../parking/parked-step.ts';
import type { SourceTransaction } from '../source/change-source.ts';

/** What a source has given since the bridge was started, for metrics and status. */
export class StreamCounts {
  /** Committed transactions that are on the log, or that nothing of was to go there. */
  transactions = 0;
  /** Connections to the source that were lost. */
  disconnects = 0;
  /** The newest transaction, `mariadb:0-1-57`. */
  lastTransaction: string | undefined;
  #lastEventAt: number | undefined;
  #behindSourceMs: number | undefined;

  /** Takes what is on the log as of `now`, in milliseconds since the epoch. */
  wrote(steps: readonly Step[], now: number): void {
    let newest: SourceTransaction | undefined;
    for (const step of steps) {
      if (isChunk(step)) continue;
      if (!step.piece || step.piece.last) this.transactions += 1;
      this.lastTransaction = step.name;
      if (step.rows.length > 0) newest = step;
    }
    if (!newest) return;
    this.#lastEventAt = now;
    this.#behindSourceMs = Math.max(0, now - Date.parse(newest.committedAt));
  }

  /** What `GET /status` shows, with ages as of `now`. */
  shown(now: number): StreamStatus {
    const { transactions, disconnects, lastTransaction } = this;
    return {
      transactions,
      disconnects,
      ...(lastTransaction !== undefined && { lastTransaction }),
      ...(this.#behindSourceMs !== undefined && { behindSourceMs: this.#behindSourceMs }),
      ...(this.#lastEventAt !== undefined && { sinceLastEventMs: Math.max(0, now - this.#lastEventAt) }),
    };
  }
}

/** How the stream of changes is getting on. What no row change has shown yet is left out. */
export interface StreamStatus {
  readonly transactions: number;
  readonly disconnects: number;
  readonly lastTransaction?: string;
  /** How old the newest row change was when it was on the log. Commit times are whole seconds. */
  readonly behindSourceMs?: number;
  readonly sinceLastEventMs?: number;
}
