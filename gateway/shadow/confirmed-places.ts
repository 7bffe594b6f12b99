import type { Difference } from '../comparison/difference.ts';

const freshMs = 60_000;
const maxPlaces = 1_000;

/**
 * Places that were lately seen to differ for good, by route. A mismatch in such places alone needs no confirmation: so a route that always
 * differs costs control's side one more read per place and minute, not one per request.
 */
export class ConfirmedPlaces {
  readonly #now: () => number;
  /** When each was confirmed, oldest first. */
  readonly #at = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether all these differences are in places confirmed within the last minute. */
  covers(route: string, differences: readonly Difference[]): boolean {
    const now = this.#now();
    return differences.every((difference) => now - (this.#at.get(key(route, difference)) ?? -Infinity) < freshMs);
  }

  add(route: string, differences: readonly Difference[]): void {
    for (const difference of differences) {
      this.#at.delete(key(route, difference));
      this.#at.set(key(route, difference), this.#now());
    }
    for (const oldest of this.#at.keys()) {
      if (this.#at.size <= maxPlaces) return;
      this.#at.delete(oldest);
    }
  }
}

function key(route: string, difference: Difference): string {
  return JSON.stringify([route, difference.path]);
}
