import type { DecodeText } from './decode-text.ts';
import { multiByteDecoder } from './multi-byte.ts';
import { parseRuns } from './runs.ts';
import { singleByteDecoder } from './single-byte.ts';
import { multiByteRuns, singleByteRuns } from './tables.ts';
import { decodeUcs2, decodeUtf8, decodeUtf16, decodeUtf16le, decodeUtf32 } from './unicode.ts';

const known = new Map<string, DecodeText>([
  ['utf8mb4', decodeUtf8],
  ['utf8mb3', decodeUtf8],
  ['utf8', decodeUtf8],
  ['ucs2', decodeUcs2],
  ['utf16', decodeUtf16],
  ['utf16le', decodeUtf16le],
  ['utf32', decodeUtf32],
]);

/** The decoder of a character set by its MySQL name, made when first asked for; undefined for a name that neither server has. */
export function textDecoder(charset: string): DecodeText | undefined {
  const made = known.get(charset) ?? fromTables(charset);
  if (made) known.set(charset, made);
  return made;
}

function fromTables(charset: string): DecodeText | undefined {
  const single = singleByteRuns[charset];
  if (single !== undefined) return singleByteDecoder(charset, single);
  const multi = multiByteRuns[charset];
  return multi && multiByteDecoder(charset, multi);
}

const wide = /^(ucs2|utf16|utf16le|utf32)$/;

/** Whether bytes below 0x80 are the same characters as in ASCII, whatever stands before them. */
export function isAsciiCompatible(charset: string): boolean {
  if (wide.test(charset)) return false;
  const single = singleByteRuns[charset] ?? multiByteRuns[charset]?.single ?? '';
  return parseRuns(single).every(({ first }) => first >= 0x80);
}
