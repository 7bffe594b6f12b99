import type { Cell, RowChange } from '../mapping/row-change.ts';
import { keyColumns, type MappedTable, mappedTables, type TablesConfig } from '../mapping/table-mapping.ts';
import type { SnapshotProgress } from '../positions/cursor.ts';
import { fromSelect } from './column-value.ts';
import type { LegacyDatabase, Session } from './legacy-database.ts';

const chunkRows = 500;

/** Some rows of one table, all as they were at one binlog position. */
export interface SnapshotChunk {
  readonly table: string;
  readonly rows: readonly RowChange[];
  /** Where this run looked at the tables. */
  readonly position: string;
  /** When, ISO 8601 in UTC. */
  readonly takenAt: string;
  /** To be stored with the chunk: where the next chunk, in this run or a later one, goes on. */
  readonly progress: SnapshotProgress;
}

/**
 * One run over the mapped tables in order of name, in chunks of key order: every row as it was at the run's `position`. A run that
 * ends early is followed by another from the stored progress; that one looks at a later position, which streaming/snapshot-window.ts
 * reconciles. MariaDB tells the position of a consistent snapshot without any lock; on MySQL writes wait for the moment in
 * which it is taken (FLUSH TABLES WITH READ LOCK).
 */
export interface SnapshotRun {
  readonly position: string;
  chunks(from: SnapshotProgress): AsyncGenerator<SnapshotChunk, void, undefined>;
  close(): void;
}

/** Tables whose rows the initial snapshot reads: those with a rule for op r. */
export function snapshotTables(tables: TablesConfig): [name: string, table: MappedTable][] {
  return mappedTables(tables)
    .filter(([, table]) => Object.values(table.events).some(({ op }) => op === 'r'))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

export async function startSnapshot(database: LegacyDatabase, tables: TablesConfig): Promise<SnapshotRun> {
  const session = await database.session();
  try {
    const position = await pin(database, session);
    const takenAt = await clock(session);
    return {
      position,
      close: () => session.close(),
      async *chunks(from) {
        let progress = from;
        for (const [name, table] of snapshotTables(tables)) {
          if (progress.done.includes(name)) continue;
          for await (const { rows, next } of tableChunks(database, session, name, table, progress)) {
            progress = next;
            yield { table: name, rows, position, takenAt, progress };
          }
        }
      },
    };
  } catch (error) {
    session.close();
    throw error;
  }
}

async function pin(database: LegacyDatabase, session: Session): Promise<string> {
  await session.query("SET SESSION time_zone = '+00:00', SESSION sql_mode = ''");
  await session.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
  return database.identity.flavour === 'mariadb' ? pinMariadb(session) : pinMysql(session);
}

/** https://mariadb.com/kb/en/enhancements-for-start-transaction-with-consistent-snapshot/ */
async function pinMariadb(session: Session): Promise<string> {
  await session.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
  const status = await session.query("SHOW STATUS LIKE 'binlog_snapshot_%'");
  const value = (name: string) => status.find((row) => String(row.Variable_name).toLowerCase() === name)?.Value;
  const [row] = await session.query('SELECT BINLOG_GTID_POS(?, ?) AS gtids', [
    value('binlog_snapshot_file'),
    Number(value('binlog_snapshot_position')),
  ]);
  return `mariadb:${row!.gtids ?? ''}`;
}

async function pinMysql(session: Session): Promise<string> {
  await session.query('FLUSH TABLES WITH READ LOCK');
  await session.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
  const [row] = await session.query('SELECT @@GLOBAL.gtid_executed AS gtids');
  await session.query('UNLOCK TABLES');
  return `mysql:${String(row!.gtids).replace(/\s/g, '')}`;
}

async function clock(session: Session): Promise<string> {
  const [row] = await session.query('SELECT UNIX_TIMESTAMP() AS seconds');
  return new Date(Number(row!.seconds) * 1000).toISOString();
}

interface TableChunk {
  readonly rows: RowChange[];
  readonly next: SnapshotProgress;
}

async function* tableChunks(
  database: LegacyDatabase,
  session: Session,
  name: string,
  table: MappedTable,
  from: SnapshotProgress,
): AsyncGenerator<TableChunk, void, undefined> {
  const columns = await readableColumns(database, name, table);
  const key = keyColumns(table);
  const { current: _current, ...rest } = from;
  let after = from.current?.table === name ? from.current.after : undefined;
  for (;;) {
    const records = await session.query(chunkQuery(name, [...columns.keys()], key, after), [
      ...(after ?? []),
      chunkRows,
    ]);
    const rows = records.map(
      (record, row): RowChange => ({ table: name, op: 'r', after: rowOf(record, columns), pos: 0, row }),
    );
    const last = records.at(-1);
    if (records.length < chunkRows || !last) {
      yield { rows, next: { ...rest, done: [...from.done, name] } };
      return;
    }
    after = key.map((column) => last[column] as string | number);
    yield { rows, next: { ...rest, current: { table: name, after } } };
  }
}

/** Column → type, without the excluded ones: those are never read. */
async function readableColumns(
  database: LegacyDatabase,
  name: string,
  table: MappedTable,
): Promise<Map<string, string>> {
  const excluded = new Set(table.columns?.exclude);
  const columns = await database.query(
    'SELECT COLUMN_NAME AS name, DATA_TYPE AS type FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION',
    [database.name, name],
  );
  return new Map(
    columns
      .filter((column) => !excluded.has(String(column.name)))
      .map(({ name, type }) => [String(name), String(type)]),
  );
}

function chunkQuery(
  table: string,
  columns: readonly string[],
  key: readonly string[],
  after: readonly unknown[] | undefined,
): string {
  const keyList = key.map(quoted).join(', ');
  const beyond = after ? `WHERE (${keyList}) > (${key.map(() => '?').join(', ')})` : '';
  return `SELECT ${columns.map(quoted).join(', ')} FROM ${quoted(table)} ${beyond} ORDER BY ${keyList} LIMIT ?`;
}

function rowOf(record: Readonly<Record<string, unknown>>, columns: ReadonlyMap<string, string>): Record<string, Cell> {
  return Object.fromEntries([...columns].map(([column, type]) => [column, fromSelect(type, record[column])]));
}

function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}
