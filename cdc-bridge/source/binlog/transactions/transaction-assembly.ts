import { BridgeError } from '../../../errors.ts';
import type { BinlogFile } from '../../../positions/cursor.ts';
import { FilePosition } from '../../../positions/file-position.ts';
import type { GtidSet } from '../../../positions/gtid-set.ts';
import type { SourceTransaction } from '../../change-source.ts';
import type { TableDecoder } from '../decoding/table-decoder.ts';
import { undecodable } from '../decoding/undecodable.ts';
import type { BinlogEvent, QueryEvent, RowsEvent, TransactionBegin } from '../events/binlog-event.ts';
import { headerBytes } from '../events/event-header.ts';
import { eventType } from '../events/event-type.ts';
import { xidOfStatement } from '../events/xid-text.ts';
import { clearedTables } from './cleared-tables.ts';
import { CommittedTransaction, type Content } from './committed-transaction.ts';
import { LoggedRow } from './logged-row.ts';
import { OpenTransaction } from './open-transaction.ts';
import { Passed } from './passed.ts';
import { PreparedTransactions } from './prepared-transactions.ts';
import { bareStatement, changesSchema, traceparentOf, writesRows } from './statement.ts';
import { isOfSchema, tableNameOf } from './table-of-map.ts';

/** What putting transactions together depends on. */
export interface AssemblyOptions {
  /** Rows of other databases are passed over without being decoded. */
  readonly database: string;
  /** Everything that was given before. */
  readonly from: GtidSet;
  /** Where reading begins when that is before `from`: what `from` covers is read for its prepared XA transactions and not given again. */
  readonly resume?: GtidSet;
  /** Reads table maps of the database. May throw StaleHints, after which the same event may be given again. */
  decoderFor(tableMapBody: Buffer): TableDecoder;
  /** Whether a ROLLBACK leaves rows of the table where they are, as MyISAM does; undefined when nobody knows. */
  staysOnRollback(table: string): boolean | undefined;
  /** What is to become of a table whose rows cannot be decoded. */
  readonly undecodable: 'stop' | 'park';
  readonly limits: AssemblyLimits;
}

/** How much is held in memory. */
export interface AssemblyLimits {
  /** A transaction above one of these goes out in pieces. */
  readonly pieceRows: number;
  readonly pieceBytes: number;
  /** What may still be rolled back cannot go out; above this it ends reading. */
  readonly maxHeldBytes: number;
}

/** When a transaction goes out in pieces: a piece and what waits beside it stay small next to what Node itself takes. */
export const pieceLimits = { pieceRows: 5_000, pieceBytes: 4 * 1024 * 1024 } as const;

/** A table map as the rows events after it see it: to be decoded, of no concern, or parked. */
type KnownTable = TableDecoder | 'elsewhere' | { readonly parked: string };

/** Rows events of this table id only say that the statement has ended. */
const dummyTableId = 0xffffff;

const operations = new Map<number, LoggedRow['op']>([
  [eventType.writeRows, 'c'],
  [eventType.writeRowsV1, 'c'],
  [eventType.compressedWriteRows, 'c'],
  [eventType.compressedWriteRowsV1, 'c'],
  [eventType.updateRows, 'u'],
  [eventType.updateRowsV1, 'u'],
  [eventType.partialUpdateRows, 'u'],
  [eventType.compressedUpdateRows, 'u'],
  [eventType.compressedUpdateRowsV1, 'u'],
  [eventType.deleteRows, 'd'],
  [eventType.deleteRowsV1, 'd'],
  [eventType.compressedDeleteRows, 'd'],
  [eventType.compressedDeleteRowsV1, 'd'],
]);

