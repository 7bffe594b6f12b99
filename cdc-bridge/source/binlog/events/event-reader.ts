import { BridgeError } from '../../../errors.ts';
import { undecodable } from '../decoding/undecodable.ts';
import type { BinlogEvent } from './binlog-event.ts';
import { checksumBytes, endsInChecksum } from './checksum.ts';
import { flagsAt, headerBytes, inUseFlag, isIgnorable, isInUse, lengthOf, typeOf, writtenAt } from './event-header.ts';
import { eventType, eventTypeName } from './event-type.ts';
import { readAnonymousGtid, readGtid, readMariadbGtid, readTaggedGtid } from './gtid-event.ts';
import { readGtidList, readPreviousGtids } from './gtid-sets.ts';
import { Place } from './place.ts';
import { readQuery } from './query-event.ts';
import { innerEvents } from './transaction-payload.ts';
import { xidText } from './xid-text.ts';

const other: BinlogEvent = { kind: 'other' };
const binlogVersion = 4;
/** Nothing in it that has a meaning in positions or paths. */
const fileName = /^[^\p{Cc}:@/\\]+\.\d+$/u;
const algorithms = { none: 0, crc32: 1 } as const;

/** What a reader of events is told beforehand. */
export interface EventReaderOptions {
  /** Where the first events are, where the stream does not tell: a server tells it by a ROTATE event, a file does not know its own name. */
  readonly file?: { readonly name: string; readonly offset: number };
  /** Whether events before the first format description end in a CRC32; that event says it of those behind it. */
  readonly checksums: boolean;
  /** A larger event in a compressed transaction is refused. */
  readonly maxEventBytes: number;
}

/**
 * Reads events of one binlog stream in their order: keeps the file and offset, verifies every checksum, and gives each event its meaning.
 * Throws BridgeError with file and offset: `binlog-corrupt` for bytes that are not what was written, `binlog-undecodable` for what
 * this reader has no rule for. Row images are left as they are.
 */
export class EventReader {
  readonly #place = new Place();
  readonly #maxEventBytes: number;
  #checksums: boolean;

  constructor({ file, checksums, maxEventBytes }: EventReaderOptions) {
    if (file) this.#place.enter(file.name, file.offset);
    this.#checksums = checksums;
    this.#maxEventBytes = maxEventBytes;
  }

  /** `binlog.000003:4711`, for messages: where the last event begins, or ends. */
  get place(): string {
    return `${this.#place.file}:${this.#place.offset}`;
  }

  get file(): string {
    return this.#place.file;
  }

  /** Where the next event begins. */
  get offset(): number {
    return this.#place.offset;
  }

  /** `event` from header to checksum, as BinlogEventStream gives it. */
  read(event: Buffer): BinlogEvent {
    const end = this.#verified(event);
    const pos = this.#place.pass(event);
    try {
      return this.#meaning(event, end, pos);
    } catch (error) {
      throw this.#located(error, event, pos);
    }
  }

  /** Where the part ends that has a meaning. */
  #verified(event: Buffer): number {
    if (event.length < headerBytes || lengthOf(event) !== event.length)
      throw this.#corrupt(`found ${event.length} bytes, expected the length that the event's header names`);
    const isFormat = typeOf(event) === eventType.formatDescription;
    if (isFormat) this.#checksums = this.#hasChecksums(event);
    if (this.#checksums && !endsInChecksum(isFormat ? asClosed(event) : event))
      throw this.#corrupt(`the CRC32 of ${eventTypeName(typeOf(event))} does not fit`);
    return this.#checksums || isFormat ? event.length - checksumBytes : event.length;
  }

