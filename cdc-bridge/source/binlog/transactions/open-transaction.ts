import type { RowChange } from '../../../mapping/row-change.ts';
import type { UnreadWrite } from '../../change-source.ts';
import type { TransactionBegin } from '../events/binlog-event.ts';
import type { Content } from './committed-transaction.ts';

/** The group of events that is being read, up to its end. */
export class OpenTransaction {
  readonly gtid: string | undefined;
  readonly pos: number;
  /** When it was begun to be written, in milliseconds since 1970. */
  readonly at: number;
  readonly alter: TransactionBegin['alter'];
  standalone: boolean;
  /** Whether an XA PREPARE will end it, so that nothing of it may go out before. */
  preparesXa: boolean;
  connection: number | undefined;
  traceparent: string | undefined;
  unsettled: string | undefined;
  rows: RowChange[] = [];
  unread: UnreadWrite[] = [];
  schemaChanges: string[] = [];
  /** In the binlog, of the rows that are held here. */
  bytes = 0;
  /** Pieces of it that went out. */
  pieces = 0;
  readonly #savepoints = new Map<string, number>();

  constructor(begin: TransactionBegin) {
    this.gtid = begin.gtid;
    this.pos = begin.pos;
    this.at = begin.at;
    this.alter = begin.alter;
    this.standalone = begin.standalone;
    this.preparesXa = begin.preparesXa ?? false;
    this.connection = begin.connection;
  }

  /** Whether what has been read may still be taken back. */
  get isHeld(): boolean {
    return this.preparesXa || this.#savepoints.size > 0;
  }

  mark(savepoint: string): void {
    this.#savepoints.set(savepoint, this.rows.length);
  }

  /** Takes back the rows since the savepoint, but those of tables that cannot be rolled back: they stay, wherever they stand. */
  returnTo(savepoint: string, staysOnRollback: (table: string) => boolean | undefined): void {
    const since = this.#savepoints.get(savepoint);
    if (since !== undefined) this.rollBack(since, staysOnRollback);
  }

  /** The same from one row on; a table of which nobody knows leaves its rows unsettled. */
  rollBack(since: number, staysOnRollback: (table: string) => boolean | undefined): void {
    const kept = this.rows.slice(0, since);
    for (const row of this.rows.slice(since)) {
      const stays = staysOnRollback(row.table);
      if (stays === false) continue;
      kept.push(row);
      if (stays === undefined)
        this.unsettled = 'rows of a table of unknown engine in a transaction that was rolled back';
    }
    this.rows = kept;
  }

  /** What has gathered; it gathers anew. */
  takePiece(last: boolean): Content {
    const { rows, unread, schemaChanges, unsettled, bytes, pieces: index } = this;
    this.rows = [];
    this.unread = [];
    this.schemaChanges = [];
    this.bytes = 0;
    this.pieces += 1;
    const isWhole = index === 0 && last;
    return { rows, unread, schemaChanges, unsettled, bytes, piece: isWhole ? undefined : { index, last } };
  }
}