/**
 * Puts binlog events together to transactions. Pure but for its own state:
 *
 *     between ── begin ──▶ open ── commit, query COMMIT | ROLLBACK, the one statement of a standalone group ──▶ between
 *                           │ └── too large, and nothing of it can be taken back: a piece goes out ──▶ open
 *                           └── xa-prepare ──▶ between, held under its xid until XA COMMIT gives it out or XA ROLLBACK drops it
 *
 * An XA transaction goes out with the GTID and in the place of its XA COMMIT. A savepoint that is rolled back takes its rows with it, and
 * so does a ROLLBACK, but for tables that cannot roll back. Throws BridgeError `binlog-undecodable`, `transaction-too-large`.
 */
export class TransactionAssembly {
  readonly #options: AssemblyOptions;
  readonly #schema: Buffer;
  readonly #prepared: PreparedTransactions;
  readonly #tables = new Map<number, KnownTable>();
  /** What was given, and what was read; they differ while what was given before is read again. */
  #passed: Passed;
  #read: Passed;
  #file: BinlogFile = { name: '', createdAt: '' };
  #open: OpenTransaction | undefined;
  #committedAt = { at: 0, text: new Date(0).toISOString() };

  constructor(options: AssemblyOptions) {
    this.#options = options;
    this.#schema = Buffer.from(options.database);
    this.#prepared = new PreparedTransactions(options.limits.maxHeldBytes);
    this.#passed = Passed.at(options.from);
    this.#read = options.resume ? Passed.at(options.resume) : this.#passed;
  }

  /** The file being read: its name is known from the first event on, its time of creation from the second. */
  get file(): BinlogFile {
    return this.#file;
  }

  /** Takes the next event, `end` being the offset behind it; gives the transaction, or the piece of one, that it completes. */
  take(event: BinlogEvent, end: number): SourceTransaction | undefined {
    switch (event.kind) {
      case 'rows':
        return this.#rows(event);
      case 'table':
        this.#table(event.tableId, event.body);
        return undefined;
      case 'begin':
        return this.#begin(event);
      case 'statement':
        if (this.#open) this.#open.traceparent = traceparentOf(event.sql);
        return undefined;
      case 'commit':
        return this.#commit(event.at, end);
      case 'query':
        return this.#query(event, end);
      case 'xa-prepare':
        return event.onePhase ? this.#commit(event.at, end) : this.#prepare(event, end);
      case 'file':
        if (event.name !== this.#file.name) this.#file = { name: event.name, createdAt: '' };
        return undefined;
      case 'format':
        this.#file = { name: this.#file.name, createdAt: new Date(event.createdAt).toISOString() };
        return undefined;
      case 'gtids-before':
      case 'other':
        return undefined;
      case 'compressed':
        throw undecodable('a compressed transaction that was not decompressed');
    }
  }

  /** Parks a table whose map no decoder fits, where that is declared; else throws the error. */
  parkTable({ tableId, body }: Extract<BinlogEvent, { kind: 'table' }>, error: BridgeError): void {
    if (this.#options.undecodable === 'stop') throw error;
    const parked = tableNameOf(body);
    this.#tables.set(tableId, { parked });
    this.#park(parked, error.message);
  }

  #begin(begin: TransactionBegin): undefined {
    if (this.#open) throw undecodable(`${this.#nameOf(begin)} begins before ${this.#nameOf(this.#open)} has ended`);
    const { kind } = this.#options.from;
    if (begin.gtid === undefined && kind !== 'file')
      throw undecodable('a transaction without a GTID: gtid_mode was not ON when it was written');
    if (begin.gtid !== undefined && kind !== 'file' && gtidKind(begin.gtid) !== kind)
      throw undecodable(`transaction ${begin.gtid} behind a position of ${kind}'s`);
    this.#tables.clear();
    this.#open = new OpenTransaction(begin);
  }

  #table(tableId: number, body: Buffer): void {
    const concerns = isOfSchema(body, this.#schema);
    this.#tables.set(tableId, concerns ? this.#options.decoderFor(body) : 'elsewhere');
  }

  #rows(event: RowsEvent): SourceTransaction | undefined {
    if (event.tableId === dummyTableId) return undefined;
    const open = this.#inTransaction('rows');
    const table = this.#tables.get(event.tableId);
    if (table === undefined) throw undecodable(`rows of table id ${event.tableId}, which no table map describes`);
    if (table === 'elsewhere') return undefined;
    open.bytes += event.event.length;
    if ('parked' in table) return undefined;
    this.#decode(open, table, event);
    return this.#pieceOf(open);
  }

  #decode(open: OpenTransaction, decoder: TableDecoder, event: RowsEvent): void {
    const op = operations.get(event.type)!;
    const { table } = decoder;
    try {
      const rows = decoder.rows(event.type, event.event.subarray(headerBytes, event.end));
      for (let row = 0; row < rows.length; row++)
        open.rows.push(new LoggedRow(table, op, rows[row]!, event.pos, row, open.traceparent));
    } catch (error) {
      const parks = this.#options.undecodable === 'park' && error instanceof BridgeError;
      if (!parks) throw error;
      this.#park(table, error.message);
    }
  }

  #park(table: string, why: string): void {
    const { unread } = this.#inTransaction('a table map');
    const known = unread.some(({ reason, tables }) => reason === 'undecodable-table' && tables?.[0] === table);
    if (!known) unread.push({ reason: 'undecodable-table', sql: why, tables: [table] });
  }

