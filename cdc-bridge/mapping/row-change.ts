import type { Json } from '../../contract/json.ts';

/** A value that is in the row image but cannot be told exactly; a mapping that needs it parks the change. */
export class Unreadable {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }

  /** How it is told on the log and to operators. */
  toJSON(): Json {
    return { unreadable: this.reason };
  }
}

export type Cell = Json | Unreadable;

/** Column → value. A column that is not in the row image has no key here: absent is not NULL. */
export type Row = Readonly<Record<string, Cell>>;

/** The operation in Debezium's letters; r is a row of the initial snapshot. */
export type RowOp = 'c' | 'u' | 'd' | 'r';

/** One row changed by one transaction. Its images may be decoded when they are first asked for: pass it on, never spread it. */
export interface RowChange {
  readonly table: string;
  readonly op: RowOp;
  /** The row as it was: u and d. */
  readonly before?: Row;
  /** The row as it is now: r, c and u. */
  readonly after?: Row;
  /** Offset in the binlog file at which its rows event begins (Debezium's `source.pos`); 0 for rows of a snapshot. */
  readonly pos: number;
  /** Index in its rows event, from 0 (Debezium's `source.row`). */
  readonly row: number;
  /** From the comment at the end of the SQL statement, where it carries one. */
  readonly traceparent?: string;
  /** A child row of a cascade, which the server did not log; derived from the parent's. */
  readonly derived?: true;
}
