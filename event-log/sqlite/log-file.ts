import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LogError } from '../../contract/event-log.ts';
import { type Database, isBusy, openDatabase, sqliteCode } from '../../runtime/sqlite.ts';
import { notALog, unavailable } from '../errors.ts';
import type { LogTelemetry } from '../telemetry.ts';
import { inspectFormat, prepareFormat } from './schema.ts';

/** What every room of the SQLite log is given. */
export interface SqliteLogOptions {
  readonly now: () => Date;
  readonly busyTimeoutMs: number;
  readonly telemetry: LogTelemetry;
}

/** Result codes by which SQLite says that the store failed, and not the statement. https://sqlite.org/rescode.html */
const storageFailures = new Map([
  [3, 'permission denied'],
  [5, 'another process holds the lock'],
  [6, 'another connection of this process holds the lock'],
  [7, 'out of memory'],
  [8, 'the file is read-only'],
  [9, 'interrupted'],
  [10, 'the disk failed'],
  [11, 'the file is corrupt'],
  [13, 'the disk is full'],
  [14, 'the file cannot be opened'],
  [15, 'the locking protocol failed'],
]);
const notADatabase = 26;
/** Short, because a process that commits again and again leaves the lock free for moments only. */
const longestPauseMs = 4;

/** The store itself failed: whatever else was to be written with it has failed as well. */
export function isStorageFailure(error: unknown): boolean {
  return storageFailures.has(sqliteCode(error) ?? 0);
}

/** The log's database file, opened, of the right format, and known to be still the one at its path. */
export class LogFile {
  readonly path: string;
  readonly database: Database;
  readonly #options: SqliteLogOptions;
  readonly #inode: string;
  #closed = false;

  /** Throws LogError `log-format-newer`, `not-a-log` or `log-unavailable`. */
  constructor(path: string, options: SqliteLogOptions) {
    this.path = path;
    this.#options = options;
    this.database = openPrepared(path);
    this.#inode = inodeOf(path)!;
  }

  /**
   * Runs `work`, again and again while another process holds the lock. The event loop is never blocked by waiting, so the
   * connection has no busy timeout of its own. A failure of the store is thrown as LogError `log-unavailable`.
   */
  async whenFree<T>(work: () => T): Promise<T> {
    const deadline = performance.now() + this.#options.busyTimeoutMs;
    for (let attempt = 0; ; attempt += 1) {
      try {
        this.assertInPlace();
        return work();
      } catch (error) {
        if (!isBusy(error) || performance.now() > deadline) throw this.#failure(error);
        this.#options.telemetry.busy();
        await delay(Math.min(2 ** attempt, longestPauseMs));
      }
    }
  }

  /** SQLite goes on writing to a file that was deleted or replaced, where nobody will find it. This notices. */
  assertInPlace(): void {
    if (this.#closed) throw unavailable(this.path, 'it was closed');
    const inode = inodeOf(this.path);
    if (inode === this.#inode) return;
    const found = inode === undefined ? 'deleted' : 'replaced by another file';
    throw unavailable(
      this.path,
      `found it ${found} while open, expected it to stay; start again to open what is there`,
    );
  }

  close(): void {
    this.#closed = true;
    this.database.close();
  }

  #failure(error: unknown): unknown {
    const failure = isStorageFailure(error) ? translated(this.path, error) : error;
    if (failure instanceof LogError && failure.retriable && !this.#closed) this.#options.telemetry.unavailable(failure);
    return failure;
  }
}

function openPrepared(path: string): Database {
  try {
    mkdirSync(dirname(path), { recursive: true });
    inspectUntouched(path);
    const database = openDatabase(path);
    try {
      prepareFormat(database, path);
      database.exec('pragma busy_timeout = 0');
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (error) {
    throw error instanceof LogError ? error : translated(path, error);
  }
}

/** Opening for writing already changes a file (to write-ahead logging); one of another program is to be left as it is. */
function inspectUntouched(path: string): void {
  if (!statSync(path, { throwIfNoEntry: false })?.size) return;
  const database = openDatabase(path, { readOnly: true });
  try {
    inspectFormat(database, path);
  } finally {
    database.close();
  }
}

function translated(path: string, error: unknown): LogError {
  const code = sqliteCode(error) ?? 0;
  if (code === notADatabase) return notALog(path, 'a file that is no SQLite database', error);
  return unavailable(path, storageFailures.get(code) ?? (error as Error).message, error);
}

function inodeOf(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat && `${stat.dev}:${stat.ino}`;
}
