import iconv from 'iconv-lite';
import type { DecodeText } from './decode-text.ts';
import { parseRuns } from './runs.ts';
import { byteTable, noCharacter, notOf } from './single-byte.ts';

/** Pairs that begin above 0x7f. */
const pairs = 0x8000;
/** In ujis and eucjpms the lead byte of three: a pair follows. */
const leadOfThree = 0x8f;

/** In a table: nobody asked iconv-lite for this pair yet; U+FFFF is no character. */
const notAsked = 0xffff;

interface Sequences {
  readonly base: string;
  readonly single: readonly string[];
  /** Character of each pair, less 0x8000; 0 where there is none. All are in the basic plane. */
  readonly two: Uint16Array;
  /** The same behind the lead byte of three. */
  readonly three: Uint16Array;
}

/** The decoder of a character set of two or three bytes a character, of four for gb18030; the one door to iconv-lite, which is asked once for each character. */
export function multiByteDecoder(
  charset: string,
  description: { base: string; single: string; repairs: string },
): DecodeText {
  const longest = charset === 'gb18030' ? 4 : description.base === 'eucjp' ? 3 : 2;
  const sequences = makeSequences(description);
  return (bytes, from, to) => {
    let text = '';
    for (let at = from; at < to; ) {
      const first = bytes[at]!;
      const second = at + 1 < to ? bytes[at + 1]! : 0;
      const length = lengthOf(sequences, longest, first, second);
      const character = at + length > to ? noCharacter : characterAt(sequences, bytes, at, length);
      if (character === noCharacter) return notOf(charset, bytes, at, to);
      text += character;
      at += length;
    }
    return text;
  };
}

function lengthOf({ single }: Sequences, longest: number, first: number, second: number): number {
  if (single[first] !== noCharacter) return 1;
  if (longest === 3 && first === leadOfThree) return 3;
  return longest === 4 && second >= 0x30 && second <= 0x39 ? 4 : 2;
}

function characterAt({ base, single, two, three }: Sequences, bytes: Buffer, at: number, length: number): string {
  if (length === 1) return single[bytes[at]!]!;
  if (length === 4) return fourBytes(bytes, at);
  const table = length === 3 ? three : two;
  const pair = bytes.readUInt16BE(at + length - 2) - pairs;
  if (pair < 0) return noCharacter;
  if (table[pair] === notAsked) table[pair] = codeOf(bytes.subarray(at, at + length), base);
  return table[pair] === 0 ? noCharacter : String.fromCharCode(table[pair]!);
}

function codeOf(bytes: Buffer, base: string): number {
  const text = iconv.decode(bytes, base);
  return text.length === 1 && text !== '\ufffd' ? text.charCodeAt(0) : 0;
}

/** GB 18030 counts its four-byte characters: those of the basic plane have a table, the planes above follow without a gap. */
const fourByteBasicPlane = 39_420;
const fourByteSupplementary = 189_000;

function fourBytes(bytes: Buffer, at: number): string {
  const digits = [bytes[at]! - 0x81, bytes[at + 1]! - 0x30, bytes[at + 2]! - 0x81, bytes[at + 3]! - 0x30];
  const [first, second, third, fourth] = digits as [number, number, number, number];
  if (first < 0 || first > 125 || third < 0 || third > 125 || fourth < 0 || fourth > 9) return noCharacter;
  const place = ((first * 10 + second) * 126 + third) * 10 + fourth;
  if (place < fourByteBasicPlane) return iconv.decode(bytes.subarray(at, at + 4), 'gb18030');
  const code = place - fourByteSupplementary + 0x1_0000;
  return code >= 0x1_0000 && code <= 0x10_ffff ? String.fromCodePoint(code) : noCharacter;
}

function makeSequences({ base, single, repairs }: { base: string; single: string; repairs: string }): Sequences {
  const two = new Uint16Array(pairs).fill(notAsked);
  const three = new Uint16Array(pairs).fill(notAsked);
  for (const { first, last, code } of parseRuns(repairs)) {
    const table = first > 0xffff ? three : two;
    for (let sequence = first; sequence <= last; sequence += 1)
      table[(sequence & 0xffff) - pairs] = code === undefined ? 0 : code + sequence - first;
  }
  return { base, single: byteTable(single), two, three };
}
