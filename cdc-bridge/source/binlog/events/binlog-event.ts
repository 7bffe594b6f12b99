/** What an event means to whoever puts transactions together. Offsets are those of the binlog file; `at` is in milliseconds since 1970. */
export type BinlogEvent =
  | { readonly kind: 'file'; readonly name: string; readonly offset: number }
  /** `createdAt` names the file together with its name: a server that was set up anew repeats only the latter. */
  | { readonly kind: 'format'; readonly serverVersion: string; readonly createdAt: number }
  /** Everything that was committed before this file began, as the text of a GTID set. */
  | { readonly kind: 'gtids-before'; readonly flavour: 'mariadb' | 'mysql'; readonly gtids: string }
  | TransactionBegin
  /** The SQL text of the statement whose rows follow. */
  | { readonly kind: 'statement'; readonly sql: Buffer }
  | { readonly kind: 'table'; readonly tableId: number; readonly body: Buffer }
  | RowsEvent
  | QueryEvent
  | { readonly kind: 'commit'; readonly at: number }
  | { readonly kind: 'xa-prepare'; readonly xid: string; readonly onePhase: boolean; readonly at: number }
  /** A whole transaction in one compressed event of MySQL's. The events are decompressed as they are asked for, once. */
  | { readonly kind: 'compressed'; readonly events: Iterable<BinlogEvent> }
  /** Nothing that concerns row changes. */
  | { readonly kind: 'other' };

/** The event that opens a group. */
export interface TransactionBegin {
  readonly kind: 'begin';
  readonly pos: number;
  readonly at: number;
  /** `0-1-57`, `UUID:57` or `UUID:tag:57`; undefined when MySQL runs without GTIDs. */
  readonly gtid: string | undefined;
  /** One statement follows and nothing commits it. MySQL tells only by the BEGIN that follows when it is not so. */
  readonly standalone: boolean;
  /** MariaDB says at once when the group prepares an XA transaction; MySQL by the XA START that follows. */
  readonly preparesXa?: true;
  /** MariaDB's ALTER in two phases: what is done at its start counts only when it is committed. */
  readonly alter?: 'start' | 'commit' | 'rollback';
  readonly connection?: number;
}

/** Rows of one table, not decoded yet. */
export interface RowsEvent {
  readonly kind: 'rows';
  readonly type: number;
  readonly tableId: number;
  /** Where the event begins. */
  readonly pos: number;
  /** The whole event, and where in it the rows end: the checksum follows. The body is cut out only of those that are wanted. */
  readonly event: Buffer;
  readonly end: number;
}

/** A statement that is logged as its text. */
export interface QueryEvent {
  readonly kind: 'query';
  /** The session's default database. */
  readonly schema: string;
  readonly sql: string;
  /** The session's thread id. */
  readonly connection: number;
  readonly at: number;
}
