/** Those who wait for a growing offset. */
export class PositionWaiters {
  readonly #waiters = new Set<{ readonly offset: number; resolve(reached: boolean): void }>();

  /** Resolves true when `reached` is called with `offset` or more, false after `timeoutMs`. */
  wait(offset: number, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const waiter = {
        offset,
        resolve: (reached: boolean) => {
          clearTimeout(timeout);
          this.#waiters.delete(waiter);
          resolve(reached);
        },
      };
      const timeout = setTimeout(() => waiter.resolve(false), timeoutMs);
      this.#waiters.add(waiter);
    });
  }

  reached(offset: number): void {
    for (const waiter of this.#waiters) if (waiter.offset <= offset) waiter.resolve(true);
  }
}
