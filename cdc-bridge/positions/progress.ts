import { formatLogAddress, type LogAddress } from '../../contract/log-address.ts';
import { parseSourcePosition } from '../../contract/source-position.ts';
import { type GtidSet, gtidSetOf } from './gtid.ts';

/** How far the initial snapshot has come; for a progress bar. */
export interface SnapshotState {
  readonly table: string;
  readonly tablesDone: number;
  readonly tables: number;
  readonly rows: number;
}

interface Waiter {
  readonly target: GtidSet;
  readonly resolve: () => void;
}

/** Where a running bridge is, in memory: what has passed is on the log. Others wait here for a position. */
export class Progress {
  readonly #waiters = new Set<Waiter>();
  #passed: GtidSet | undefined;
  #address: LogAddress;
  position: string | undefined;
  committedAt: string | undefined;
  events = 0;
  snapshot: SnapshotState | undefined;

  constructor(address: LogAddress) {
    this.#address = address;
  }

  /** The last event of this bridge on the log: whoever has read so far has seen everything up to `position`. */
  get address(): string {
    return formatLogAddress(this.#address);
  }

  reach(address: LogAddress): void {
    if (address.offset > this.#address.offset) this.#address = address;
  }

  count(events: number): void {
    this.events += events;
  }

  /** Everything up to `position` is on the log. */
  pass(position: string, committedAt?: string): void {
    this.position = position;
    this.committedAt = committedAt ?? this.committedAt;
    this.#passed = gtidSetOf(parseSourcePosition(position));
    for (const waiter of this.#waiters) if (this.#passed.covers(waiter.target)) waiter.resolve();
  }

  /** Transactions of `head` that have not passed; undefined before streaming has begun. */
  missing(head: string): number | undefined {
    return this.#passed?.missing(gtidSetOf(parseSourcePosition(head)));
  }

  /** Resolves to whether `head` has passed within the time. */
  async waitFor(head: string, waitMs: number): Promise<boolean> {
    if (this.missing(head) === 0) return true;
    const target = gtidSetOf(parseSourcePosition(head));
    return new Promise((resolve) => {
      const settle = (passed: boolean) => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        resolve(passed);
      };
      const waiter: Waiter = { target, resolve: () => settle(true) };
      const timer = setTimeout(() => settle(false), waitMs);
      this.#waiters.add(waiter);
    });
  }
}
