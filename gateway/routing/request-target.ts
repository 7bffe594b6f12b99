/** What makes a path one that two systems could read differently, in the order it is told. */
export const ambiguities = {
  'not-a-path': 'no leading slash',
  'bad-escape': 'a percent sign that starts no escape',
  'encoded-slash': 'an encoded slash (%2F)',
  backslash: 'a backslash',
  'control-character': 'an encoded control character',
  'double-escape': 'an escape of an escape (%25..)',
  semicolon: 'a semicolon',
  fragment: 'a fragment',
  'empty-segment': 'an empty segment (//)',
  'dot-segment': 'a dot segment',
  'not-ascii': 'a byte that is not printable ASCII',
  'not-utf-8': 'escapes that are not UTF-8, or an overlong form of it',
} as const;

export type Ambiguity = keyof typeof ambiguities;

/** A path that could be read in more than one way, and everything that makes it so. */
export interface AmbiguousTarget {
  readonly ambiguous: readonly Ambiguity[];
}

/** A request target taken apart for matching. What is forwarded is always the original text. */
export class ParsedTarget {
  /** The path's segments as received: `/shipments/7` → `['shipments', '7']`. */
  readonly rawSegments: readonly string[];
  /** The same, percent-decoded once. */
  readonly segments: readonly string[];
  readonly #query: string;
  #parameters: URLSearchParams | undefined;

  constructor(rawSegments: readonly string[], segments: readonly string[], query: string) {
    this.rawSegments = rawSegments;
    this.segments = segments;
    this.#query = query;
  }

  /** Optimization: taken apart when the first condition asks. */
  get query(): URLSearchParams {
    this.#parameters ??= new URLSearchParams(this.#query);
    return this.#parameters;
  }
}

const names = Object.keys(ambiguities) as Ambiguity[];
const flagOf = (name: Ambiguity) => 1 << names.indexOf(name);
const [notAPath, badEscape, emptySegment, dotSegment, notAscii, notUtf8] = [
  flagOf('not-a-path'),
  flagOf('bad-escape'),
  flagOf('empty-segment'),
  flagOf('dot-segment'),
  flagOf('not-ascii'),
  flagOf('not-utf-8'),
];
const [percentSign, slash, dot, question] = [0x25, 0x2f, 0x2e, 0x3f];

/** What a character means in a path; a number from `ambiguous` on is that plus the flag of what it makes ambiguous. */
const [ordinary, separator, escapeStart, end, ambiguous] = [0, 1, 2, 3, 4];
const meanings = Uint32Array.from({ length: 128 }, (_, code) => {
  if (code === slash) return separator;
  if (code === percentSign) return escapeStart;
  if (code === question) return end;
  return ambiguous * flagOfCharacter(code);
});

function flagOfCharacter(code: number): number {
  if (code < 0x21 || code > 0x7e) return notAscii;
  const named: Readonly<Record<string, Ambiguity>> = { '\\': 'backslash', ';': 'semicolon', '#': 'fragment' };
  const name = named[String.fromCharCode(code)];
  return name === undefined ? ordinary : flagOf(name);
}

/**
 * Takes a target apart, or says why two systems could read its path differently. An ambiguous path never matches a route: otherwise
 * one spelling could be routed by one reading and answered by another (the routing bypasses of GHSA-2q7r-29rg-6m5h and its kin).
 *
 * Optimization: one pass over the characters and a table, because every request comes through here.
 */
export function parseTarget(target: string): ParsedTarget | AmbiguousTarget {
  const rooted = target.charCodeAt(0) === slash;
  const segments: string[] = [];
  let found = rooted ? 0 : notAPath;
  let escapes = 0;
  let start = rooted ? 1 : 0;
  let index = start;
  for (; index < target.length; index += 1) {
    const code = target.charCodeAt(index);
    const meaning = code < 128 ? meanings[code]! : ambiguous * notAscii;
    if (meaning === ordinary) continue;
    if (meaning === end) break;
    if (meaning === separator) {
      found |= segmentFlags(target, start, index, false);
      segments.push(target.slice(start, index));
      start = index + 1;
    } else if (meaning === escapeStart) {
      escapes += 1;
      found |= escapeFlags(target, index);
    } else found |= meaning / ambiguous;
  }
  found |= segmentFlags(target, start, index, true);
  segments.push(target.slice(start, index));
  if (escapes > 0 && (found & badEscape) === 0 && !isUtf8(target.slice(0, index))) found |= notUtf8;
  if (found !== 0) return { ambiguous: names.filter((name) => (found & flagOf(name)) !== 0) };
  const decoded = escapes === 0 ? segments : segments.map(decodeURIComponent);
  return new ParsedTarget(segments, decoded, target.slice(index + 1));
}

/** What a segment as a whole makes ambiguous: that it is empty, unless it is the last, or consists of one or two dots, escaped or not. */
function segmentFlags(target: string, start: number, end: number, last: boolean): number {
  if (start === end) return last || start === 0 ? 0 : emptySegment;
  const first = target.charCodeAt(start);
  if (start === 0 || end - start > 6 || (first !== dot && first !== percentSign)) return 0;
  const text = target.slice(start, end).replace(/%2e/gi, '.');
  return text === '.' || text === '..' ? dotSegment : 0;
}

const flagsOfEscaped = Uint32Array.from({ length: 256 }, (_, code) => {
  if (code < 0x20 || code === 0x7f) return flagOf('control-character');
  if (code === slash) return flagOf('encoded-slash');
  return code < 0x7f ? flagOfCharacter(code) & (flagOf('backslash') | flagOf('semicolon')) : 0;
});

function escapeFlags(target: string, at: number): number {
  const value = hexByte(target, at + 1);
  if (value < 0) return badEscape;
  if (value === percentSign && hexByte(target, at + 3) >= 0) return flagOf('double-escape');
  return flagsOfEscaped[value]!;
}

/** The byte that two hexadecimal digits stand for; -1 when they are none. */
function hexByte(text: string, at: number): number {
  const high = hexDigit(text.charCodeAt(at));
  const low = hexDigit(text.charCodeAt(at + 1));
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function isUtf8(escaped: string): boolean {
  try {
    decodeURIComponent(escaped);
    return true;
  } catch {
    return false;
  }
}

/** `a?b?c` → `['a', 'b?c']`; without the separator the second part is empty. */
export function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)];
}
