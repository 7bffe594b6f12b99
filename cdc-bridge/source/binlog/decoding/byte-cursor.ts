import { undecodable } from './undecodable.ts';

/** Reads bytes from front to back and never beyond the end. Every method throws BridgeError `binlog-undecodable` when too few are left. */
export class ByteCursor {
  readonly #bytes: Buffer;
  readonly #what: string;
  readonly #end: number;
  #at: number;

  /** `what` names the whole in errors: `a table map`. */
  constructor(bytes: Buffer, what: string, from = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#what = what;
    this.#at = from;
    this.#end = end;
  }

  get at(): number {
    return this.#at;
  }

  get left(): number {
    return this.#end - this.#at;
  }

  skip(length: number): void {
    this.#take(length);
  }

  bytes(length: number): Buffer {
    const from = this.#take(length);
    return this.#bytes.subarray(from, from + length);
  }

  byte(): number {
    return this.#bytes[this.#take(1)]!;
  }

  /** Two bytes, the low one first. */
  uint16(): number {
    return this.#bytes.readUInt16LE(this.#take(2));
  }

  /** A length-encoded integer: https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_dt_integers.html */
  packed(): number {
    const first = this.byte();
    if (first < 0xfb) return first;
    if (first === 0xfc) return this.uint16();
    if (first === 0xfd) return this.#bytes.readUIntLE(this.#take(3), 3);
    if (first !== 0xfe) throw undecodable(`${this.#what} has ${first} where a length should be`);
    const value = Number(this.#bytes.readBigUInt64LE(this.#take(8)));
    if (Number.isSafeInteger(value)) return value;
    throw undecodable(`${this.#what} has a length of ${value}`);
  }

  /** Bytes with their length, as `packed`, before them. */
  packedBytes(): Buffer {
    return this.bytes(this.packed());
  }

  /** A part of that length as a cursor of its own; this one goes on behind it. */
  part(length: number, what: string): ByteCursor {
    const from = this.#take(length);
    return new ByteCursor(this.#bytes, what, from, from + length);
  }

  #take(length: number): number {
    const from = this.#at;
    if (length > this.#end - from)
      throw undecodable(`${this.#what} ends too early: found ${this.#end - from} bytes, expected ${length}`);
    this.#at = from + length;
    return from;
  }
}
