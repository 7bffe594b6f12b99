import { BridgeError } from '../../errors.ts';
import type { Cell, Row, RowChange } from '../../mapping/row-change.ts';
import type { KafkaOffsets } from '../../positions/cursor.ts';
import { positionText } from '../../positions/gtid.ts';
import type { GtidSet } from '../../positions/gtid-set.ts';
import { clearedTables } from '../binlog/transactions/cleared-tables.ts';
import { bareStatement, traceparentOf } from '../binlog/transactions/statement.ts';
import type { SourceTransaction, UnreadWrite } from '../change-source.ts';
import { decodeCell } from './cells.ts';
import type { ColumnTypes } from './column-type.ts';
import { type Encodings, encodingOf } from './encodings.ts';
import type { ImageValues, RowRecord } from './record.ts';
import type { TableTypes } from './table-types.ts';
import type { Restored } from './transaction-restoring.ts';

/** What Debezium writes for a value that the row image did not have. */
const unavailable = '__debezium_unavailable_value';

const endless =
  'Debezium published its rows, but not its end: an XA transaction, or one that ended in ROLLBACK; whether it came to be is not told';

/** Told of the first row of each table, with the types of its columns. */
export type OnTable = (table: string, columns: ColumnTypes) => void;

/** Turns restored transactions into those of the port, in order: values decoded, both halves of a key change joined, positions counted up. */
export class SourceTransactions {
  readonly #database: string;
  readonly #types: TableTypes;
  readonly #encodings: Encodings;
  readonly #onTable: OnTable;
  readonly #seen = new Set<string>();
  #position: GtidSet;

  constructor(database: string, position: GtidSet, types: TableTypes, encodings: Encodings, onTable: OnTable) {
    this.#database = database;
    this.#position = position;
    this.#types = types;
    this.#encodings = encodings;
    this.#onTable = onTable;
  }

  /** Everything up to here was given. */
  get position(): string {
    return positionText(this.#position);
  }

  async from(restored: Restored, kafka: KafkaOffsets): Promise<SourceTransaction> {
    const { gtid, committedAtMs, piece, inferred, schemaChanges } = restored;
    const own = restored.rows.filter(({ source }) => source.db === this.#database);
    const rows: RowChange[] = [];
    for (const record of joined(own.filter(({ op }) => op !== 't'))) rows.push(await this.#change(record));
    this.#position = this.#position.withAll(restored.covers);
    const ddl = schemaChanges
      .filter(({ source }) => source.db === this.#database)
      .map((change) => bareStatement(change.ddl));
    return {
      name: `${this.#position.kind}:${gtid}`,
      gtid,
      position: this.position,
      committedAt: inWholeSeconds(committedAtMs),
      rows,
      unread: this.#unread(own, ddl),
      ...(ddl.length > 0 ? { schemaChanges: ddl } : {}),
      ...(piece ? { piece } : {}),
      ...(restored.endless ? { unsettled: endless } : {}),
      ...(inferred ? { inferred } : {}),
      file: { name: own.at(-1)?.source.file ?? '', createdAt: '' },
      bytes: own.reduce((sum, { bytes }) => sum + bytes, 0),
      kafka,
    };
  }

  /** A transaction without rows that stores how far the topics are read. */
  standing(kafka: KafkaOffsets, committedAtMs: number): SourceTransaction {
    return {
      name: this.position,
      gtid: '',
      position: this.position,
      committedAt: inWholeSeconds(committedAtMs),
      rows: [],
      unread: [],
      file: { name: '', createdAt: '' },
      bytes: 0,
      kafka,
    };
  }

  async #change(record: Joined): Promise<RowChange> {
    const { op, before, after, source } = record;
    const columns = await this.#types.columnsAt(source);
    if (!columns) throw unknownTable(source.table);
    if (!this.#seen.has(source.table)) {
      this.#seen.add(source.table);
      this.#onTable(source.table, columns);
    }
    const traceparent = source.query === null ? undefined : traceparentOf(Buffer.from(source.query));
    return {
      table: source.table,
      op,
      ...(before ? { before: this.#image(before, record, columns) } : {}),
      ...(after ? { after: this.#image(after, record, columns) } : {}),
      pos: source.pos,
      row: source.row,
      ...(traceparent ? { traceparent } : {}),
    };
  }

  #image(values: ImageValues, { source, fields }: Joined, columns: ColumnTypes): Row {
    const cells: [string, Cell][] = [];
    for (const [column, value] of Object.entries(values)) {
      if (value === unavailable) continue;
      const type = columns.get(column);
      if (!type) throw unknownColumn(source.table, column);
      const encoding = encodingOf(type, fields?.get(column), this.#encodings);
      if (typeof encoding === 'string') throw undeclared(source.table, column, type.name, encoding);
      cells.push([column, decodeCell(value, type, encoding)]);
    }
    return Object.fromEntries(cells);
  }

  #unread(rows: readonly RowRecord[], ddl: readonly string[]): UnreadWrite[] {
    const truncated = rows
      .filter(({ op }) => op === 't')
      .map(({ source: { table } }) => cleared(`TRUNCATE TABLE ${table}`, [table]));
    const others = ddl.flatMap((sql) => {
      const tables = clearedTables(sql)
        .filter(({ schema = this.#database }) => schema === this.#database)
        .map(({ table }) => table);
      return tables.length > 0 ? [cleared(sql, tables)] : [];
    });
    return [...truncated, ...others];
  }
}

/** As the binlog tells it to everybody: MySQL tells Debezium milliseconds as well. */
function inWholeSeconds(sinceEpochMs: number): string {
  return new Date(Math.floor(sinceEpochMs / 1_000) * 1_000).toISOString();
}

function cleared(sql: string, tables: readonly string[]): UnreadWrite {
  return { reason: 'table-cleared', sql, tables };
}

interface Joined extends Pick<RowRecord, 'source' | 'before' | 'after' | 'fields'> {
  readonly op: RowChange['op'];
}

/** Debezium splits the update of a key into the deletion of the old row and the insertion of the new one, at one place in the binlog. */
function joined(rows: readonly RowRecord[]): Joined[] {
  const result: Joined[] = [];
  for (const record of rows) {
    const last = result.at(-1);
    const isOtherHalf =
      last?.op === 'd' &&
      record.op === 'c' &&
      last.source.pos === record.source.pos &&
      last.source.row === record.source.row;
    if (isOtherHalf) result[result.length - 1] = { ...record, op: 'u', before: last.before };
    else result.push(record as Joined);
  }
  return result;
}

function unknownTable(table: string): BridgeError {
  return new BridgeError(
    'debezium-unusable',
    `table ${table}: found neither a schema change of it in the topics nor the table in the legacy database; set include.schema.changes=true in the connector`,
  );
}

function unknownColumn(table: string, column: string): BridgeError {
  return new BridgeError(
    'debezium-unusable',
    `table ${table}: found column ${column} in a row, which the table did not have then as far as is known; set include.schema.changes=true in the connector, or take out the transform that adds it`,
  );
}

function undeclared(table: string, column: string, type: string, key: keyof Encodings): BridgeError {
  return new BridgeError(
    'debezium-unusable',
    `table ${table}, column ${column} (${type}): the message does not tell how the value is written; declare legacy.database.topics.encodings.${key} as the connector has it`,
  );
}
