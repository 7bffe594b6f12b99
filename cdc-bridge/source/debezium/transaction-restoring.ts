import { BridgeError } from '../../errors.ts';
import type { GtidSet } from '../../positions/gtid-set.ts';
import { inBinlogOrder, OpenTransaction, partitionName } from './open-transaction.ts';
import type { BoundaryRecord, DebeziumRecord, RowRecord, SchemaRecord, TopicMessage } from './record.ts';

/** Rows that belong together, and what is known of that. */
export interface Restored {
  /** Empty for rows of a snapshot. */
  readonly gtid: string;
  readonly rows: readonly RowRecord[];
  readonly schemaChanges: readonly SchemaRecord[];
  readonly committedAtMs: number;
  /** Told by nobody: rows of one GTID, and then nothing more for a while. */
  readonly inferred: boolean;
  /** It has rows, but no end was published. */
  readonly endless: boolean;
  readonly piece?: { readonly index: number; readonly last: boolean };
}

/** Rows of a snapshot, and the transactions that were open when they came: those may change the same rows, and go first. */
interface SnapshotRows {
  readonly rows: RowRecord[];
  readonly behind: readonly string[];
  readonly firstOffsets: Map<string, number>;
}

/** A transaction is given in pieces from here on. */
const pieceBytes = 8 * 1024 * 1024;

/**
 * Puts the rows of many topics together to the transactions they were. Pure but for its own state.
 *
 *     unknown ── a row or BEGIN ──▶ open ── END, and all rows that it counts ──▶ whole, given in the order of the BEGINs
 *                                    │  ╰── a second BEGIN: the connector was restarted inside ──▶ whole when all that was there is read
 *                                    ╰── no END, and another BEGIN or the DDL itself ──▶ DDL, or rows that may not have come to be (XA)
 *
 * Without a transaction topic rows of one GTID belong together, and are whole when all that was there is read and nothing came for a while.
 */
export class TransactionRestoring {
  readonly #open = new Map<string, OpenTransaction>();
  readonly #order: OpenTransaction[] = [];
  #snapshot: SnapshotRows[] = [];
  readonly #start: GtidSet;
  #passed: GtidSet;
  #inferredSince: number | undefined;
  /** What was taken for DDL, since no end was published: a row of it would be one lost. */
  readonly #emptyAndEndless = new Set<string>();

  /** What `passed` covers is not given again. */
  constructor(passed: GtidSet) {
    this.#start = passed;
    this.#passed = passed;
  }

