import { parseCookie } from 'cookie';

const space = 0x20;
const tab = 0x09;
const semicolon = 0x3b;
const equalsSign = 0x3d;

/** The cookies of a Cookie header, values percent-decoded where they are decodable. Of several with one name the first counts, as in PHP. */
export function readCookies(header: string): Readonly<Record<string, string>> {
  return parseCookie(header) as Record<string, string>;
}

/** One cookie of a Cookie header, read as `readCookies` does, without reading the others. */
export function cookieValue(header: string, name: string): string | undefined {
  const value = rawCookieValue(header, name);
  return value?.includes('%') ? decoded(value) : value;
}

/** The value of the first cookie of this name, as it was sent. */
export function rawCookieValue(header: string, name: string): string | undefined {
  const start = valueStart(header, name, 0);
  return start === -1 ? undefined : trimmed(header, start, endOf(header, start));
}

/** The values of all cookies of one name, at most `max`, in the order and as they were sent. */
export function rawCookieValues(header: string, name: string, max: number): string[] {
  const values: string[] = [];
  for (let start = valueStart(header, name, 0); start !== -1 && values.length < max; ) {
    const end = endOf(header, start);
    values.push(trimmed(header, start, end));
    start = valueStart(header, name, end + 1);
  }
  return values;
}

/** `a=`; the package reads nothing shorter. */
const shortestPair = 2;

/**
 * Where the value of the next cookie of this name begins, searched from the beginning of a pair; -1: there is none. Pairs end at `;`, a name
 * ends at the first `=`, blanks around it do not count.
 *
 * Optimization: the name is searched for instead of reading pair by pair. Most cookies that are asked for were not sent.
 */
function valueStart(header: string, name: string, from: number): number {
  if (header.length < shortestPair) return -1;
  for (let at = header.indexOf(name, from); at !== -1 && at < header.length; at = header.indexOf(name, at + 1)) {
    const equals = skipBlanks(header, at + name.length, header.length);
    const isName = header.charCodeAt(equals) === equalsSign && beginsPair(header, at);
    if (isName && !isPartOfName(name)) return equals + 1;
  }
  return -1;
}

function beginsPair(header: string, at: number): boolean {
  const start = blanksBefore(header, 0, at);
  return start === 0 || header.charCodeAt(start - 1) === semicolon;
}

/** Such a text is never a whole name: a name has neither separators in it nor blanks around it. */
function isPartOfName(text: string): boolean {
  if (text.includes('=') || text.includes(';')) return true;
  return isBlank(text.charCodeAt(0)) || isBlank(text.charCodeAt(text.length - 1));
}

function endOf(header: string, from: number): number {
  const end = header.indexOf(';', from);
  return end === -1 ? header.length : end;
}

function skipBlanks(text: string, start: number, end: number): number {
  let index = start;
  while (index < end && isBlank(text.charCodeAt(index))) index += 1;
  return index;
}

/** Where the blanks before `end` begin. */
function blanksBefore(text: string, start: number, end: number): number {
  let index = end;
  while (index > start && isBlank(text.charCodeAt(index - 1))) index -= 1;
  return index;
}

function trimmed(text: string, start: number, end: number): string {
  const first = skipBlanks(text, start, end);
  return text.slice(first, blanksBefore(text, first, end));
}

function isBlank(code: number): boolean {
  return code === space || code === tab;
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
