import { undecodable } from '../decoding/undecodable.ts';
import type { TransactionBegin } from './binlog-event.ts';
import { headerBytes, serverIdOf, writtenAt } from './event-header.ts';

/** Last UUID that was spelled: a server writes the same one for as long as it lives, so it is spelled once. */
let spelledBytes = Buffer.alloc(0);
let spelled = '';

/** 16 bytes as `3e11fa47-71ca-11e1-9e33-c80aa9429562`. */
export function uuidText(bytes: Buffer): string {
  if (bytes.equals(spelledBytes)) return spelled;
  const hex = bytes.toString('hex');
  spelled = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  spelledBytes = Buffer.from(bytes);
  return spelled;
}

/** MySQL: flags u8 · source UUID, 16 bytes · number u64 · logical clock and times, which nobody here needs. */
export function readGtid(event: Buffer, pos: number): TransactionBegin {
  const uuid = uuidText(event.subarray(headerBytes + 1, headerBytes + 17));
  return begin(event, pos, `${uuid}:${event.readBigUInt64LE(headerBytes + 17)}`);
}

/** The same layout, with zeros where the GTID would be. */
export function readAnonymousGtid(event: Buffer, pos: number): TransactionBegin {
  return begin(event, pos, undefined);
}

function begin(event: Buffer, pos: number, gtid: string | undefined): TransactionBegin {
  return { kind: 'begin', pos, at: writtenAt(event) * 1000, gtid, standalone: true };
}

const taggedFields = { flags: 0n, uuid: 1n, number: 2n, tag: 3n } as const;
const tagPattern = /^[a-z_][a-z0-9_]{0,31}$/;
const maxTagBytes = 32;

/** A tag as it may be, or `otherwise`. */
export function requireTag(tag: string, otherwise?: string): string {
  if (tagPattern.test(tag) || tag === otherwise) return tag;
  throw undecodable(`a GTID tag ${JSON.stringify(tag)}, expected up to 32 letters, digits and underscores`);
}

/**
 * MySQL 8.3 and later, of a GTID with a tag: a message of numbered fields in ascending order, everything in it packed integers
 * (libs/mysql/serialization/readme.md):
 *
 *     version · size of the message · number of the last field that may not be skipped, plus one · fields: number, value
 *
 * The UUID is 16 packed integers, the tag its length and its letters. Fields after the tag do not name the transaction.
 */
export function readTaggedGtid(event: Buffer, end: number, pos: number): TransactionBegin {
  const message = new PackedMessage(event, headerBytes, end);
  const version = message.unsigned();
  if (version !== 1n) throw undecodable(`a tagged GTID of version ${version}, expected 1`);
  message.unsigned();
  message.unsigned();
  let field = message.unsigned();
  if (field === taggedFields.flags) {
    message.unsigned();
    field = message.unsigned();
  }
  requireField(field, taggedFields.uuid);
  const uuid = uuidText(Buffer.from(Array.from({ length: 16 }, () => Number(message.unsigned() & 0xffn))));
  requireField(message.unsigned(), taggedFields.number);
  const number = message.signed();
  if (number < 1n) throw undecodable(`transaction number ${number} in a tagged GTID`);
  requireField(message.unsigned(), taggedFields.tag);
  const length = Number(message.unsigned());
  if (length > maxTagBytes) throw undecodable(`a GTID tag of ${length} bytes, expected at most ${maxTagBytes}`);
  const tag = requireTag(message.latin1(length));
  return begin(event, pos, `${uuid}:${tag}:${number}`);
}

function requireField(found: bigint, expected: bigint): void {
  if (found !== expected) throw undecodable(`field ${found} in a tagged GTID, expected ${expected}`);
}

/** Packed integers: as many low one-bits as bytes follow the first, then a zero, then the number, least byte first. */
class PackedMessage {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;

  constructor(bytes: Buffer, from: number, end: number) {
    this.#bytes = bytes;
    this.#at = from;
    this.#end = end;
  }

  unsigned(): bigint {
    const from = this.#at;
    const first = this.#take(1)[0]!;
    let more = 0;
    while (more < 8 && first & (1 << more)) more++;
    this.#take(more);
    let value = 0n;
    for (let at = from + more; at > from; at--) value = (value << 8n) | BigInt(this.#bytes[at]!);
    if (more >= 7) return value;
    return (value << BigInt(7 - more)) | BigInt(first >> (more + 1));
  }

  /** Zigzag: the sign is the lowest bit, a negative number is stored as its complement. */
  signed(): bigint {
    const value = this.unsigned();
    return value & 1n ? ~(value >> 1n) : value >> 1n;
  }

  latin1(length: number): string {
    return this.#take(length).toString('latin1');
  }

  #take(length: number): Buffer {
    const from = this.#at;
    if (length > this.#end - from) throw undecodable('a tagged GTID that ends too early');
    this.#at = from + length;
    return this.#bytes.subarray(from, from + length);
  }
}

const mariadbFlags = { standalone: 1, groupCommit: 2, prepared: 64, completed: 128 } as const;
const mariadbExtra = { multiEngine: 1, startAlter: 2, commitAlter: 4, rollbackAlter: 8, threadId: 16 } as const;

/**
 * MariaDB: sequence number u64 · domain u32 · flags u8 · [commit id u64] · [XA: format u32, length of the global part u8, of the branch u8,
 * both] · [extra flags u8 · [engines u8] · [sequence number of the ALTER's start u64] · [thread id u32]]. The server is the header's.
 * sql/log_event.cc, Gtid_log_event.
 */
export function readMariadbGtid(event: Buffer, end: number, pos: number): TransactionBegin {
  const gtid = `${event.readUInt32LE(headerBytes + 8)}-${serverIdOf(event)}-${event.readBigUInt64LE(headerBytes)}`;
  const flags = event[headerBytes + 12]!;
  const standalone = (flags & mariadbFlags.standalone) !== 0;
  const xidAt = headerBytes + 13 + (flags & mariadbFlags.groupCommit ? 8 : 0);
  const hasXid = (flags & (mariadbFlags.prepared | mariadbFlags.completed)) !== 0;
  const extraAt = hasXid ? xidAt + 6 + event[xidAt + 4]! + event[xidAt + 5]! : xidAt;
  return {
    kind: 'begin',
    pos,
    at: writtenAt(event) * 1000,
    gtid,
    standalone,
    ...(flags & mariadbFlags.prepared ? { preparesXa: true } : {}),
    ...readExtra(event, extraAt, end),
  };
}

/** Zeros stand behind the flags of a group that has nothing more to say: it has no extra flags. */
function readExtra(event: Buffer, from: number, end: number): Pick<TransactionBegin, 'alter' | 'connection'> {
  const flags = from < end ? event[from]! : 0;
  if (flags === 0) return {};
  const { multiEngine, startAlter, commitAlter, rollbackAlter, threadId } = mariadbExtra;
  const alter =
    flags & startAlter ? 'start' : flags & commitAlter ? 'commit' : flags & rollbackAlter ? 'rollback' : undefined;
  const at = from + 1 + (flags & multiEngine ? 1 : 0) + (flags & (commitAlter | rollbackAlter) ? 8 : 0);
  return {
    ...(alter ? { alter } : {}),
    ...(flags & threadId ? { connection: event.readUInt32LE(at) } : {}),
  };
}
