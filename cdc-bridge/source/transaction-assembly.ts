import { isTraceparent } from '../../contract/traceparent.ts';
import { BridgeError } from '../errors.ts';
import type { Row, RowChange } from '../mapping/row-change.ts';
import type { BinlogFile } from '../positions/cursor.ts';
import { positionText } from '../positions/gtid.ts';
import type { GtidSet } from '../positions/gtid-set.ts';
import { clearedTables } from './binlog/transactions/cleared-tables.ts';
import type { SourceTransaction, UnreadWrite } from './change-source.ts';

/** What a binlog reader tells, event by event; `at` is milliseconds since 1970. */
export type BinlogEvent =
  | { readonly kind: 'file'; readonly name: string }
  | { readonly kind: 'format'; readonly at: number }
  /** `standalone`: one statement follows and nothing commits it. MySQL tells only by the BEGIN that follows when it is not. */
  | { readonly kind: 'begin'; readonly gtid: string; readonly standalone: boolean; readonly xa: boolean }
  | { readonly kind: 'statement'; readonly sql: string }
  | {
      readonly kind: 'rows';
      readonly table: string;
      readonly op: 'c' | 'u' | 'd';
      /** Offset at which the event begins. */
      readonly pos: number;
      readonly rows: readonly { readonly before?: Row; readonly after?: Row }[];
      readonly bytes: number;
    }
  | { readonly kind: 'query'; readonly schema: string; readonly sql: string; readonly at: number }
  | { readonly kind: 'commit'; readonly at: number }
  | { readonly kind: 'xa-prepare'; readonly at: number }
  | { readonly kind: 'unknown'; readonly bytes: number };

const xaReason = 'an XA transaction; whether it commits is not followed';

interface OpenTransaction {
  readonly gtid: string;
  standalone: boolean;
  readonly rows: RowChange[];
  readonly unread: UnreadWrite[];
  readonly savepoints: Map<string, number>;
  unsettled?: string;
  traceparent?: string;
  bytes: number;
}

/**
 * Puts binlog events together to transactions. Pure but for its own state:
 *
 *     between ── begin ──▶ open ── commit, query COMMIT | ROLLBACK, xa-prepare, the one statement of a standalone group ──▶ between
 *
 * A savepoint that is rolled back takes its rows with it (MariaDB logs both when engines are mixed). Anything unknown inside a
 * transaction throws BridgeError `binlog-undecodable`.
 */
export class TransactionAssembly {
  readonly #database: string;
  #position: GtidSet;
  #file: BinlogFile = { name: '', createdAt: '' };
  #open: OpenTransaction | undefined;

  constructor(database: string, position: GtidSet) {
    this.#database = database;
    this.#position = position;
  }

  /** The file being read: its name is known from the first event on, its time of creation from the second. */
  get file(): BinlogFile {
    return this.#file;
  }

  /** Takes the next event; gives the transaction that it completes. */
  take(event: BinlogEvent): SourceTransaction | undefined {
    switch (event.kind) {
      case 'file':
        this.#file = { name: event.name, createdAt: '' };
        return undefined;
      case 'format':
        this.#file = { ...this.#file, createdAt: new Date(event.at).toISOString() };
        return undefined;
      case 'begin':
        return this.#begin(event);
      case 'statement':
        if (this.#open) this.#open.traceparent = traceparentOf(event.sql);
        return undefined;
      case 'rows':
        return this.#rows(event);
      case 'query':
        return this.#query(event);
      case 'commit':
        return this.#close(event.at);
      case 'xa-prepare':
        if (this.#open) this.#open.unsettled = xaReason;
        return this.#close(event.at);
      case 'unknown':
        return this.#unknown(event.bytes);
    }
  }

  #begin(event: Extract<BinlogEvent, { kind: 'begin' }>): undefined {
    if (this.#open) throw undecodable(`transaction ${event.gtid} begins before ${this.#open.gtid} has ended`);
    this.#open = {
      gtid: event.gtid,
      standalone: event.standalone,
      rows: [],
      unread: [],
      savepoints: new Map(),
      bytes: 0,
      ...(event.xa ? { unsettled: xaReason } : {}),
    };
  }

  #rows(event: Extract<BinlogEvent, { kind: 'rows' }>): undefined {
    const open = this.#open;
    if (!open) throw undecodable(`rows of table ${event.table} outside a transaction`);
    open.bytes += event.bytes;
    for (const [row, images] of event.rows.entries()) {
      open.rows.push({
        table: event.table,
        op: event.op,
        ...images,
        pos: event.pos,
        row,
        ...(open.traceparent ? { traceparent: open.traceparent } : {}),
      });
    }
  }

