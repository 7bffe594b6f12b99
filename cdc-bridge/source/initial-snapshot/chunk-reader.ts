import type { Row, RowChange } from '../../mapping/row-change.ts';
import type { LegacyDatabase, Session, SqlRow } from '../legacy-database.ts';
import { quoted } from './column-facts.ts';
import type { Place } from './key-order.ts';
import { anyOf, beyond, orderBy, type TablePlan } from './table-plan.ts';
import { type Watermarks, watermarks } from './watermarks.ts';

/** Rows beyond a place in key order, as one SELECT saw them. */
export interface ChunkRows {
  readonly rows: readonly RowChange[];
  /** The last row's place; undefined at the table's end. */
  readonly upTo: Place | undefined;
  readonly takenAt: string;
}

/** What one chunk may hold of long rows; a single row that is longer comes alone. */
const maxChunkBytes = 8 * 1024 * 1024;

/** Reads chunks over a session of its own, every SELECT for itself: nothing is locked and no transaction stays open. */
export class ChunkReader implements Watermarks {
  readonly #session: Session;
  readonly #watermarks: Watermarks;

  private constructor(session: Session, marks: Watermarks) {
    this.#session = session;
    this.#watermarks = marks;
  }

  static async open(database: LegacyDatabase): Promise<ChunkReader> {
    const session = await database.session();
    try {
      await session.query("SET SESSION time_zone = '+00:00', SESSION sql_mode = ''");
      await session.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
      return new ChunkReader(session, watermarks(database, session));
    } catch (error) {
      session.close();
      throw error;
    }
  }

  low(): Promise<string> {
    return this.#watermarks.low();
  }

  high(): Promise<string> {
    return this.#watermarks.high();
  }

  /** How many of the server's threads are at work at this moment, this one among them. */
  async threadsRunning(): Promise<number> {
    const [row] = await this.#session.query("SHOW GLOBAL STATUS LIKE 'Threads_running'");
    return Number(row!.Value);
  }

  async read(plan: TablePlan, after: Place | undefined, maxRows: number): Promise<ChunkRows> {
    const limit = plan.long.length === 0 ? maxRows : await this.#rowsThatFit(plan, after, maxRows);
    const { where, values } = beyond(plan.key, after);
    const columns = plan.columns.map(({ name, select }) => `${select} AS ${quoted(name)}`).join(', ');
    const takenAt = await this.#clock();
    const records = await this.#session.query(
      `SELECT ${columns} ${from(plan)} ${where} ${orderBy(plan.key)} LIMIT ${limit}`,
      values,
    );
    const rows = records.map((record, row) => readRow(plan, record, row));
    const last = rows.at(-1);
    return { rows, upTo: last && rows.length === limit ? plan.order.placeOf(last.after) : undefined, takenAt };
  }

  /** Those of some rows that are there, by their key columns. */
  async keysAmong(plan: TablePlan, places: readonly Place[]): Promise<{ keys: readonly Row[]; takenAt: string }> {
    const isKey = ({ name }: { name: string }) => plan.key.some((column) => column.name === name);
    const columns = plan.columns.filter(isKey);
    const list = columns.map(({ name, select }) => `${select} AS ${quoted(name)}`).join(', ');
    const { where, values } = anyOf(plan.key, places);
    const takenAt = await this.#clock();
    const records = await this.#session.query(`SELECT ${list} ${from(plan)} WHERE ${where}`, values);
    return { keys: records.map((record, row) => readRow({ ...plan, columns }, record, row).after), takenAt };
  }

  async #clock(): Promise<string> {
    const [row] = await this.#session.query('SELECT UNIX_TIMESTAMP() AS seconds');
    return new Date(Number(row!.seconds) * 1_000).toISOString();
  }

  /** Measures the rows to come, without reading them. Rows may change in between: that is what the watermarks are for. */
  async #rowsThatFit(plan: TablePlan, after: Place | undefined, maxRows: number): Promise<number> {
    const { where, values } = beyond(plan.key, after);
    const size = plan.long.map((name) => `COALESCE(LENGTH(${quoted(name)}), 0)`).join(' + ');
    const sizes = await this.#session.query(
      `SELECT ${size} AS bytes ${from(plan)} ${where} ${orderBy(plan.key)} LIMIT ${maxRows}`,
      values,
    );
    let bytes = 0;
    for (const [index, row] of sizes.entries()) {
      bytes += Number(row.bytes);
      if (bytes > maxChunkBytes) return Math.max(index, 1);
    }
    return maxRows;
  }

  close(): void {
    this.#session.close();
  }
}

function from({ table, index }: TablePlan): string {
  return `FROM ${quoted(table)} FORCE INDEX (${quoted(index)})`;
}

/** Optimization: the driver's object becomes the row; only columns that need another form are touched. */
function readRow(plan: TablePlan, record: SqlRow, row: number): ReadRow {
  const after = record as Record<string, unknown>;
  for (const { name, cell } of plan.columns) if (cell) after[name] = cell(after[name]);
  return new ReadRow(plan.table, after as Row, row);
}

class ReadRow implements RowChange {
  readonly op = 'r';
  readonly pos = 0;
  readonly table: string;
  readonly after: Row;
  readonly row: number;
  constructor(table: string, after: Row, row: number) {
    this.table = table;
    this.after = after;
    this.row = row;
  }
}
