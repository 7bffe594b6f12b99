import { Unreadable } from '../../../../mapping/row-change.ts';
import type { DecodeText } from './decode-text.ts';
import { parseRuns } from './runs.ts';

/** What stands in the table where a byte is no character; not to be confused with a U+FFFD that was stored. */
export const noCharacter = '';

/** Byte → character, ISO 8859-1 except for the runs. */
export function byteTable(runs: string): readonly string[] {
  const table = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));
  for (const { first, last, code } of parseRuns(runs))
    for (let byte = first; byte <= last; byte += 1)
      table[byte] = code === undefined ? noCharacter : String.fromCodePoint(code + byte - first);
  return table;
}

export function singleByteDecoder(charset: string, runs: string): DecodeText {
  const table = byteTable(runs);
  return (bytes, from, to) => {
    let text = '';
    for (let at = from; at < to; at += 1) {
      const character = table[bytes[at]!]!;
      if (character === noCharacter) return notOf(charset, bytes, at, at + 1);
      text += character;
    }
    return text;
  };
}

/** The cell of text that holds bytes which its character set does not have. */
export function notOf(charset: string, bytes: Buffer, from: number, to: number): Unreadable {
  return new Unreadable(`bytes ${bytes.toString('hex', from, Math.min(to, from + 4))} are no character of ${charset}`);
}
