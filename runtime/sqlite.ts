import { closeSync, openSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import type * as PackagedSqlite from '@photostructure/sqlite';

/**
 * The one door to SQLite: the `node:sqlite` API, built into Node and complete from 22.16 on (with `isTransaction`); before that the package
 * `@photostructure/sqlite`, which has the same API and ships its binaries.
 */
export type Database = InstanceType<typeof PackagedSqlite.DatabaseSync>;
export type Statement = ReturnType<Database['prepare']>;

const require = createRequire(import.meta.url);

function load(): typeof PackagedSqlite {
  const builtIn = isBuiltin('node:sqlite') ? withoutExperimentalWarning(() => require('node:sqlite')) : undefined;
  if (builtIn && 'isTransaction' in builtIn.DatabaseSync.prototype) return builtIn;
  return require('@photostructure/sqlite');
}

/** Node calls its SQLite experimental each time a process loads it; what we use of it is tested on every version we support. */
function withoutExperimentalWarning(work: () => typeof PackagedSqlite): typeof PackagedSqlite {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return work();
  } finally {
    process.emitWarning = emitWarning;
  }
}

const { DatabaseSync } = load();
const busyTimeoutMs = 5_000;

/** Opens a database file in WAL mode with `synchronous=FULL`: what was committed survives a power loss. Waits up to 5 s for another writer. */
export function openDatabase(path: string, options: { readOnly?: boolean } = {}): Database {
  if (!options.readOnly) createPrivate(path);
  const database = new DatabaseSync(path, { readOnly: options.readOnly ?? false });
  try {
    database.exec(`pragma busy_timeout = ${busyTimeoutMs}`);
    if (!options.readOnly) switchToWal(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** A database holds customers' data: a new file is its owner's alone, and SQLite gives the files beside it the same mode. */
function createPrivate(path: string): void {
  try {
    closeSync(openSync(path, 'a', 0o600));
  } catch {
    // SQLite meets the same obstacle next and says it better.
  }
}

/** While another process makes the same switch on a fresh file SQLite answers busy at once, without its busy timeout; so it is asked again. */
function switchToWal(database: Database): void {
  const deadline = performance.now() + busyTimeoutMs;
  for (;;) {
    try {
      database.exec('pragma journal_mode = wal; pragma synchronous = full');
      return;
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/** SQLite's primary result code of an error it threw (5 busy, 13 disk full, …), undefined for any other error. https://sqlite.org/rescode.html */
export function sqliteCode(error: unknown): number | undefined {
  const errcode = error instanceof Error ? (error as Error & { errcode?: unknown }).errcode : undefined;
  return typeof errcode === 'number' ? errcode & 0xff : undefined;
}

/** Another connection holds the lock; trying again helps. */
export function isBusy(error: unknown): boolean {
  return sqliteCode(error) === 5;
}

/** Runs `work` in one write transaction: commits what it returned, rolls back when it throws. */
export function inTransaction<T>(database: Database, work: () => T): T {
  database.exec('begin immediate');
  try {
    const result = work();
    database.exec('commit');
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec('rollback');
    throw error;
  }
}
