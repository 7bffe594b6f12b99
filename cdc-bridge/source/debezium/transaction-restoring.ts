import { BridgeError } from '../../errors.ts';
import type { GtidSet } from '../../positions/gtid-set.ts';
import { OpenTransaction } from './open-transaction.ts';
import type { BoundaryRecord, DebeziumRecord, RowRecord, SchemaRecord, TopicMessage } from './record.ts';
import { comparePlaces } from './table-types.ts';

/** Rows that belong together, and what is known of that. */
export interface Restored {
  readonly gtid: string;
  /** Its GTID, and those before it that the connector publishes nothing of (accounts and the like). */
  readonly covers: readonly string[];
  readonly rows: readonly RowRecord[];
  readonly schemaChanges: readonly SchemaRecord[];
  readonly committedAtMs: number;
  /** Told by nobody: rows of one GTID, and then nothing more for a while. */
  readonly inferred: boolean;
  /** It has rows, but no end was published. */
  readonly endless: boolean;
  readonly piece?: { readonly index: number; readonly last: boolean };
}

/** So many numbers in a row may be without a message. */
const maxSilent = 10_000;
/** A transaction is given in pieces from here on. */
const pieceBytes = 8 * 1024 * 1024;

/**
 * Puts the rows of many topics together to the transactions they were. Pure but for its own state.
 *
 *     unknown ── a row or BEGIN ──▶ open ── END, and all rows that it counts ──▶ whole, given in the order of the BEGINs
 *                                    │  ╰── a second BEGIN: the connector was restarted inside ──▶ whole when all that was there is read
 *                                    ╰── no END, and another BEGIN or the DDL itself ──▶ DDL, or rows that may not have come to be (XA)
 *
 * Without a transaction topic rows of one GTID belong together, and are whole when all that was there is read and nothing of them came for a
 * while; DDL and TRUNCATE then wait for what is before them.
 */
export class TransactionRestoring {
  readonly #open = new Map<string, OpenTransaction>();
  readonly #order: OpenTransaction[] = [];
  readonly #start: GtidSet;
  #passed: GtidSet;
  /** Rows came without a word about their transactions: where those end is told by nobody. */
  #infers = false;
  /** The connector took a snapshot anew, perhaps behind what was read: the next transaction will tell. */
  #mayHaveGap = false;
  /** What was taken for DDL, since no end was published: a row of it would be one lost. */
  readonly #emptyAndEndless = new Set<string>();
  /** What was taken for transactions that the connector publishes nothing of. */
  readonly #silent = new Set<string>();

  /** What `passed` covers is not given again. */
  constructor(passed: GtidSet) {
    this.#start = passed;
    this.#passed = passed;
  }

