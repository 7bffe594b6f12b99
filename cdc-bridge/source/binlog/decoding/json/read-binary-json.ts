import { doubleText, opaqueText, quotedText } from './scalar-text.ts';

/** How to put a document together from its parts, inner ones first; a leaf comes as the text that SELECT shows. */
export interface JsonBuilder<T> {
  leaf(text: string): T;
  array(items: T[]): T;
  /** Keys in the order they are stored in, which is MySQL's: shorter ones first, then by bytes. */
  object(keys: string[], values: T[]): T;
}

/** JSON_DOCUMENT_MAX_DEPTH: MySQL stores nothing deeper. */
const maxDepth = 100;

const type = {
  smallObject: 0x00,
  largeObject: 0x01,
  smallArray: 0x02,
  largeArray: 0x03,
  literal: 0x04,
  int16: 0x05,
  uint16: 0x06,
  int32: 0x07,
  uint32: 0x08,
  int64: 0x09,
  uint64: 0x0a,
  double: 0x0b,
  string: 0x0c,
  opaque: 0x0f,
} as const;

const literals = ['null', 'true', 'false'] as const;

/**
 * Reads MySQL's binary JSON, `bytes` from `from` to before `to`. Throws a RangeError when they are none.
 *
 *     document  = type(1) value
 *     object    = count size key-entry{count} value-entry{count} key* value*
 *     array     = count size value-entry{count} value*
 *     key-entry = offset length(2)         value-entry = type(1) offset-or-inlined-value
 *     string    = length(variable) UTF-8   opaque = column-type(1) length(variable) bytes
 *
 * Counts, sizes and offsets take 2 bytes in small containers and 4 in large ones; offsets count from the container's `count`.
 * Literals and 16-bit numbers stand in the entry itself, 32-bit numbers in those of large containers. All is little-endian.
 * A document of no bytes is what a server that is not strict stores for NULL in a NOT NULL column: it reads as `null`.
 * Source: sql-common/json_binary.h of MySQL.
 */
export function readBinaryJson<T>(bytes: Buffer, from: number, to: number, builder: JsonBuilder<T>): T {
  if (from === to) return builder.leaf('null');
  if (from > to || to > bytes.length) throw new RangeError(`JSON: bytes ${from} to ${to} of ${bytes.length}`);
  return new Reader(bytes, to, builder).value(bytes[from]!, from + 1, 0);
}

class Reader<T> {
  readonly #bytes: Buffer;
  readonly #end: number;
  readonly #builder: JsonBuilder<T>;
  /**
   * Bytes not accounted for yet. No two values share bytes in what MySQL writes; entries that lead to the same place again and again would make a
   * short document endless.
   */
  #unread: number;

  constructor(bytes: Buffer, end: number, builder: JsonBuilder<T>) {
    this.#bytes = bytes;
    this.#end = end;
    this.#builder = builder;
    this.#unread = end;
  }

  value(kind: number, at: number, depth: number): T {
    switch (kind) {
      case type.smallObject:
      case type.largeObject:
        return this.#object(at, kind === type.largeObject, depth + 1);
      case type.smallArray:
      case type.largeArray:
        return this.#array(at, kind === type.largeArray, depth + 1);
      default:
        return this.#builder.leaf(this.#scalar(kind, at));
    }
  }

