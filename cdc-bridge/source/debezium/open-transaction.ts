import type { BoundaryRecord, RecordSource, RowRecord, SchemaRecord, TopicMessage } from './record.ts';
import { comparePlaces } from './table-types.ts';

/** `TOPIC/PARTITION` */
export function partitionName({ topic, partition }: Pick<TopicMessage, 'topic' | 'partition'>): string {
  return `${topic}/${partition}`;
}

interface Held {
  readonly record: RowRecord;
  /** When it was sent the last time. */
  sentAt: number;
}

/**
 * What has been read of a transaction that was not given on yet. A connector that was killed inside one publishes it again: a second begin, all
 * rows or only the later ones, counted anew, a second end. Rows are known by their place in the binlog, so a repeat is no second row; the end
 * that counts is the last one, and it counts the rows sent since the last begin.
 */
export class OpenTransaction {
  readonly gtid: string;
  /** Offset of the first message of it, by partition. */
  readonly firstOffsets = new Map<string, number>();
  readonly schemaChanges: SchemaRecord[] = [];
  #place: RecordSource | undefined;
  readonly #rows = new Map<string, Held>();
  readonly #begins: number[] = [];
  /** Total orders of rows that are given on, and were sent again. */
  readonly #repeated = new Map<number, number>();
  #given: { upTo: number; last: RowRecord } | undefined;
  #end: { record: BoundaryRecord; sentAt: number } | undefined;
  /** It has no end, and something behind it was read. */
  passedOver = false;
  /** All that was in the topics when `version` was this has been read. */
  confirmedVersion = -1;
  /** Changes with each message that could change what is missing. */
  version = 0;
  /** When the last message of it was read, in milliseconds since 1970. */
  heardAt = 0;
  /** When the last message of it was sent, likewise. */
  lastSentAt = 0;
  pieces = 0;
  bytes = 0;

  constructor(gtid: string) {
    this.gtid = gtid;
  }

  note(message: TopicMessage, now: number): void {
    this.heardAt = now;
    this.lastSentAt = Math.max(this.lastSentAt, message.sentAt);
    const partition = partitionName(message);
    if (!this.firstOffsets.has(partition)) this.firstOffsets.set(partition, message.offset);
  }

  begin({ sentAt }: TopicMessage): void {
    this.#begins.push(sentAt);
    this.version += 1;
  }

  end(record: BoundaryRecord, { sentAt }: TopicMessage): void {
    this.#end = { record, sentAt };
    this.version += 1;
  }

  passOver(): void {
    this.passedOver = true;
    this.version += 1;
  }

  addSchemaChange(record: SchemaRecord): void {
    this.schemaChanges.push(record);
    this.#beginsAt(record.source);
  }

  add(record: RowRecord, { sentAt }: TopicMessage): void {
    this.#beginsAt(record.source);
    if (this.#given && !isAfter(record, this.#given.last)) {
      this.#repeated.set(record.totalOrder!, sentAt);
      return;
    }
    const { pos, row } = record.source;
    const key = `${pos}:${row}:${record.op}`;
    const held = this.#rows.get(key);
    if (held) held.sentAt = sentAt;
    else {
      this.#rows.set(key, { record, sentAt });
      this.bytes += record.bytes;
    }
  }

  /** Where in the binlog the first of it stands, as far as it was read; undefined of one that is only known to have begun or ended. */
  get place(): RecordSource | undefined {
    return this.#place;
  }

  get hasBegun(): boolean {
    return this.#begins.length > 0;
  }

  get hasEnd(): boolean {
    return this.#end !== undefined;
  }

  /** Milliseconds since 1970 of the commit: the end tells, else the last row or the statement. */
  get committedAtMs(): number {
    if (this.#end) return this.#end.record.atMs;
    const last = this.rows().at(-1)?.source ?? this.schemaChanges.at(-1)?.source;
    return last?.committedAtMs ?? this.#begins.at(-1) ?? 0;
  }

  /** How many rows its end counts that were not read. */
  get missing(): number {
    return this.#end ? Math.max(0, this.#end.record.rows - this.#readOfLastLife()) : 0;
  }

  /** Nothing more can come: told by its end when there was but one life, else by having read all that was there. */
  get isWhole(): boolean {
    if (this.missing > 0) return false;
    if (this.#end && this.#begins.length === 1) return true;
    return (this.#end !== undefined || this.passedOver) && this.confirmedVersion === this.version;
  }

  /** It may be whole; that all which is in the topics now has been read would tell. */
  get wantsConfirmation(): boolean {
    return (this.hasEnd || this.passedOver) && !this.isWhole;
  }

  /** Rows in the order of the binlog, of a key change the deletion before the insertion. */
  rows(): RowRecord[] {
    return [...this.#rows.values()].map(({ record }) => record).sort(inBinlogOrder);
  }

  /** Takes out the rows that surely come next, when there were no two lives: those without a gap from where the last ones ended. */
  takePiece(): RowRecord[] {
    if (this.#begins.length !== 1) return [];
    const rows = this.rows();
    let next = this.#given?.upTo ?? 0;
    let count = 0;
    while (count < rows.length && rows[count]!.totalOrder === next + 1) {
      next += 1;
      count += 1;
    }
    // A deletion may be one half of a key change: it stays until its other half is there.
    if (count > 0 && rows[count - 1]!.op === 'd') count -= 1;
    if (count === 0) return [];
    const piece = rows.slice(0, count);
    const last = piece.at(-1)!;
    this.#given = { upTo: last.totalOrder!, last };
    for (const { op, source } of piece) this.#rows.delete(`${source.pos}:${source.row}:${op}`);
    this.bytes = this.rows().reduce((sum, { bytes }) => sum + bytes, 0);
    this.pieces += 1;
    return piece;
  }

  #beginsAt(source: RecordSource): void {
    if (!this.#place || comparePlaces(source, this.#place) < 0) this.#place = source;
  }

  #readOfLastLife(): number {
    const began = this.#begins.length > 1 ? this.#begins.at(-1)! : 0;
    const held = [...this.#rows.values()].filter(({ sentAt }) => sentAt >= began).length;
    if (this.#begins.length <= 1) return held + (this.#given?.upTo ?? 0);
    return held + [...this.#repeated.values()].filter((sentAt) => sentAt >= began).length;
  }
}

function isAfter(a: RowRecord, b: RowRecord): boolean {
  return inBinlogOrder(a, b) > 0;
}

export function inBinlogOrder(a: RowRecord, b: RowRecord): number {
  return comparePlaces(a.source, b.source) || a.source.row - b.source.row || opRank(a) - opRank(b);
}

function opRank({ op }: RowRecord): number {
  return op === 'd' ? 0 : 1;
}