  #query({ schema, sql, at }: Extract<BinlogEvent, { kind: 'query' }>): SourceTransaction | undefined {
    const open = this.#open;
    if (!open) return undefined;
    const text = withoutComments(sql);
    if (/^commit$/i.test(text)) return this.#close(at);
    if (/^rollback$/i.test(text)) return this.#rolledBack(at);
    if (/^xa start/i.test(text)) open.unsettled = xaReason;
    if (/^(begin|xa start)/i.test(text)) open.standalone = false;
    markOrReturn(open, text);
    this.#noteUnread(open, schema, text);
    return open.standalone ? this.#close(at) : undefined;
  }

  /** A write logged as text counts when it ran in our database or names it; statements that clear tables say which. */
  #noteUnread(open: OpenTransaction, schema: string, text: string): void {
    const near = schema === this.#database || text.includes(this.#database);
    if (near && /^(insert|update|delete|replace|load data)\b/i.test(text))
      open.unread.push({ reason: 'statement-format', sql: text });
    const cleared = clearedTables(text).filter((name) => (name.schema ?? schema) === this.#database);
    if (cleared.length > 0)
      open.unread.push({ reason: 'table-cleared', sql: text, tables: cleared.map(({ table }) => table) });
  }

  #rolledBack(at: number): SourceTransaction | undefined {
    if (this.#open && this.#open.rows.length > 0) this.#open.unsettled = 'rows in a transaction that ended in ROLLBACK';
    return this.#close(at);
  }

  #close(at: number): SourceTransaction | undefined {
    const open = this.#open;
    if (!open) return undefined;
    this.#open = undefined;
    this.#position = this.#position.with(open.gtid);
    const { kind } = this.#position;
    return {
      name: `${kind}:${open.gtid}`,
      gtid: open.gtid,
      position: positionText(this.#position),
      committedAt: new Date(at).toISOString(),
      rows: open.rows,
      unread: open.unread,
      ...(open.unsettled ? { unsettled: open.unsettled } : {}),
      file: this.#file,
      bytes: open.bytes,
    };
  }

  /** A STOP event (a server shutting down) has no body and stands between transactions; every other unknown event may carry changes. */
  #unknown(bytes: number): undefined {
    if (this.#open || bytes > 0) {
      throw undecodable(
        `an event of unknown type, ${bytes} bytes, ${this.#open ? `in transaction ${this.#open.gtid}` : 'between transactions'}`,
      );
    }
  }
}

function markOrReturn(open: OpenTransaction, text: string): void {
  const [, verb, name] = /^(savepoint|rollback to) (.+)$/i.exec(text) ?? [];
  if (!verb || !name) return;
  if (verb.toLowerCase() === 'savepoint') open.savepoints.set(name, open.rows.length);
  else open.rows.length = open.savepoints.get(name) ?? open.rows.length;
}

function undecodable(what: string): BridgeError {
  return new BridgeError('binlog-undecodable', `binlog: ${what}`);
}

function withoutComments(sql: string): string {
  return sql.replace(/^(\s|\/\*(?!!)[\s\S]*?\*\/|--[^\n]*\n|#[^\n]*\n)+/, '').replace(/;?\s*$/, '');
}

/**
 * The traceparent of a sqlcommenter comment. Only the comment that ends the statement counts: text before it can be a user's.
 * https://google.github.io/sqlcommenter/spec/
 */
export function traceparentOf(sql: string): string | undefined {
  const text = sql.replace(/[;\s]+$/, '');
  if (!text.endsWith('*/')) return undefined;
  const comment = text.slice(text.lastIndexOf('/*') + 2, -2);
  const value = /(?:^|[,\s])traceparent='([^']*)'/.exec(comment)?.[1];
  return isTraceparent(value) ? value : undefined;
}
