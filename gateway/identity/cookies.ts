import { parseCookie } from 'cookie';

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

/** Where the value of the next cookie of this name begins, searched from the beginning of a pair; -1: there is none. */
function valueStart(header: string, name: string, from: number): number {
  // Optimization: most cookies that are asked for were not sent; one search for the name tells.
  if (header.length < shortestPair || header.indexOf(name, from) === -1) return -1;
  for (let index = from; index < header.length; ) {
    const equals = header.indexOf('=', index);
    if (equals === -1) return -1;
    const end = endOf(header, index);
    if (equals > end) {
      index = header.lastIndexOf(';', equals - 1) + 1;
    } else {
      if (isBetween(header, name, index, equals)) return equals + 1;
      index = end + 1;
    }
  }
  return -1;
}

function endOf(header: string, from: number): number {
  const end = header.indexOf(';', from);
  return end === -1 ? header.length : end;
}

/** Whether the text from `start` to `end`, without blanks around it, is this one. */
function isBetween(header: string, text: string, start: number, end: number): boolean {
  const first = skipBlanks(header, start, end);
  return blanksBefore(header, first, end) - first === text.length && header.startsWith(text, first);
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
  return code === 0x20 || code === 0x09;
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
