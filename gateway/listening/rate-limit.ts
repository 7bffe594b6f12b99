/** Lets a burst of things happen at once and after that so many a second. */
export class RateLimit {
  readonly #burst: number;
  readonly #perSecond: number;
  #left: number;
  #countedAtMs: number;

  constructor({ burst, perSecond }: { burst: number; perSecond: number }, nowMs: number) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#left = burst;
    this.#countedAtMs = nowMs;
  }

  /** Counts one thing; false when it is one too many. */
  allows(nowMs: number): boolean {
    const earned = ((nowMs - this.#countedAtMs) / 1_000) * this.#perSecond;
    this.#left = Math.min(this.#burst, this.#left + earned) - 1;
    this.#countedAtMs = nowMs;
    return this.#left >= 0;
  }
}
