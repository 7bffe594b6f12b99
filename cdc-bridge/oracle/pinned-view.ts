import type { JsonObject } from '../../contract/json.ts';
import { BridgeError } from '../errors.ts';
import type { Row } from '../mapping/row-change.ts';
import { quoted } from '../source/initial-snapshot/column-facts.ts';
import type { ReadColumn } from '../source/initial-snapshot/read-column.ts';
import type { LegacyDatabase, Session, SqlRow } from '../source/legacy-database.ts';
import { Replica } from './replica.ts';
import { storedRow } from './stored-row.ts';
import type { VerifiedTable } from './verified-tables.ts';

/** Tables as they all were at one binlog position. */
export interface PinnedView {
  readonly position: string;
  /** Every row, one by one, in no order. */
  rows(table: VerifiedTable): AsyncIterable<JsonObject>;
  close(): void;
}

/**
 * Looks at the tables and learns the position that belongs to it. MariaDB tells that of a consistent snapshot without a lock. On MySQL all writes
 * wait for the moment in which it is taken (FLUSH TABLES WITH READ LOCK), and on both until tables of engines without transactions,
 * which no snapshot holds still, are copied. Throws BridgeError `lock-refused` where the account may not do that.
 */
export async function pinView(database: LegacyDatabase, tables: readonly VerifiedTable[]): Promise<PinnedView> {
  const session = await database.session();
  const copies = new Replica();
  const close = () => {
    session.close();
    copies.close();
  };
  try {
    const copied = new Set(tables.filter(({ transactional }) => !transactional));
    const locks = database.identity.flavour === 'mysql' || copied.size > 0;
    const position = await pin(database, session, locks);
    for (const table of copied) await copy(tableRows(session, table), copies, table);
    if (locks) await session.query('UNLOCK TABLES');
    return {
      position,
      rows: (table) => (copied.has(table) ? copiedRows(copies, table) : tableRows(session, table)),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

async function pin(database: LegacyDatabase, session: Session, locks: boolean): Promise<string> {
  await readPlainly(session);
  await session.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
  if (locks) await session.query('FLUSH TABLES WITH READ LOCK').catch(refuseLock);
  await session.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
  return database.identity.flavour === 'mysql' ? database.head() : mariadbPosition(session);
}

function refuseLock(error: Error & { code?: string }): never {
  if (error.code !== 'ER_SPECIFIC_ACCESS_DENIED_ERROR') throw error;
  throw new BridgeError('lock-refused', `FLUSH TABLES WITH READ LOCK: ${error.message}`, { cause: error });
}

/** Instants in UTC, and nothing that a mode of the server would pad or refuse. */
export async function readPlainly(session: Session): Promise<void> {
  await session.query("SET SESSION time_zone = '+00:00', SESSION sql_mode = ''");
}

/** Puts every row into a replica; gives how many. */
export async function copy(rows: AsyncIterable<JsonObject>, into: Replica, table: VerifiedTable): Promise<number> {
  let count = 0;
  for await (const row of rows) {
    into.put(table, into.nameOf(table, row)!, row);
    count += 1;
  }
  return count;
}

async function* copiedRows(copies: Replica, table: VerifiedTable): AsyncGenerator<JsonObject, void, undefined> {
  for (const { row } of copies.rows(table)) yield row;
}

/** https://mariadb.com/kb/en/enhancements-for-start-transaction-with-consistent-snapshot/ */
async function mariadbPosition(session: Session): Promise<string> {
  const status = await session.query("SHOW STATUS LIKE 'binlog_snapshot_%'");
  const value = (name: string) => status.find((row) => String(row.Variable_name).toLowerCase() === name)?.Value;
  const [row] = await session.query('SELECT BINLOG_GTID_POS(?, ?) AS gtids', [
    value('binlog_snapshot_file'),
    Number(value('binlog_snapshot_position')),
  ]);
  return `mariadb:${row!.gtids ?? ''}`;
}

/** What SELECT shows of a table, row by row, in the spelling of the replay. */
export async function* tableRows(
  session: Session,
  { name, columns }: VerifiedTable,
): AsyncGenerator<JsonObject, void, undefined> {
  const list = columns.map((column) => `${column.select} AS ${quoted(column.name)}`).join(', ');
  for await (const record of session.stream(`SELECT ${list} FROM ${quoted(name)}`))
    yield storedRow(rowOf(columns, record));
}

function rowOf(columns: readonly ReadColumn[], record: SqlRow): Row {
  return Object.fromEntries(
    columns.map(({ name, cell }) => [name, cell ? cell(record[name]) : (record[name] as Row[string])]),
  );
}
