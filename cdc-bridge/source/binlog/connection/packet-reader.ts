import { BridgeError } from '../../../errors.ts';

/** What is said when the bytes are not MySQL's protocol: the other side is another kind of server, or the line is damaged. */
export function malformed(what: string): BridgeError {
  return new BridgeError('legacy-unreachable', `binlog connection: not the MySQL protocol: ${what}`);
}

/** A payload is longer than it may be; nothing of it was taken into memory. */
export class PayloadTooLarge extends Error {
  override readonly name = 'PayloadTooLarge';
  readonly bytes: number;
  constructor(bytes: number) {
    super(`found a payload of ${bytes} bytes`);
    this.bytes = bytes;
  }
}

/** A packet is a length of 3 bytes, a sequence number of 1, and that many bytes of payload. */
const headerBytes = 4;
/** A packet of this length is followed by another that carries on its payload. */
const fullPacketBytes = 0xff_ff_ff;
/** Zero before an event; 0xff begins an error, 0xfe the end. */
const statusBytes = 1;
/** An event is at least its header. */
const minEventBytes = 19;
/** Where an event's whole length stands: after the status byte, timestamp, type and server id. */
const eventLengthAt = statusBytes + 9;
const eventLengthEnd = eventLengthAt + 4;

/** A payload whose bytes are still coming. */
interface OpenPayload {
  readonly bytes: Buffer;
  filled: number;
  /** Of the packet under way. */
  left: number;
  continues: boolean;
}

/**
 * Cuts the bytes of a connection into payloads. A payload that lies whole in a chunk is a view of it; one that does not is copied once,
 * into memory of its final size: an event says its own length in its first bytes, so even one of 1 GB is not put together twice.
 * Checks sequence numbers and lengths; throws BridgeError `legacy-unreachable` at what cannot be the protocol, and PayloadTooLarge.
 */
export class PacketReader {
  /** That the next packet must have, modulo 256. */
  sequence = 0;
  /** Of a dump, the payload that is no event: an error, or the end. What comes after it is not read. */
  notEvent: Buffer | undefined;
  #maxBytes: number;
  #inDump = false;
  #carry: Buffer | undefined;
  #open: OpenPayload | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** From now on payloads are events of up to `maxEventBytes`, given without the status byte before them. */
  expectEvents(maxEventBytes: number): void {
    this.#inDump = true;
    this.#maxBytes = statusBytes + maxEventBytes;
  }

  /** Whether the bytes so far end at the end of a payload. */
  get atBoundary(): boolean {
    return this.#carry === undefined && this.#open === undefined;
  }

  /** Adds the payloads that end in this chunk, in order; those before an error too. */
  push(received: Buffer, payloads: Buffer[]): void {
    const chunk = this.#withCarry(received);
    let at = 0;
    while (this.notEvent === undefined) {
      if (this.#open) {
        at += this.#fill(this.#open, chunk, at, payloads);
        if (this.#open && this.#open.left > 0) return;
      }
      const start = at + headerBytes;
      if (start > chunk.length) break;
      const length = chunk[at]! | (chunk[at + 1]! << 8) | (chunk[at + 2]! << 16);
      if (chunk[at + 3] !== (this.sequence & 0xff)) throw this.#outOfOrder(chunk[at + 3]!);
      // Optimization: the common case, a whole packet in the chunk, costs one view and nothing else.
      if (!this.#open && length < fullPacketBytes && start + length <= chunk.length) {
        if (length > this.#maxBytes) throw this.#tooLarge(length);
        // The status byte is passed over in the same step: a second view would cost as much as the first.
        if (!this.#inDump) payloads.push(chunk.subarray(start, start + length));
        else if (chunk[start] === 0 && length > minEventBytes) payloads.push(chunk.subarray(start + 1, start + length));
        else this.#endDump(chunk.subarray(start, start + length));
        at = start + length;
      } else if (this.#open) {
        this.#continueWith(this.#open, length, payloads);
        at = start;
      } else {
        if (length === fullPacketBytes && chunk.length - start < eventLengthEnd) break;
        this.#open = this.#begin(length, chunk, start);
        at = start;
      }
      this.sequence++;
    }
    if (at < chunk.length) this.#carry = chunk.subarray(at);
  }

  #withCarry(chunk: Buffer): Buffer {
    const carry = this.#carry;
    this.#carry = undefined;
    return carry ? Buffer.concat([carry, chunk]) : chunk;
  }

  #begin(length: number, chunk: Buffer, start: number): OpenPayload {
    const total = length < fullPacketBytes ? length : announcedBytes(chunk, start);
    if (total > this.#maxBytes) throw this.#tooLarge(total);
    return {
      bytes: Buffer.allocUnsafeSlow(total),
      filled: 0,
      left: length,
      continues: length === fullPacketBytes,
    };
  }

  /** Takes what the chunk has of the packet under way; returns how many bytes that were. */
  #fill(open: OpenPayload, chunk: Buffer, at: number, payloads: Buffer[]): number {
    const count = Math.min(open.left, chunk.length - at);
    if (open.filled + count > open.bytes.length) throw lengthsDiffer(open, open.filled + open.left);
    chunk.copy(open.bytes, open.filled, at, at + count);
    open.filled += count;
    open.left -= count;
    if (open.left === 0 && !open.continues) this.#finish(open, payloads);
    return count;
  }

  #continueWith(open: OpenPayload, length: number, payloads: Buffer[]): void {
    open.left = length;
    open.continues = length === fullPacketBytes;
    if (length === 0) this.#finish(open, payloads);
  }

  #finish(open: OpenPayload, payloads: Buffer[]): void {
    if (open.filled !== open.bytes.length) throw lengthsDiffer(open, open.filled);
    this.#open = undefined;
    if (!this.#inDump) payloads.push(open.bytes);
    else if (open.bytes[0] === 0 && open.bytes.length > minEventBytes) payloads.push(open.bytes.subarray(statusBytes));
    else this.#endDump(open.bytes);
  }

  #endDump(payload: Buffer): void {
    if (payload.length === 0) throw malformed('found an empty packet');
    if (payload[0] === 0) throw malformed(`found an event of ${payload.length - statusBytes} bytes`);
    this.notEvent = payload;
  }

  #tooLarge(payloadBytes: number): PayloadTooLarge {
    return new PayloadTooLarge(this.#inDump ? payloadBytes - statusBytes : payloadBytes);
  }

  #outOfOrder(found: number): BridgeError {
    return malformed(`found packet number ${found}, expected ${this.sequence & 0xff}`);
  }
}

/** The length of a payload in several packets; only events are that large. */
function announcedBytes(chunk: Buffer, start: number): number {
  const bytes = statusBytes + chunk.readUInt32LE(start + eventLengthAt);
  if (chunk[start] === 0 && bytes >= fullPacketBytes) return bytes;
  throw malformed('found a payload of more than 16 MB that is not an event of that size');
}

function lengthsDiffer({ bytes }: OpenPayload, found: number): BridgeError {
  return malformed(`found an event in packets of ${found} bytes, its header says ${bytes.length}`);
}

/** One packet: the payload with its header. `payload` is shorter than 16 MB. */
export function packet(sequence: number, payload: Buffer): Buffer {
  const header = Buffer.allocUnsafe(headerBytes);
  header.writeUIntLE(payload.length, 0, 3);
  header[3] = sequence & 0xff;
  return Buffer.concat([header, payload]);
}
