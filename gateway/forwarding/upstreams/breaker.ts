/** Whether a side that failed is asked again. `half-open`: one request is on its way to find out. */
export type BreakerState = 'closed' | 'open' | 'half-open';

/** Failures one after the other that open the breaker, and how long it then stays open before one request may try. */
export interface BreakerLimits {
  readonly failures: number;
  readonly openMs: number;
}

/**
 * Stops asking a side that does not answer.
 *
 *   closed ──failures in a row──▶ open ──openMs──▶ half-open ──answer──▶ closed
 *                                  ▲                   │
 *                                  └──────failure──────┘
 */
export class Breaker {
  readonly #limits: BreakerLimits;
  readonly #now: () => number;
  readonly #onChange: (state: BreakerState) => void;
  #state: BreakerState = 'closed';
  #failures = 0;
  #openedAt = 0;

  constructor(limits: BreakerLimits, now: () => number, onChange: (state: BreakerState) => void) {
    this.#limits = limits;
    this.#now = now;
    this.#onChange = onChange;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** Whether a request would be let through now. Looking takes no place. */
  get wouldAllow(): boolean {
    if (this.#state === 'open') return this.#now() - this.#openedAt >= this.#limits.openMs;
    return this.#state === 'closed';
  }

  /** Lets a request through or not. When it was open long enough, the one let through must answer with `succeeded` or `failed`. */
  allow(): boolean {
    if (!this.wouldAllow) return false;
    if (this.#state === 'open') this.#become('half-open');
    return true;
  }

  succeeded(): void {
    this.#failures = 0;
    if (this.#state !== 'closed') this.#become('closed');
  }

  failed(): void {
    this.#failures += 1;
    if (this.#state === 'closed' && this.#failures < this.#limits.failures) return;
    this.#openedAt = this.#now();
    if (this.#state !== 'open') this.#become('open');
  }

  /** What was let through ended without telling anything of the side, such as a client that left: another may try. */
  withdrawn(): void {
    if (this.#state === 'half-open') this.#become('open');
  }

  /** Opens at once, by what was learned elsewhere, and stays so for another `openMs`. */
  trip(): void {
    this.#openedAt = this.#now();
    if (this.#state !== 'open') this.#become('open');
  }

  #become(state: BreakerState): void {
    this.#state = state;
    this.#onChange(state);
  }
}