  /** Transactions that are open, the oldest first where BEGINs tell. */
  get pending(): readonly OpenTransaction[] {
    return [...this.#open.values()];
  }

  get bytes(): number {
    return this.pending.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  take(record: DebeziumRecord, message: TopicMessage, now: number): void {
    if (record.kind === 'begin') this.#begin(record, message);
    else if (record.kind === 'end') this.#at(record.gtid, message)?.end(record, message);
    else if (record.kind === 'schema') this.#schema(record, message);
    else if (record.kind === 'row' && record.op === 'r') this.#snapshotRow(record, message);
    else if (record.kind === 'row') this.#row(record, message, now);
  }

  /** What is ready to be given on, in order. It counts as given from now on. */
  ready(): Restored[] {
    const ready: Restored[] = this.#readySnapshotRows();
    for (let head = this.#order[0]; head; head = this.#order[0]) {
      if (!head.isWhole) {
        if (head.bytes > pieceBytes) ready.push(...pieceOf(head));
        break;
      }
      this.#order.shift();
      ready.push(this.#close(head, false));
      ready.push(...this.#readySnapshotRows());
    }
    return ready;
  }

  /** The transaction that would be given next if it were sure that everything was read that is in the topics now. */
  get unconfirmed(): OpenTransaction | undefined {
    const head = this.#order[0];
    return head?.wantsConfirmation ? head : undefined;
  }

  /** When the last row came without a word about its transaction; undefined when none waits. */
  get inferredSince(): number | undefined {
    return this.#inferredSince;
  }

  /** Everything was read and nothing came for a while: rows of one GTID are taken for its transaction. */
  infer(): Restored[] {
    this.#inferredSince = undefined;
    const whole = [...this.#open.values()].filter(({ hasBegun }) => !hasBegun);
    const first = (open: OpenTransaction) => open.rows()[0]!;
    const inOrder = whole.filter((open) => open.rows().length > 0).sort((a, b) => inBinlogOrder(first(a), first(b)));
    return [...inOrder.map((open) => this.#close(open, true)), ...this.#readySnapshotRows()];
  }

  /** Where each partition must be read again from, for what was not given on: `next` where nothing is open. */
  resumeFrom(next: ReadonlyMap<string, number>): Record<string, number> {
    const from = Object.fromEntries(next);
    for (const { firstOffsets } of [...this.#open.values(), ...this.#snapshot]) {
      for (const [partition, offset] of firstOffsets) from[partition] = Math.min(from[partition] ?? offset, offset);
    }
    return from;
  }

  #begin({ gtid }: BoundaryRecord, message: TopicMessage): void {
    if (this.#passed.has(gtid)) return;
    const open = this.#at(gtid, message)!;
    if (!open.hasBegun) {
      const before = this.#order.at(-1);
      if (before && !before.hasEnd) before.passOver();
      this.#order.push(open);
    }
    open.begin(message);
  }

  #row(record: RowRecord, message: TopicMessage, now: number): void {
    const gtid = record.source.gtid!;
    const isInferred = record.totalOrder === undefined;
    if (isInferred) this.#inferredSince = now;
    if (this.#emptyAndEndless.has(gtid)) throw lateRow(gtid, message);
    const open = isInferred ? this.#inferred(gtid, message) : this.#at(gtid, message);
    open?.add(record, message);
    if (record.op === 't' && !isInferred) open?.passOver();
  }

  #schema(record: SchemaRecord, message: TopicMessage): void {
    const { gtid, fromSnapshot } = record.source;
    if (gtid === null || fromSnapshot) return;
    const open = this.#at(gtid, message);
    open?.schemaChanges.push(record);
    open?.passOver();
  }

  #snapshotRow(record: RowRecord, message: TopicMessage): void {
    const behind = [...this.#open.keys()];
    const last = this.#snapshot.at(-1);
    const joins = last && last.behind.length === behind.length && last.behind.every((gtid) => this.#open.has(gtid));
    const rows = joins ? last : { rows: [], behind, firstOffsets: new Map<string, number>() };
    if (!joins) this.#snapshot.push(rows);
    rows.rows.push(record);
    const partition = partitionName(message);
    if (!rows.firstOffsets.has(partition)) rows.firstOffsets.set(partition, message.offset);
  }

  /** The open transaction; undefined when it has been given on. */
  #at(gtid: string, message: TopicMessage): OpenTransaction | undefined {
    if (this.#passed.has(gtid)) return undefined;
    return this.#opened(gtid, message);
  }

  /** Late rows of one that was taken for whole are given on too: as a repeat they are known by their ids. */
  #inferred(gtid: string, message: TopicMessage): OpenTransaction | undefined {
    return this.#start.has(gtid) ? undefined : this.#opened(gtid, message);
  }

  #opened(gtid: string, message: TopicMessage): OpenTransaction {
    const open = this.#open.get(gtid) ?? new OpenTransaction(gtid);
    this.#open.set(gtid, open);
    open.note(message);
    return open;
  }

  #readySnapshotRows(): Restored[] {
    const isReady = ({ behind }: SnapshotRows) => !behind.some((gtid) => this.#open.has(gtid));
    const ready = this.#snapshot.filter(isReady);
    this.#snapshot = this.#snapshot.filter((rows) => !isReady(rows));
    return ready.map(({ rows }) => ({
      gtid: '',
      rows,
      schemaChanges: [],
      committedAtMs: rows.at(-1)!.source.committedAtMs,
      inferred: false,
      endless: false,
    }));
  }

  #close(open: OpenTransaction, inferred: boolean): Restored {
    const { gtid, schemaChanges, committedAtMs, pieces } = open;
    const rows = open.rows();
    this.#open.delete(gtid);
    if (!this.#passed.has(gtid)) this.#passed = this.#passed.with(gtid);
    if (!inferred && !open.hasEnd && rows.length === 0) this.#emptyAndEndless.add(gtid);
    const endless = !inferred && !open.hasEnd && rows.some(({ op }) => op !== 't');
    return {
      gtid,
      rows,
      schemaChanges,
      committedAtMs,
      inferred,
      endless,
      ...(pieces > 0 ? { piece: { index: pieces, last: true } } : {}),
    };
  }
}

function lateRow(gtid: string, { topic, partition, offset }: TopicMessage): BridgeError {
  return new BridgeError(
    'debezium-unusable',
    `topic ${topic}, partition ${partition}, offset ${offset}: found a row of transaction ${gtid}, which had no rows and no end when the next one began`,
  );
}

function pieceOf(open: OpenTransaction): Restored[] {
  const index = open.pieces;
  const rows = open.takePiece();
  if (rows.length === 0) return [];
  const committedAtMs = rows.at(-1)!.source.committedAtMs;
  const { gtid } = open;
  return [
    { gtid, rows, schemaChanges: [], committedAtMs, inferred: false, endless: false, piece: { index, last: false } },
  ];
}