  /** Transactions that are open, the oldest first where BEGINs tell. */
  get pending(): readonly OpenTransaction[] {
    return [...this.#open.values()];
  }

  /** What all others wait for; undefined when nothing is open. */
  get first(): OpenTransaction | undefined {
    const [begun] = this.#order;
    return begun ?? [...this.pending].sort((a, b) => a.lastSentAt - b.lastSentAt)[0];
  }

  get bytes(): number {
    return this.pending.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  take(record: DebeziumRecord, message: TopicMessage, now: number): void {
    if (record.kind === 'begin') this.#begin(record, message, now);
    else if (record.kind === 'end') this.#at(record.gtid, message, now)?.end(record, message);
    else if (record.kind === 'schema') this.#schema(record, message, now);
    else if (record.kind === 'row' && record.op === 'r') this.#snapshotRow(record);
    else if (record.kind === 'row') this.#row(record, message, now);
  }

  /** What is ready to be given on, in order. It counts as given from now on. */
  ready(): Restored[] {
    const ready: Restored[] = [];
    for (let head = this.#order[0]; head && !this.#isInferable(head); head = this.#order[0]) {
      if (!head.isWhole || this.#mayMissOneBefore(head)) {
        if (head.bytes > pieceBytes) ready.push(...pieceOf(head));
        break;
      }
      this.#order.shift();
      ready.push(this.#close(head, false));
    }
    return ready;
  }

  /** The transaction that would be given next if it were sure that everything was read that is in the topics now. */
  get unconfirmed(): OpenTransaction | undefined {
    const head = this.#order[0];
    if (!head || this.#isInferable(head)) return undefined;
    return head.wantsConfirmation || this.#mayMissOneBefore(head) ? head : undefined;
  }

  /** Since when nothing came of the first transaction whose end nobody tells; undefined when none waits. */
  get quietSince(): number | undefined {
    return this.#inferable()[0]?.heardAt;
  }

  /** All that was there is read: rows of one GTID of which nothing came after `heardBefore` are taken for its transaction, in the binlog's order. */
  infer(heardBefore: number): Restored[] {
    const inferable = this.#inferable();
    const open = inferable.findIndex(({ heardAt }) => heardAt > heardBefore);
    return (open < 0 ? inferable : inferable.slice(0, open)).map((each) => {
      const ordered = this.#order.indexOf(each);
      if (ordered >= 0) this.#order.splice(ordered, 1);
      return this.#close(each, true);
    });
  }

  #inferable(): OpenTransaction[] {
    return this.pending.filter((open) => this.#isInferable(open)).sort((a, b) => comparePlaces(a.place!, b.place!));
  }

  #isInferable({ hasBegun, hasEnd, place }: OpenTransaction): boolean {
    return this.#infers && !hasBegun && !hasEnd && place !== undefined;
  }

  /** Where each partition must be read again from, for what was not given on: `next` where nothing is open. */
  resumeFrom(next: ReadonlyMap<string, number>): Record<string, number> {
    const from = Object.fromEntries(next);
    for (const { firstOffsets } of this.#open.values()) {
      for (const [partition, offset] of firstOffsets) from[partition] = Math.min(from[partition] ?? offset, offset);
    }
    return from;
  }

  #begin({ gtid }: BoundaryRecord, message: TopicMessage, now: number): void {
    const open = this.#at(gtid, message, now);
    if (!open) {
      this.#mayHaveGap = false;
      return;
    }
    if (!open.hasBegun) {
      this.#requireNoGap(gtid);
      const before = this.#order.at(-1);
      if (before && !before.hasEnd) before.passOver();
      if (!this.#order.includes(open)) this.#putInOrder(open);
    }
    open.begin(message);
  }

  /** An incremental snapshot runs beside the stream; any other stands for changes that the stream may not have. */
  #snapshotRow({ source }: RowRecord): void {
    if (!source.isIncremental) this.#mayHaveGap = true;
  }

  #requireNoGap(gtid: string): void {
    const before = predecessor(gtid);
    const hasBefore = before === undefined || this.#passed.has(before) || this.#open.has(before);
    if (this.#mayHaveGap && !hasBefore) throw gap(gtid, this.#passed);
    this.#mayHaveGap = false;
  }

  #row(record: RowRecord, message: TopicMessage, now: number): void {
    const gtid = record.source.gtid!;
    const isInferred = record.totalOrder === undefined && record.op !== 't';
    this.#infers ||= isInferred;
    if (this.#emptyAndEndless.has(gtid)) throw lateRow(gtid, message);
    const open = isInferred ? this.#inferred(gtid, message, now) : this.#at(gtid, message, now);
    open?.add(record, message);
    if (record.op === 't') this.#passOver(open);
  }

  #schema(record: SchemaRecord, message: TopicMessage, now: number): void {
    const { gtid, fromSnapshot } = record.source;
    if (fromSnapshot) this.#mayHaveGap = true;
    if (gtid === null || fromSnapshot) return;
    const open = this.#at(gtid, message, now);
    open?.addSchemaChange(record);
    this.#passOver(open);
  }

  /** MySQL's connector publishes no BEGIN of a statement that stands alone: its number tells where it belongs. */
  #passOver(open: OpenTransaction | undefined): void {
    if (!open) return;
    open.passOver();
    if (!this.#order.includes(open)) this.#putInOrder(open);
  }

  /** Behind all that is there, but before those of the same server with a higher number: theirs may have been read earlier. */
  #putInOrder(open: OpenTransaction): void {
    const later = this.#order.findIndex(({ gtid }) => isBefore(open.gtid, gtid));
    this.#order.splice(later < 0 ? this.#order.length : later, 0, open);
  }

