/** Something that must have happened by a time. */
export interface Timed {
  /** On the clock of `performance.now()`; Infinity: it may take for ever. */
  deadlineMs: number;
  /** The deadline has passed; it was set to Infinity before. Must not throw. */
  onDeadline(): void;
}

/** How often it is looked whose time has come, and so how late that may be noticed. */
const sweepMs = 100;

/**
 * One clock for all connections. Optimization: a timer for each request costs more than the rest of its book-keeping; here a deadline is a
 * number that is written into an object and looked at ten times a second.
 */
export class Deadlines {
  readonly #timed = new Set<Timed>();
  #nowMs = performance.now();
  #sweeping: NodeJS.Timeout | undefined;

  /** The time of the last sweep, while anything is watched. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** The deadline that is at least `ms` from now. */
  after(ms: number): number {
    return this.#nowMs + ms + sweepMs;
  }

  watch(timed: Timed): void {
    this.#timed.add(timed);
    if (this.#sweeping) return;
    this.#nowMs = performance.now();
    this.#sweeping = setInterval(() => this.#sweep(), sweepMs).unref();
  }

  unwatch(timed: Timed): void {
    this.#timed.delete(timed);
    if (this.#timed.size > 0) return;
    clearInterval(this.#sweeping);
    this.#sweeping = undefined;
  }

  #sweep(): void {
    this.#nowMs = performance.now();
    for (const timed of this.#timed) {
      if (timed.deadlineMs > this.#nowMs) continue;
      timed.deadlineMs = Number.POSITIVE_INFINITY;
      timed.onDeadline();
    }
  }
}