  /** What has gathered of a transaction that is too large to wait for its end. */
  #pieceOf(open: OpenTransaction): SourceTransaction | undefined {
    const { pieceRows, pieceBytes, maxHeldBytes } = this.#options.limits;
    if (open.isHeld) {
      if (open.bytes > maxHeldBytes)
        throw tooLarge(
          `${this.#nameOf(open)} has savepoints or is an XA transaction, so its ${open.bytes} bytes must be held`,
        );
      return undefined;
    }
    if (open.rows.length < pieceRows && open.bytes < pieceBytes) return undefined;
    const piece = open.takePiece(false);
    return this.#isRepeat(open) ? undefined : this.#given(open, open.at, piece);
  }

  #query({ schema, sql, connection, at }: QueryEvent, end: number): SourceTransaction | undefined {
    const text = bareStatement(sql);
    const open = this.#inTransaction(`the statement ${text.slice(0, 80)}`);
    open.connection ??= connection || undefined;
    if (/^commit$/i.test(text)) return this.#commit(at, end);
    if (/^rollback$/i.test(text)) return this.#rolledBack(at, end);
    if (/^xa (commit|rollback)\b/i.test(text)) return this.#endXa(open, text, at, end);
    if (/^(begin|start transaction|xa start)\b/i.test(text)) return this.#opened(open, text);
    if (/^xa end\b/i.test(text) || this.#savepoint(open, text)) return undefined;
    this.#note(open, schema, text);
    return open.standalone ? this.#commit(at, end) : undefined;
  }

  #opened(open: OpenTransaction, text: string): undefined {
    open.standalone = false;
    if (/^xa/i.test(text)) open.preparesXa = true;
  }

  #savepoint(open: OpenTransaction, text: string): boolean {
    const [, verb, name] = /^(savepoint|rollback to)\s+(?:savepoint\s+)?(.+)$/is.exec(text) ?? [];
    if (!verb || !name) return false;
    if (/^savepoint$/i.test(verb)) open.mark(name);
    else open.returnTo(name, this.#options.staysOnRollback);
    return true;
  }

  /** A write logged as text counts when it ran in our database or names it; statements that clear tables say which. */
  #note(open: OpenTransaction, schema: string, text: string): void {
    const { database } = this.#options;
    const near = schema === database || text.includes(database);
    if (near && writesRows(text)) open.unread.push({ reason: 'statement-format', sql: text });
    if (open.alter === 'start' || open.alter === 'rollback') return;
    if (near && changesSchema(text)) open.schemaChanges.push(text);
    const cleared = clearedTables(text).filter((name) => (name.schema ?? schema) === database);
    if (cleared.length > 0)
      open.unread.push({ reason: 'table-cleared', sql: text, tables: cleared.map(({ table }) => table) });
  }

  #rolledBack(at: number, end: number): SourceTransaction | undefined {
    const open = this.#inTransaction('ROLLBACK');
    if (open.pieces > 0)
      throw tooLarge(`${this.#nameOf(open)} ended in ROLLBACK after ${open.pieces} pieces of it had gone out`);
    open.rollBack(0, this.#options.staysOnRollback);
    return this.#commit(at, end);
  }

  /** In a group of its own it ends what was prepared; else it ends the group that it stands in. */
  #endXa(open: OpenTransaction, text: string, at: number, end: number): SourceTransaction | undefined {
    const commits = /^xa commit/i.test(text);
    if (!open.standalone) return commits ? this.#commit(at, end) : this.#rolledBack(at, end);
    const xid = xidOfStatement(text);
    if (xid === undefined) throw undecodable(`${text}: found no xid, expected X'…',X'…',N`);
    const prepared = this.#prepared.release(xid);
    if (!commits) return this.#commit(at, end);
    const content = prepared?.takePiece(true) ?? { unread: [{ reason: 'xa-prepared-before', sql: text }] };
    return this.#close(open, at, end, { ...content, xid });
  }

  /** Goes on without rows: they are held. */
  #prepare({ xid, at }: Extract<BinlogEvent, { kind: 'xa-prepare' }>, end: number): SourceTransaction | undefined {
    const open = this.#inTransaction('XA PREPARE');
    this.#prepared.hold(xid, open, this.#read);
    return this.#close(open, at, end, {});
  }

  #commit(at: number, end: number): SourceTransaction | undefined {
    const open = this.#inTransaction('a commit');
    return this.#close(open, open.pieces > 0 ? open.at : at, end, open.takePiece(true));
  }

  #close(open: OpenTransaction, at: number, end: number, content: Content): SourceTransaction | undefined {
    this.#open = undefined;
    const repeats = this.#isRepeat(open);
    const place = this.#options.from instanceof FilePosition ? this.#placeInFile(end) : open.gtid!;
    const isOneChain = this.#read === this.#passed;
    this.#read = this.#read.with(place);
    if (isOneChain) this.#passed = this.#read;
    else if (!repeats) this.#passed = this.#passed.with(place);
    return repeats ? undefined : this.#given(open, at, content);
  }

  #given(open: OpenTransaction, at: number, content: Content): SourceTransaction {
    return new CommittedTransaction(
      {
        name: this.#nameOf(open),
        gtid: open.gtid ?? this.#file.name,
        passed: this.#passed,
        resume: this.#prepared.oldest,
        committedAt: this.#timeText(at),
        file: this.#file,
        connection: open.connection,
      },
      content,
    );
  }

  /** By its GTID, or by the place where it begins. */
  #nameOf({ gtid, pos }: Pick<TransactionBegin, 'gtid' | 'pos'>): string {
    return gtid === undefined ? `file:${this.#placeInFile(pos)}` : `${gtidKind(gtid)}:${gtid}`;
  }

  #placeInFile(offset: number): string {
    const { from } = this.#options;
    const server = from instanceof FilePosition ? from.server : 'unknown';
    return `${server}@${this.#file.name}:${offset}`;
  }

  #isRepeat(open: OpenTransaction): boolean {
    const { from, resume } = this.#options;
    return resume !== undefined && from.has(from.kind === 'file' ? `file:${this.#placeInFile(open.pos)}` : open.gtid!);
  }

  /** Optimization: many transactions are committed within one second, whose text is made once. */
  #timeText(at: number): string {
    if (at !== this.#committedAt.at) this.#committedAt = { at, text: new Date(at).toISOString() };
    return this.#committedAt.text;
  }

  #inTransaction(what: string): OpenTransaction {
    if (!this.#open) throw undecodable(`${what} outside a transaction`);
    return this.#open;
  }
}

function gtidKind(gtid: string): 'mariadb' | 'mysql' {
  return gtid.includes(':') ? 'mysql' : 'mariadb';
}

function tooLarge(what: string): BridgeError {
  return new BridgeError('transaction-too-large', `binlog: ${what}`);
}
