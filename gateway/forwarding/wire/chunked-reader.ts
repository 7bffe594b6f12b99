import { classesOf, colon, cr, lf, tokenByte, valueByte } from './bytes.ts';
import { readFieldLines, saysFraming } from './field-lines.ts';

/** Told of each piece of a body's own bytes, without the framing around it. */
export type BodyTap = (bytes: Buffer, from: number, to: number) => void;

/** Digits of a chunk's size at most: 2^52 bytes. */
const maxSizeDigits = 13;
/** A chunk's extensions at most. Nobody uses them, but a sender could go on for ever. */
const maxExtensionBytes = 4 * 1024;
/** The trailer section at most. */
const maxTrailerBytes = 64 * 1024;

const semicolon = 0x3b;
const equals = 0x3d;
const quote = 0x22;
const backslash = 0x5c;

/** Where in the framing the next byte stands. */
type Place =
  | 'size-first'
  | 'size'
  | 'extension-name-first'
  | 'extension-name'
  | 'extension-value-first'
  | 'extension-value'
  | 'extension-quoted'
  | 'extension-escaped'
  | 'extension-unquoted'
  | 'size-lf'
  | 'data'
  | 'data-cr'
  | 'data-lf'
  | 'trailer-first'
  | 'trailer-name'
  | 'trailer-value'
  | 'trailer-lf'
  | 'last-lf'
  | 'done'
  | 'malformed';

const trailerPlaces: ReadonlySet<Place> = new Set([
  'trailer-first',
  'trailer-name',
  'trailer-value',
  'trailer-lf',
  'last-lf',
]);

/**
 * Follows a body in the chunked coding (RFC 9112 section 7.1), byte by byte, so that it can be passed on as it is and only when it is sound:
 *
 *     chunk   = 1*13HEXDIG *( ";" token [ "=" ( token / quoted-string ) ] ) CRLF  bytes  CRLF
 *     last    = 1*"0" extensions CRLF  *( field-line CRLF )  CRLF
 *
 * It needs no more memory than this state and the trailer section, and may be given the bytes in pieces of any size.
 */
export class ChunkedReader {
  readonly #tap: BodyTap;
  #place: Place = 'size-first';
  #left = 0;
  #digits = 0;
  /** Bytes of the extensions of this chunk, or of the trailer section, so far. */
  #extra = 0;
  #trailerSection = '';

  constructor(tap: BodyTap) {
    this.#tap = tap;
  }

  /** The last byte of the message was read. */
  get done(): boolean {
    return this.#place === 'done';
  }

  get malformed(): boolean {
    return this.#place === 'malformed';
  }

  /** The chunks are over; what comes is the trailer section. */
  get inTrailers(): boolean {
    return this.#place === 'done' || trailerPlaces.has(this.#place);
  }

  /** The trailer section as far as it was read, with the empty line at its end: `X-Sum: 7\r\n\r\n`. */
  get trailerSection(): string {
    return this.#trailerSection;
  }

  /**
   * Reads on, and returns where it stopped: at `end`, before the trailer section or behind the message's last byte, or at the byte that is wrong.
   */
  read(bytes: Buffer, from: number, end: number): number {
    let at = from;
    const wasInTrailers = this.inTrailers;
    while (at < end && this.#place !== 'done' && (wasInTrailers || this.#place !== 'trailer-first')) {
      if (this.#place === 'data') {
        const to = Math.min(end, at + this.#left);
        this.#tap(bytes, at, to);
        this.#left -= to - at;
        if (this.#left === 0) this.#place = 'data-cr';
        at = to;
      } else {
        this.#place = this.#step(bytes[at]!);
        if (this.#place === 'malformed') return at;
        at += 1;
      }
    }
    return at;
  }

  #step(byte: number): Place {
    switch (this.#place) {
      case 'size-first':
        this.#left = 0;
        this.#digits = 0;
        this.#extra = 0;
        return this.#digit(byte);
      case 'size':
        if (byte === cr) return 'size-lf';
        return byte === semicolon ? 'extension-name-first' : this.#digit(byte);
      case 'size-lf':
        if (byte !== lf) return 'malformed';
        return this.#left === 0 ? 'trailer-first' : 'data';
      case 'data-cr':
        return byte === cr ? 'data-lf' : 'malformed';
      case 'data-lf':
        return byte === lf ? 'size-first' : 'malformed';
      case 'trailer-first':
      case 'trailer-name':
      case 'trailer-value':
      case 'trailer-lf':
      case 'last-lf':
        return this.#trailer(byte);
      default:
        return this.#extension(byte);
    }
  }

  #digit(byte: number): Place {
    const value = hexDigit(byte);
    this.#digits += 1;
    if (value < 0 || this.#digits > maxSizeDigits) return 'malformed';
    this.#left = this.#left * 16 + value;
    return 'size';
  }

  #extension(byte: number): Place {
    this.#extra += 1;
    if (this.#extra > maxExtensionBytes) return 'malformed';
    switch (this.#place) {
      case 'extension-name-first':
        return isOf(byte, tokenByte) ? 'extension-name' : 'malformed';
      case 'extension-name':
        if (byte === equals) return 'extension-value-first';
        return isOf(byte, tokenByte) ? 'extension-name' : afterExtension(byte);
      case 'extension-value-first':
        if (byte === quote) return 'extension-quoted';
        return isOf(byte, tokenByte) ? 'extension-value' : 'malformed';
      case 'extension-value':
        return isOf(byte, tokenByte) ? 'extension-value' : afterExtension(byte);
      case 'extension-quoted':
        if (byte === quote) return 'extension-unquoted';
        if (byte === backslash) return 'extension-escaped';
        return isOf(byte, valueByte) ? 'extension-quoted' : 'malformed';
      case 'extension-escaped':
        return isOf(byte, valueByte) ? 'extension-quoted' : 'malformed';
      default:
        return afterExtension(byte);
    }
  }

  #trailer(byte: number): Place {
    this.#trailerSection += String.fromCharCode(byte);
    this.#extra += 1;
    if (this.#extra > maxTrailerBytes) return 'malformed';
    switch (this.#place) {
      case 'trailer-first':
        if (byte === cr) return 'last-lf';
        return isOf(byte, tokenByte) ? 'trailer-name' : 'malformed';
      case 'trailer-name':
        if (byte === colon) return 'trailer-value';
        return isOf(byte, tokenByte) ? 'trailer-name' : 'malformed';
      case 'trailer-value':
        if (byte === cr) return 'trailer-lf';
        return isOf(byte, valueByte) ? 'trailer-value' : 'malformed';
      case 'trailer-lf':
        return byte === lf ? 'trailer-first' : 'malformed';
      default:
        return byte === lf && !framesAgain(this.#trailerSection) ? 'done' : 'malformed';
    }
  }
}

/** Whether a trailer section says where the message ends, which it cannot: Node's parser takes no such message. */
function framesAgain(trailerSection: string): boolean {
  const fields: string[] = [];
  const end = readFieldLines(trailerSection, 0, fields);
  return end < 0 || fields.some((name, index) => index % 2 === 0 && saysFraming(name));
}

function afterExtension(byte: number): Place {
  if (byte === cr) return 'size-lf';
  return byte === semicolon ? 'extension-name-first' : 'malformed';
}

function isOf(byte: number, byteClass: number): boolean {
  return (classesOf[byte]! & byteClass) !== 0;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
