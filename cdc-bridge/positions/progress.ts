import { formatLogAddress, isAtOrAfter, type LogAddress } from '../../contract/log-address.ts';
import { parseSourcePosition } from '../../contract/source-position.ts';
import { gtidSetOf } from './gtid.ts';
import type { GtidSet } from './gtid-set.ts';

/** How far a snapshot has come; for a progress bar. */
export interface SnapshotState {
  /** The import of rows that were there already, or tables read again for what the log has not been told. */
  readonly kind: 'initial' | 'differential';
  readonly table: string;
  readonly tablesDone: number;
  readonly tables: number;
  readonly rows: number;
  readonly rowsPerSecond: number;
  /** Estimated, of this table. */
  readonly remainingRows: number;
  /** Why it pauses, when it does. */
  readonly waitsFor?: string;
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
  /** The binlog file of the newest transaction that has passed. */
  file: string | undefined;
  events = 0;
  snapshot: SnapshotState | undefined;
  #isImporting = false;

  constructor(address: LogAddress) {
    this.#address = address;
  }

  /** The last event of this bridge on the log: whoever has read so far has seen everything up to `position`. */
  get address(): string {
    return formatLogAddress(this.#address);
  }

  reach(address: LogAddress): void {
    if (!isAtOrAfter(this.#address, address)) this.#address = address;
  }

  count(events: number): void {
    this.events += events;
  }

  /** While rows of mapped tables are still to be imported the log lacks them, whatever the position: who waits for one waits on. */
  get isImporting(): boolean {
    return this.#isImporting;
  }

  set isImporting(isImporting: boolean) {
    this.#isImporting = isImporting;
    this.#tellWaiters();
  }

  /** Everything up to `position` is on the log, of the tables that are imported. */
  pass(position: string, committedAt?: string, file?: string): void {
    this.position = position;
    this.committedAt = committedAt ?? this.committedAt;
    this.file = file ?? this.file;
    this.#passed = gtidSetOf(parseSourcePosition(position));
    this.#tellWaiters();
  }

  #tellWaiters(): void {
    if (this.#isImporting) return;
    for (const waiter of this.#waiters) if (this.#passed?.covers(waiter.target)) waiter.resolve();
  }

  /** Transactions of `head` that have not passed; undefined before streaming has begun. */
  missing(head: string): number | undefined {
    return this.#passed?.missing(gtidSetOf(parseSourcePosition(head)));
  }

  /** How old, in milliseconds, the newest transaction is that has passed: 0 when nothing of `head` waits, undefined before that can be told. */
  ageMs(head: string, now: number): number | undefined {
    if (this.missing(head) === 0) return 0;
    return this.committedAt === undefined ? undefined : Math.max(0, now - Date.parse(this.committedAt));
  }

  /** Whether the server that has this head has everything that has passed: not when it was restored from a backup. */
  isOn(head: string): boolean {
    return this.#passed === undefined || gtidSetOf(parseSourcePosition(head)).covers(this.#passed);
  }

  /** Resolves to whether `head` has passed within the time. */
  async waitFor(head: string, waitMs: number): Promise<boolean> {
    if (!this.#isImporting && this.missing(head) === 0) return true;
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