  /** A format description ends in the algorithm and always has room for a checksum, also where the algorithm is none. */
  #hasChecksums(event: Buffer): boolean {
    const version = serverVersionOf(event);
    if (isBeforeChecksums(version)) throw this.#located(tooOld(version), event, this.#place.offset);
    const algorithm = event[event.length - checksumBytes - 1]!;
    if (algorithm === algorithms.none) return false;
    if (algorithm === algorithms.crc32) return true;
    throw this.#corrupt(`found checksum algorithm ${algorithm}, expected 0 (none) or 1 (CRC32)`);
  }

  #meaning(event: Buffer, end: number, pos: number): BinlogEvent {
    const type = typeOf(event);
    switch (type) {
      case eventType.rotate:
        return this.#rotate(event, end);
      case eventType.formatDescription:
        return readFormat(event);
      case eventType.previousGtids:
        return { kind: 'gtids-before', flavour: 'mysql', gtids: readPreviousGtids(event, end) };
      case eventType.mariadbGtidList:
        return { kind: 'gtids-before', flavour: 'mariadb', gtids: readGtidList(event, end) };
      case eventType.transactionPayload:
        return { kind: 'compressed', events: this.#inner(event, end, pos) };
      default:
        return this.#inTransaction(event, end, pos, type);
    }
  }

  /** Events that stand between the beginning and the end of a transaction, or begin or end it. */
  #inTransaction(event: Buffer, end: number, pos: number, type: number): BinlogEvent {
    switch (type) {
      case eventType.tableMap:
        return { kind: 'table', tableId: tableIdOf(event), body: event.subarray(headerBytes, end) };
      case eventType.writeRows:
      case eventType.updateRows:
      case eventType.deleteRows:
      case eventType.writeRowsV1:
      case eventType.updateRowsV1:
      case eventType.deleteRowsV1:
      case eventType.partialUpdateRows:
      case eventType.compressedWriteRowsV1:
      case eventType.compressedUpdateRowsV1:
      case eventType.compressedDeleteRowsV1:
      case eventType.compressedWriteRows:
      case eventType.compressedUpdateRows:
      case eventType.compressedDeleteRows:
        return { kind: 'rows', type, tableId: tableIdOf(event), pos, event, end };
      case eventType.gtid:
        return readGtid(event, pos);
      case eventType.anonymousGtid:
        return readAnonymousGtid(event, pos);
      case eventType.taggedGtid:
        return readTaggedGtid(event, end, pos);
      case eventType.mariadbGtid:
        return readMariadbGtid(event, end, pos);
      case eventType.query:
      case eventType.compressedQuery:
      case eventType.executeLoadQuery:
        return readQuery(event, end);
      case eventType.xid:
        return { kind: 'commit', at: writtenAt(event) * 1000 };
      case eventType.xaPrepare:
        return readXaPrepare(event, end);
      case eventType.annotateRows:
        return { kind: 'statement', sql: event.subarray(headerBytes, end) };
      case eventType.rowsQuery:
        return { kind: 'statement', sql: event.subarray(headerBytes + 1, end) };
      default:
        return withoutRows(event, end, type);
    }
  }

  #rotate(event: Buffer, end: number): BinlogEvent {
    const offset = Number(event.readBigUInt64LE(headerBytes));
    const name = event.toString('utf8', headerBytes + 8, end);
    if (!fileName.test(name))
      throw undecodable(`a binlog file ${JSON.stringify(name)}, expected a name such as binlog.000003`);
    this.#place.enter(name, offset);
    return { kind: 'file', name, offset };
  }

  /**
   * The events of a compressed transaction. MySQL gives them no offset: theirs is that of the payload and how far they begin behind it once
   * decompressed, which is unique in the transaction. Debezium gives all of them that of the payload.
   */
  *#inner(payload: Buffer, end: number, pos: number): Generator<BinlogEvent> {
    try {
      for (const { event, offset } of innerEvents(payload, end, this.#maxEventBytes))
        yield this.#inTransaction(event, event.length, pos + offset, typeOf(event));
    } catch (error) {
      throw this.#located(error, payload, pos);
    }
  }

  #corrupt(what: string): BridgeError {
    return new BridgeError('binlog-corrupt', `binlog ${this.place}: ${what}`);
  }

  /** A read beyond the end of the event is an event that is not what it should be. */
  #located(error: unknown, event: Buffer, pos: number): unknown {
    const known = error instanceof BridgeError || error instanceof RangeError;
    if (!known) return error;
    const what = error.message.replace(/^binlog: /, '');
    const where = `binlog ${this.#place.file}:${pos} (${eventTypeName(typeOf(event))})`;
    return new BridgeError('binlog-undecodable', `${where}: ${what}`, { cause: error });
  }
}

