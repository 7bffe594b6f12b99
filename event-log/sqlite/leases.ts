import type { Lease, LeaseAnswer, Leases } from '../../contract/lease.ts';
import { inTransaction, type Statement } from '../../runtime/sqlite.ts';
import { fenced } from '../errors.ts';
import type { LogFile, SqliteLogOptions } from './log-file.ts';

interface StoredLease {
  readonly epoch: number;
  /** Empty when it was released. */
  readonly holder: string;
  /** Milliseconds since 1970. */
  readonly until: number;
}

const released: StoredLease = { epoch: 0, holder: '', until: 0 };

/** Leases in the log's file. All who share the file share the machine, so its clock is the store's own. */
export class SqliteLeases implements Leases {
  readonly #file: LogFile;
  readonly #now: () => Date;
  readonly #find: Statement;
  readonly #put: Statement;

  constructor(file: LogFile, { now }: SqliteLogOptions) {
    this.#file = file;
    this.#now = now;
    this.#find = file.database.prepare('select epoch, holder, until from lease where name = ?');
    this.#put = file.database.prepare(
      `insert into lease (name, epoch, holder, until) values (?, ?, ?, ?)
       on conflict (name) do update set epoch = excluded.epoch, holder = excluded.holder, until = excluded.until`,
    );
  }

  acquire(name: string, holder: string, ttlMs: number, ended?: string): Promise<LeaseAnswer> {
    return this.#inTransaction(() => {
      const now = this.#now().getTime();
      const found = this.#stored(name);
      const isAnothers = found.holder !== '' && found.holder !== holder && found.holder !== ended;
      if (isAnothers && found.until > now) {
        return { kind: 'held', holder: found.holder, until: instant(found.until) };
      }
      const epoch = found.holder === holder ? found.epoch : found.epoch + 1;
      const until = now + ttlMs;
      this.#put.run(name, epoch, holder, until);
      return { kind: 'acquired', lease: { name, epoch }, until: instant(until) };
    });
  }

  renew(lease: Lease, ttlMs: number): Promise<void> {
    return this.#inTransaction(() => {
      const { epoch, holder } = this.requireNewest(lease);
      this.#put.run(lease.name, epoch, holder, this.#now().getTime() + ttlMs);
    });
  }

  release(lease: Lease): Promise<void> {
    return this.#inTransaction(() => {
      if (this.#stored(lease.name).epoch === lease.epoch) this.#put.run(lease.name, lease.epoch, '', 0);
    });
  }

  /** For the transaction of an append: throws LogError `fenced` when `lease` is not the newest of its name. */
  requireNewest(lease: Lease): StoredLease {
    const found = this.#stored(lease.name);
    if (found.epoch !== lease.epoch) throw fenced(lease, found.epoch, found.holder);
    return found;
  }

  #stored(name: string): StoredLease {
    return (this.#find.get(name) as StoredLease | undefined) ?? released;
  }

  #inTransaction<T>(work: () => T): Promise<T> {
    return this.#file.whenFree(() => inTransaction(this.#file.database, work));
  }
}

function instant(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
