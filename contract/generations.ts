import type { Lease } from './lease.ts';
import type { LogAddress } from './log-address.ts';

/** A history of topic `domain` with offsets, ids and versions of its own. Numbers start at 1, grow, and are never used again. */
export interface Generation {
  readonly number: number;
  /** `current`: what topic `domain` is. `building`: to take its place. `old`: was current. `discarded`: was built and given up. */
  readonly state: 'old' | 'current' | 'building' | 'discarded';
}

/**
 * The generations of topic `domain`: exactly one is current, at most one is being built beside it. Appends to the current one go on meanwhile;
 * the one being built is appended to by its name, `domain.2`, under a fence. Whatever is asked of a generation that is not what it has to be
 * throws LogError `generation-changed`, and with a lease that has passed on, `fenced`.
 */
export interface Generations {
  /** All there ever were, in their order. */
  list(): Promise<Generation[]>;
  /** Makes an empty one to be built, and gives its number. */
  begin(fence: Lease): Promise<number>;
  /**
   * Makes the one being built the current one. It has to cover the current one up to `covered`; what others have appended there since is
   * carried over as it is in the same step, so that writers who never rest hold nothing up. When that is too much for one step, nothing
   * happens and the answer is false. Followers of the old one are given its last events and then LogError `generation-changed`.
   */
  switch(to: number, covered: LogAddress, fence: Lease): Promise<boolean>;
  /** Gives up the one being built, if any, and deletes what is left of those given up; nobody has ever read them. */
  discard(fence: Lease): Promise<void>;
}