  #object(at: number, large: boolean, depth: number): T {
    const wide = large ? 4 : 2;
    const count = this.#count(at, wide, wide + 2 + 1 + wide, depth);
    const keyEntries = at + 2 * wide;
    const valueEntries = keyEntries + count * (wide + 2);
    const keys = new Array<string>(count);
    const values = new Array<T>(count);
    for (let index = 0; index < count; index++) {
      const entry = keyEntries + index * (wide + 2);
      keys[index] = this.#text(at + this.#unsigned(entry, wide), this.#bytes.readUInt16LE(entry + wide));
      values[index] = this.#entry(valueEntries + index * (1 + wide), at, large, depth);
    }
    return this.#builder.object(keys, values);
  }

  #array(at: number, large: boolean, depth: number): T {
    const wide = large ? 4 : 2;
    const count = this.#count(at, wide, 1 + wide, depth);
    const items = new Array<T>(count);
    for (let index = 0; index < count; index++)
      items[index] = this.#entry(at + 2 * wide + index * (1 + wide), at, large, depth);
    return this.#builder.array(items);
  }

  /** Number of elements of a container, whose entries are found to be there. */
  #count(at: number, wide: number, entryBytes: number, depth: number): number {
    if (depth > maxDepth) throw new RangeError(`JSON: deeper than ${maxDepth}`);
    this.#take(at, 2 * wide);
    const count = this.#unsigned(at, wide);
    this.#take(at + 2 * wide, count * entryBytes);
    return count;
  }

  #entry(entry: number, container: number, large: boolean, depth: number): T {
    const kind = this.#bytes[entry]!;
    const inlined =
      (kind >= type.literal && kind <= type.uint16) || (large && (kind === type.int32 || kind === type.uint32));
    if (inlined) return this.#builder.leaf(this.#number(kind, entry + 1));
    return this.value(kind, container + this.#unsigned(entry + 1, large ? 4 : 2), depth);
  }

  #scalar(kind: number, at: number): string {
    if (kind === type.string) {
      const [length, start] = this.#length(at);
      return quotedText(this.#text(start, length));
    }
    if (kind === type.opaque) return this.#opaque(at);
    this.#take(at, sizeOf(kind));
    return this.#number(kind, at);
  }

  /** The caller knows that the bytes are there. */
  #number(kind: number, at: number): string {
    const bytes = this.#bytes;
    switch (kind) {
      case type.literal:
        return literals[bytes[at]!] ?? unknown('literal', bytes[at]!);
      case type.int16:
        return String(bytes.readInt16LE(at));
      case type.uint16:
        return String(bytes.readUInt16LE(at));
      case type.int32:
        return String(bytes.readInt32LE(at));
      case type.uint32:
        return String(bytes.readUInt32LE(at));
      case type.int64:
        return String(bytes.readBigInt64LE(at));
      case type.uint64:
        return String(bytes.readBigUInt64LE(at));
      case type.double:
        return doubleText(bytes.readDoubleLE(at));
      default:
        return unknown('type', kind);
    }
  }

  #opaque(at: number): string {
    this.#take(at, 1);
    const [length, start] = this.#length(at + 1);
    this.#take(start, length);
    return opaqueText(this.#bytes[at]!, this.#bytes.subarray(start, start + length));
  }

  #text(start: number, length: number): string {
    this.#take(start, length);
    const text = this.#bytes.toString('utf8', start, start + length);
    // Optimization: the replacement character is rare, so the bytes are looked at twice only where it appears.
    if (text.includes('\uFFFD') && Buffer.from(text).compare(this.#bytes, start, start + length) !== 0)
      throw new RangeError(`JSON: text at byte ${start} is not UTF-8`);
    return text;
  }

  /** Seven bits a byte, the lowest first; the top bit says that another byte follows. At most 32 bits. */
  #length(at: number): [length: number, next: number] {
    let length = 0;
    for (let index = 0; index < 5; index++) {
      this.#take(at + index, 1);
      const byte = this.#bytes[at + index]!;
      length += (byte & 0x7f) * 2 ** (7 * index);
      if (byte < 0x80) return [length, at + index + 1];
    }
    throw new RangeError(`JSON: the length at byte ${at} does not end`);
  }

  #unsigned(at: number, wide: number): number {
    return wide === 4 ? this.#bytes.readUInt32LE(at) : this.#bytes.readUInt16LE(at);
  }

  #take(at: number, length: number): void {
    this.#unread -= length;
    if (at + length > this.#end)
      throw new RangeError(`JSON: ${length} bytes at ${at}, but the document ends at ${this.#end}`);
    if (this.#unread < 0) throw new RangeError('JSON: values overlap');
  }
}

function sizeOf(kind: number): number {
  if (kind === type.literal) return 1;
  if (kind === type.int16 || kind === type.uint16) return 2;
  return kind === type.int32 || kind === type.uint32 ? 4 : 8;
}

function unknown(what: string, found: number): never {
  throw new RangeError(`JSON: ${what} ${found} is not known`);
}
