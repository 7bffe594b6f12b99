import type { Json, JsonObject } from '../../contract/json.ts';
import { type Cell, type Row, type RowChange, Unreadable } from '../mapping/row-change.ts';
import type { SourceTransaction, UnreadWrite } from '../source/change-source.ts';

/** Whose changes they are, for the `source` of every envelope. */
export interface EnvelopeSource {
  readonly version: string;
  readonly connector: 'mariadb' | 'mysql';
  /** Debezium's `topic.prefix`. */
  readonly name: string;
  readonly db: string;
}

/** What Debezium puts around a row change, https://debezium.io/documentation/reference/stable/connectors/mysql.html#mysql-events. */
export interface Envelope {
  readonly before: JsonObject | null;
  readonly after: JsonObject | null;
  readonly source: {
    readonly version: string;
    readonly connector: string;
    readonly name: string;
    readonly ts_ms: number;
    readonly snapshot: 'false';
    readonly db: string;
    readonly table: string;
    /** Null where the transaction's GTID does not tell it (MySQL). */
    readonly server_id: number | null;
    readonly gtid: string | null;
    readonly file: string;
    readonly pos: number;
    readonly row: number;
    readonly thread: number | null;
    readonly query: null;
  };
  readonly transaction: { readonly id: string; readonly total_order: number; readonly data_collection_order: number };
  /** `t` is TRUNCATE. */
  readonly op: 'c' | 'u' | 'd' | 'r' | 't';
  readonly ts_ms: number;
}

/** Places of a change in its transaction and among those of its table there, from 1. */
type Order = Omit<Envelope['transaction'], 'id'>;

/** Makes the envelopes of transactions, in their order; pieces of one transaction count on. */
export class Envelopes {
  readonly #source: EnvelopeSource;
  readonly #now: () => number;
  #total = 0;
  #ofTable = new Map<string, number>();

  constructor(source: EnvelopeSource, now: () => number) {
    this.#source = source;
    this.#now = now;
  }

  /** Of the rows, and of the tables that were truncated, that `wanted` says yes to. All are counted. */
  *of(transaction: SourceTransaction, wanted: (table: string) => boolean): Generator<Envelope, void, undefined> {
    if (!transaction.piece || transaction.piece.index === 0) {
      this.#total = 0;
      this.#ofTable = new Map();
    }
    for (const change of transaction.rows) {
      const order = this.#next(change.table);
      if (wanted(change.table)) yield this.#row(transaction, change, order);
    }
    for (const table of truncatedTables(transaction)) {
      const order = this.#next(table);
      if (wanted(table)) yield this.#cleared(transaction, table, order);
    }
  }

  #next(table: string): Order {
    const ofTable = (this.#ofTable.get(table) ?? 0) + 1;
    this.#ofTable.set(table, ofTable);
    this.#total += 1;
    return { total_order: this.#total, data_collection_order: ofTable };
  }

  #row(transaction: SourceTransaction, change: RowChange, order: Order): Envelope {
    const { table, op, before, after, pos, row } = change;
    return {
      before: before ? imageOf(before) : null,
      after: after ? imageOf(after) : null,
      source: this.#sourceOf(transaction, table, pos, row),
      transaction: { id: transaction.gtid, ...order },
      op,
      ts_ms: this.#now(),
    };
  }

  #cleared(transaction: SourceTransaction, table: string, order: Order): Envelope {
    return {
      before: null,
      after: null,
      source: this.#sourceOf(transaction, table, 0, 0),
      transaction: { id: transaction.gtid, ...order },
      op: 't',
      ts_ms: this.#now(),
    };
  }

  #sourceOf(transaction: SourceTransaction, table: string, pos: number, row: number): Envelope['source'] {
    const { version, connector, name, db } = this.#source;
    const { gtid, committedAt, file, connection } = transaction;
    return {
      version,
      connector,
      name,
      ts_ms: Date.parse(committedAt),
      snapshot: 'false',
      db,
      table,
      server_id: serverOf(gtid),
      gtid: gtid === file.name ? null : gtid,
      file: file.name,
      pos,
      row,
      thread: connection ?? null,
      query: null,
    };
  }
}

function truncatedTables({ unread }: SourceTransaction): readonly string[] {
  return unread.filter(isTruncation).flatMap(({ tables = [] }) => tables);
}

/** Whether an envelope tells the write: the others are known by their SQL alone. */
export function isTruncation({ reason, sql }: UnreadWrite): boolean {
  return reason === 'table-cleared' && /^truncate\b/i.test(sql);
}

/** MariaDB's GTIDs name the server: `0-1-57`. */
function serverOf(gtid: string): number | null {
  const server = /^\d+-(\d+)-\d+$/.exec(gtid)?.[1];
  return server === undefined ? null : Number(server);
}

/** A cell that cannot be told says why; Debezium has no word for it. */
function imageOf(row: Row): JsonObject {
  return Object.fromEntries(Object.entries(row).map(([column, cell]) => [column, told(cell)]));
}

function told(cell: Cell): Json {
  return cell instanceof Unreadable ? { unreadable: cell.reason } : cell;
}
