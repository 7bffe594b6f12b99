import { positionText } from '../../../positions/gtid.ts';
import type { GtidSet } from '../../../positions/gtid-set.ts';

/** A longer chain of positions that nobody asks for would only take memory. */
const maxDepth = 10_000;

/**
 * Everything up to and including one transaction. Optimization: most positions are never asked for, only that of the last transaction of a
 * batch; so each remembers its transaction and the one before, and is worked out when it is asked for.
 */
export class Passed {
  #before: Passed | undefined;
  readonly #transaction: string;
  /** How many stand before it that are not worked out. */
  readonly #depth: number;
  #set: GtidSet | undefined;

  private constructor(before: Passed | undefined, transaction: string, set: GtidSet | undefined) {
    this.#before = before;
    this.#transaction = transaction;
    this.#set = set;
    this.#depth = before && !before.#set ? before.#depth + 1 : 0;
    if (this.#depth >= maxDepth) void this.set;
  }

  static at(set: GtidSet): Passed {
    return new Passed(undefined, '', set);
  }

  /** This and one more transaction, by its GTID, or by the place in the binlog files where it ends. */
  with(transaction: string): Passed {
    return new Passed(this, transaction, undefined);
  }

  get set(): GtidSet {
    const later: string[] = [];
    let known: Passed = this;
    while (!known.#set) {
      later.push(known.#transaction);
      known = known.#before!;
    }
    this.#set = known.#set.withAll(later.reverse());
    this.#before = undefined;
    return this.#set;
  }

  /** As text of contract/source-position.ts. */
  get text(): string {
    return positionText(this.set);
  }
}
