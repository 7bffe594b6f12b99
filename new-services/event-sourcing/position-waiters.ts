import { isAtOrAfter, type LogAddress } from '../../contract/log-address.ts';

/** Those who wait for a position that only advances. */
export class PositionWaiters {
  readonly #waiters = new Set<{ readonly position: LogAddress; resolve(reached: boolean): void }>();

  /** Resolves true when `reached` is called with `position` or a later one, false after `timeoutMs`. */
  wait(position: LogAddress, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const waiter = {
        position,
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

  reached(position: LogAddress): void {
    for (const waiter of this.#waiters) if (isAtOrAfter(position, waiter.position)) waiter.resolve(true);
  }
}
