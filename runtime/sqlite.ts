import { createRequire } from 'node:module';
import type * as PackagedSqlite from '@photostructure/sqlite';

/**
 * The one door to SQLite: the `node:sqlite` API, built into Node from 22.5 on; before that the package `@photostructure/sqlite`, which
 * has the same API and ships its binaries.
 */
export type Database = InstanceType<typeof PackagedSqlite.DatabaseSync>;
export type Statement = ReturnType<Database['prepare']>;

const require = createRequire(import.meta.url);

function load(): typeof PackagedSqlite {
  try {
    return require('node:sqlite');
  } catch {
    return require('@photostructure/sqlite');
  }
}

const { DatabaseSync } = load();

/** Opens a database file in WAL mode with `synchronous=FULL`: what was committed survives a power loss. Waits up to 5 s for another writer. */
export function openDatabase(path: string, options: { readOnly?: boolean } = {}): Database {
  const database = new DatabaseSync(path, { readOnly: options.readOnly ?? false });
  database.exec('pragma busy_timeout = 5000');
  if (!options.readOnly) database.exec('pragma journal_mode = wal; pragma synchronous = full');
  return database;
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
