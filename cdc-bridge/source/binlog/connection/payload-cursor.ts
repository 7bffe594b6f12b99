import { malformed } from './packet-reader.ts';

/** Reads the fields of a payload one after the other; throws BridgeError `legacy-unreachable` where the payload ends too early. */
export class PayloadCursor {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  take(count: number): Buffer {
    const end = this.#at + count;
    if (end > this.#bytes.length)
      throw malformed(`found a payload of ${this.#bytes.length} bytes, expected ${end} or more`);
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  /** A whole number, least byte first. */
  uint(bytes: 1 | 2 | 3 | 4): number {
    return this.take(bytes).readUIntLE(0, bytes);
  }

  /** Up to the next zero byte, which is passed over; without one, up to the end. */
  untilZero(): Buffer {
    const zero = this.#bytes.indexOf(0, this.#at);
    const taken = this.take((zero < 0 ? this.#bytes.length : zero) - this.#at);
    if (zero >= 0) this.#at++;
    return taken;
  }

  rest(): Buffer {
    return this.take(this.#bytes.length - this.#at);
  }

  /** A text of a result row, with its length before it; undefined for NULL. */
  lengthEncoded(): Buffer | undefined {
    const first = this.uint(1);
    if (first === 0xfb) return undefined;
    if (first < 0xfb) return this.take(first);
    if (first === 0xfc) return this.take(this.uint(2));
    if (first === 0xfd) return this.take(this.uint(3));
    throw malformed(`found a value whose length begins with ${first}`);
  }
}