/** Six bytes that name the table map which describes the rows. */
function tableIdOf(event: Buffer): number {
  return event.readUIntLE(headerBytes, 6);
}

/** version u16 · server version, 50 bytes · created u32 · … · checksum algorithm u8 · checksum u32 */
function readFormat(event: Buffer): BinlogEvent {
  const version = event.readUInt16LE(headerBytes);
  if (version !== binlogVersion) throw undecodable(`a binlog of version ${version}, expected ${binlogVersion}`);
  return { kind: 'format', serverVersion: serverVersionOf(event), createdAt: writtenAt(event) * 1000 };
}

/** A server that has a file open for writing marks it so in its format description, without making the checksum anew. */
function asClosed(description: Buffer): Buffer {
  if (!isInUse(description)) return description;
  const closed = Buffer.from(description);
  closed[flagsAt]! &= ~inUseFlag;
  return closed;
}

function serverVersionOf(description: Buffer): string {
  return description.toString('latin1', headerBytes + 2, headerBytes + 52).replace(/\0.*$/s, '');
}

/** Of MySQL before 5.6.1 and MariaDB before 5.3: their format description does not tell a checksum algorithm. */
function isBeforeChecksums(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  if (major !== 5) return major < 5;
  return /mariadb/i.test(version) ? minor < 3 : minor < 6 || (minor === 6 && patch < 1);
}

function tooOld(version: string): BridgeError {
  return undecodable(`found the binlog of a server ${version}, expected MySQL 5.7, MariaDB 10.0 or newer`);
}

/** one phase u8 · format u32 · length of the global part u32, of the branch u32 · both */
function readXaPrepare(event: Buffer, end: number): BinlogEvent {
  const globalAt = headerBytes + 13;
  const branchAt = globalAt + event.readUInt32LE(headerBytes + 5);
  const xidEnd = branchAt + event.readUInt32LE(headerBytes + 9);
  if (xidEnd > end) throw undecodable('an XA id that is longer than its event');
  const format = event.readUInt32LE(headerBytes + 1);
  const xid = xidText(event.subarray(globalAt, branchAt), event.subarray(branchAt, xidEnd), format);
  return { kind: 'xa-prepare', xid, onePhase: event[headerBytes] !== 0, at: writtenAt(event) * 1000 };
}

/** Events that say nothing about rows, by themselves or because the statement that they serve is logged as its text. */
const silent = new Set<number>([
  eventType.stop,
  eventType.heartbeat,
  eventType.heartbeatV2,
  eventType.ignorable,
  eventType.transactionContext,
  eventType.viewChange,
  eventType.binlogCheckpoint,
  eventType.startEncryption,
  eventType.intVar,
  eventType.rand,
  eventType.userVar,
  eventType.beginLoadQuery,
  eventType.appendBlock,
  eventType.deleteFile,
]);

function withoutRows(event: Buffer, end: number, type: number): BinlogEvent {
  if (silent.has(type)) return other;
  if (type === eventType.incident) {
    const message = event.toString('utf8', headerBytes + 3, end);
    throw undecodable(
      `the server could not write all changes, incident ${event.readUInt16LE(headerBytes)}: ${message}`,
    );
  }
  if (isIgnorable(event)) return other;
  throw undecodable('an event that this reader does not know, and that it may not ignore');
}
