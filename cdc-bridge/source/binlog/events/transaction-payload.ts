import { Decompress } from 'fzstd';
import { ByteCursor } from '../decoding/byte-cursor.ts';
import { undecodable } from '../decoding/undecodable.ts';
import { headerBytes, lengthOf } from './event-header.ts';

const fields = { end: 0, payloadSize: 1, compression: 2, uncompressedSize: 3 } as const;
const compression = { zstd: 0, none: 255 } as const;

/** So much is decompressed at a time; one byte of zstd can stand for tens of thousands. */
const sliceBytes = 4 * 1024;

/** An event of the payload, and how far it begins behind the payload's own beginning once decompressed. */
export interface InnerEvent {
  readonly event: Buffer;
  readonly offset: number;
}

/**
 * The events of MySQL's TRANSACTION_PAYLOAD, which holds a whole transaction: fields (number, length, value, all packed integers; 0 ends
 * them), then the events, as a rule as one zstd stream. They have no checksum and no offset of their own. Decompressed as they are asked for:
 * never is more in memory than an event and a slice. Throws BridgeError `binlog-undecodable`, also for an event above `maxEventBytes`.
 */
export function* innerEvents(event: Buffer, end: number, maxEventBytes: number): Generator<InnerEvent> {
  const { payload, packed, size } = readPayload(event, end);
  const waiting = new InnerBytes(size, maxEventBytes);
  for (const slice of packed ? decompressed(payload) : [payload]) {
    waiting.push(slice);
    for (let next = waiting.shift(); next; next = waiting.shift()) yield next;
  }
  waiting.requireEmpty();
}

function readPayload(event: Buffer, end: number): { payload: Buffer; packed: boolean; size: number } {
  const cursor = new ByteCursor(event, 'a compressed transaction', headerBytes, end);
  const found = new Map<number, number>();
  for (let field = cursor.packed(); field !== fields.end; field = cursor.packed()) {
    const value = cursor.part(cursor.packed(), 'a field of a compressed transaction');
    found.set(field, value.packed());
  }
  const how = found.get(fields.compression) ?? compression.zstd;
  if (how !== compression.zstd && how !== compression.none)
    throw undecodable(`a transaction with compression ${how}, expected 0 (zstd) or 255 (none)`);
  const payload = cursor.bytes(found.get(fields.payloadSize) ?? cursor.left);
  return { payload, packed: how === compression.zstd, size: found.get(fields.uncompressedSize) ?? payload.length };
}

function* decompressed(payload: Buffer): Generator<Buffer> {
  let made: Buffer[] = [];
  const stream = new Decompress((part) => {
    made.push(Buffer.from(part));
  });
  for (let from = 0; from < payload.length; from += sliceBytes) {
    const to = Math.min(from + sliceBytes, payload.length);
    try {
      stream.push(payload.subarray(from, to), to === payload.length);
    } catch (cause) {
      throw undecodable(`a compressed transaction that does not decompress: ${(cause as Error).message}`);
    }
    yield* made;
    made = [];
  }
}

/** Bytes as they come, cut into events. */
class InnerBytes {
  readonly #size: number;
  readonly #maxEventBytes: number;
  #parts: Buffer[] = [];
  #waiting = 0;
  #passed = 0;

  constructor(size: number, maxEventBytes: number) {
    this.#size = size;
    this.#maxEventBytes = maxEventBytes;
  }

  push(part: Buffer): void {
    if (part.length === 0) return;
    this.#parts.push(part);
    this.#waiting += part.length;
    if (this.#passed + this.#waiting > this.#size)
      throw undecodable(`a compressed transaction of more than the ${this.#size} bytes that it announces`);
  }

  /** The next event, when it is there whole. */
  shift(): InnerEvent | undefined {
    if (this.#waiting < headerBytes) return undefined;
    const length = lengthOf(this.#front(headerBytes));
    if (length < headerBytes || length > this.#maxEventBytes)
      throw undecodable(`an event of ${length} bytes in a compressed transaction`);
    if (this.#waiting < length) return undefined;
    const front = this.#front(length);
    const inner = { event: front.subarray(0, length), offset: this.#passed };
    this.#parts[0] = front.subarray(length);
    this.#waiting -= length;
    this.#passed += length;
    return inner;
  }

  requireEmpty(): void {
    if (this.#waiting > 0 || this.#passed !== this.#size)
      throw undecodable(`a compressed transaction of ${this.#passed} bytes in whole events, expected ${this.#size}`);
  }

  /** At least so many bytes in one piece, which becomes the first part. */
  #front(length: number): Buffer {
    const [first] = this.#parts;
    if (first && first.length >= length) return first;
    const joined = Buffer.concat(this.#parts);
    this.#parts = [joined];
    return joined;
  }
}