  /** The open transaction; undefined when it has been given on. */
  #at(gtid: string, message: TopicMessage, now: number): OpenTransaction | undefined {
    if (this.#silent.has(gtid)) throw lateRow(gtid, message);
    if (this.#passed.has(gtid)) return undefined;
    return this.#opened(gtid, message, now);
  }

  /** Late rows of one that was taken for whole are given on too: as a repeat they are known by their ids. */
  #inferred(gtid: string, message: TopicMessage, now: number): OpenTransaction | undefined {
    return this.#start.has(gtid) ? undefined : this.#opened(gtid, message, now);
  }

  #opened(gtid: string, message: TopicMessage, now: number): OpenTransaction {
    const open = this.#open.get(gtid) ?? new OpenTransaction(gtid);
    this.#open.set(gtid, open);
    open.note(message, now);
    return open;
  }

  /** What is before it may have been published in a topic that is read later. */
  #mayMissOneBefore(open: OpenTransaction): boolean {
    return open.confirmedVersion !== open.version && this.#silentBefore(open.gtid).length > 0;
  }

  /** Numbers between the last one passed and this one, of which nothing was published. */
  #silentBefore(gtid: string): string[] {
    const silent: string[] = [];
    let before = predecessor(gtid);
    while (before !== undefined && !this.#passed.has(before)) {
      if (this.#open.has(before) || silent.length === maxSilent) return [];
      silent.push(before);
      before = predecessor(before);
    }
    return silent.reverse();
  }

  #close(open: OpenTransaction, inferred: boolean): Restored {
    const { gtid, schemaChanges, committedAtMs, pieces } = open;
    const rows = open.rows();
    this.#open.delete(gtid);
    const silent = this.#silentBefore(gtid);
    if (!inferred) for (const each of silent) this.#silent.add(each);
    const covers = this.#passed.has(gtid) ? [] : [...silent, gtid];
    this.#passed = this.#passed.withAll(covers);
    if (!inferred && !open.hasEnd && rows.length === 0) this.#emptyAndEndless.add(gtid);
    const endless = !inferred && !open.hasEnd && rows.some(({ op }) => op !== 't');
    return {
      gtid,
      covers,
      rows,
      schemaChanges,
      committedAtMs,
      inferred,
      endless,
      ...(pieces > 0 ? { piece: { index: pieces, last: true } } : {}),
    };
  }
}

/** `0-1-56` of `0-1-57`, `UUID:56` of `UUID:57`; undefined of the first one. */
function predecessor(gtid: string): string | undefined {
  const number = BigInt(/\d+$/.exec(gtid)![0]);
  return number <= 1n ? undefined : gtid.replace(/\d+$/, String(number - 1n));
}

function gap(gtid: string, passed: GtidSet): BridgeError {
  return new BridgeError(
    'debezium-trimmed',
    `the topics go on with transaction ${gtid}, but what was read ends at ${passed}: the connector took a snapshot anew behind that, as far as can be told`,
  );
}

/** Of one server, by their numbers. */
function isBefore(a: string, b: string): boolean {
  const [, server, number] = /^(.*\D)(\d+)$/.exec(a)!;
  const [, otherServer, otherNumber] = /^(.*\D)(\d+)$/.exec(b)!;
  return server === otherServer && BigInt(number!) < BigInt(otherNumber!);
}

function lateRow(gtid: string, { topic, partition, offset }: TopicMessage): BridgeError {
  return new BridgeError(
    'debezium-unusable',
    `topic ${topic}, partition ${partition}, offset ${offset}: found more of transaction ${gtid}, of which nothing, or no rows and no end, had come when the next one was whole`,
  );
}

function pieceOf(open: OpenTransaction): Restored[] {
  const index = open.pieces;
  const rows = open.takePiece();
  if (rows.length === 0) return [];
  const committedAtMs = rows.at(-1)!.source.committedAtMs;
  const { gtid } = open;
  return [
    {
      gtid,
      covers: [],
      rows,
      schemaChanges: [],
      committedAtMs,
      inferred: false,
      endless: false,
      piece: { index, last: false },
    },
  ];
}
