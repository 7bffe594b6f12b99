import type { RowChange } from '../mapping/row-change.ts';
import type { BinlogFile, KafkaOffsets } from '../positions/cursor.ts';

/** A write whose rows are unknown: the binlog has it as SQL text, or has rows that cannot be decoded. */
export interface UnreadWrite {
  readonly reason: 'statement-format' | 'table-cleared' | 'undecodable-table' | 'xa-prepared-before';
  /** The statement; of an undecodable table, what could not be decoded. */
  readonly sql: string;
  /** The tables it is about; `*` stands for all, absent means unknown. */
  readonly tables?: readonly string[];
}

/** One committed transaction of the legacy database, in the order of its binlog. */
export interface SourceTransaction {
  /** `mariadb:0-1-57`: the same text whenever and from wherever it is read. */
  readonly name: string;
  /** `0-1-57`; of a transaction without a GTID the name of its binlog file. */
  readonly gtid: string;
  /** Everything read up to and including this transaction, as text of contract/source-position.ts. */
  readonly position: string;
  /** The binlog's commit time, ISO 8601 in UTC; whole seconds. */
  readonly committedAt: string;
  readonly rows: readonly RowChange[];
  readonly unread: readonly UnreadWrite[];
  /** DDL statements on the database as they were logged: what is known of its tables may be out of date. */
  readonly schemaChanges?: readonly string[];
  /**
   * Set when the transaction is too large for memory and comes in parts, in order. The `position` of a part that is not the last is the one
   * before the transaction: after a crash it is read again from its beginning.
   */
  readonly piece?: { readonly index: number; readonly last: boolean };
  /** The writing session's thread id, where the binlog tells it (MySQL). */
  readonly connection?: number;
  /** Of an XA transaction, as its statements spell it: `X'6761',X'',1`. Its rows were written before those of transactions that came earlier. */
  readonly xid?: string;
  /** Where reading must begin after a restart when that is before `position`: there an XA transaction begins that is prepared and no more. */
  readonly resume?: string;
  /** Set when the rows may not have come to be: the transaction was rolled back, and of a table's engine nobody knows whether it can. */
  readonly unsettled?: string;
  readonly file: BinlogFile;
  /** Size in the binlog, or of the messages that it came in. */
  readonly bytes: number;
  /** Set when the source did not tell where the transaction ends: its rows were put together by what they have in common. */
  readonly inferred?: true;
  /** Where the topics of a Debezium are read on from when everything up to here is stored. */
  readonly kafka?: KafkaOffsets;
}

/** A copy with some facts changed. Not by spreading: a transaction may tell its positions by getters of its class. */
export function changedStep<Step extends object, Changes extends object>(step: Step, changes: Changes): Step & Changes {
  return Object.assign(Object.create(Object.getPrototypeOf(step)), step, changes);
}

/** Where to read on from. */
export interface ResumePoint {
  readonly position: string;
  readonly file?: BinlogFile;
  /** From here everything is read, but nothing is given again that `position` covers. */
  readonly resume?: string;
  readonly kafka?: KafkaOffsets;
}

/** Where to read on from behind a transaction. Of a piece that is not the last, that is before its transaction. */
export function resumePoint({ position, file, resume, kafka }: SourceTransaction): ResumePoint {
  return { position, file, ...(resume && { resume }), ...(kafka && { kafka }) };
}

/**
 * Row changes of a legacy database.
 *
 * Guarantees: (1) transactions come whole and in commit order; (2) none after `from` is left out: what cannot be decoded throws
 * BridgeError `binlog-undecodable`, an unusable position `position-not-on-server`, a foreign server `another-server`; (3) a lost connection is
 * made again with back-off, from the last batch that the consumer came back for; (4) a transaction without rows of the database may be left
 * out when another follows at once, its position is then covered by that one's. Ends when `signal` aborts.
 */
export interface ChangeSource {
  follow(from: ResumePoint, signal: AbortSignal): AsyncIterable<readonly SourceTransaction[]>;
}
