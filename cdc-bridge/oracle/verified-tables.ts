import { BridgeError } from '../errors.ts';
import { columnFacts } from '../source/initial-snapshot/column-facts.ts';
import { type ReadColumn, readColumn } from '../source/initial-snapshot/read-column.ts';
import type { LegacyDatabase, SqlRow } from '../source/legacy-database.ts';
import type { ReplicaTable } from './replica.ts';

/** A table as the oracle reads it. */
export interface VerifiedTable extends ReplicaTable {
  /** All of them, those that `SELECT *` leaves out too. */
  readonly columns: readonly ReadColumn[];
  /** Whether a consistent snapshot holds its rows still. */
  readonly transactional: boolean;
}

/** The tables of those names, or all of the database, in order of name. Throws BridgeError `no-such-table`. */
export async function verifiedTables(database: LegacyDatabase, names?: readonly string[]): Promise<VerifiedTable[]> {
  const rows = await database.query(
    `SELECT t.TABLE_NAME AS name, e.TRANSACTIONS AS transactions
       FROM information_schema.TABLES t LEFT JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE
      WHERE t.TABLE_SCHEMA = ? AND t.TABLE_TYPE LIKE 'BASE TABLE' ORDER BY t.TABLE_NAME`,
    [database.name],
  );
  const known = new Map(rows.map(({ name, transactions }) => [String(name), transactions === 'YES']));
  const missing = names?.find((name) => !known.has(name));
  if (missing !== undefined)
    throw new BridgeError('no-such-table', `database ${database.name} has no table ${missing}`);
  const wanted = [...known].filter(([name]) => names === undefined || names.includes(name));
  const keys = await keysOf(database);
  return Promise.all(
    wanted.map(async ([name, transactional]) => {
      const facts = await columnFacts(database, name);
      const generated = facts.filter((column) => column.generated).map((column) => column.name);
      return { name, transactional, key: keys.get(name), generated, columns: facts.map(readColumn) };
    }),
  );
}

/** The primary key of each table, else its first unique index without NULL: what the server names rows by in minimal images. */
async function keysOf(database: LegacyDatabase): Promise<Map<string, string[]>> {
  const parts = await database.query(
    `SELECT TABLE_NAME AS tab, INDEX_NAME AS name, COLUMN_NAME AS col, NULLABLE AS nullable FROM information_schema.STATISTICS
      WHERE TABLE_SCHEMA = ? AND NON_UNIQUE = 0 ORDER BY TABLE_NAME, INDEX_NAME <> 'PRIMARY', INDEX_NAME, SEQ_IN_INDEX`,
    [database.name],
  );
  const indexes = new Map<string, { table: string; columns: SqlRow[] }>();
  for (const part of parts) {
    const id = JSON.stringify([part.tab, part.name]);
    const index = indexes.get(id) ?? { table: String(part.tab), columns: [] };
    index.columns.push(part);
    indexes.set(id, index);
  }
  const keys = new Map<string, string[]>();
  for (const { table, columns } of indexes.values())
    if (!keys.has(table) && columns.every(isWithoutNull))
      keys.set(
        table,
        columns.map(({ col }) => String(col)),
      );
  return keys;
}

/** A part of an index that is a column, and not an expression, and is never NULL. */
function isWithoutNull({ col, nullable }: SqlRow): boolean {
  return col !== null && nullable !== 'YES';
}
