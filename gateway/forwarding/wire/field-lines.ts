import { classesOf, colon, cr, isName, lf, space, tab, tokenByte, valueByte } from './bytes.ts';

/** The text ends before the head does. */
export const incomplete = -1;
/** The text is no head that this grammar knows. */
export const malformed = -2;

/**
 * Reads the field lines of a head (latin1) and the empty line behind them: `NAME ":" OWS VALUE OWS CRLF`, nothing folded, nothing bare.
 * Adds names and values to `fields` as received and returns where the head ends, or `incomplete` or `malformed`.
 */
export function readFieldLines(text: string, from: number, fields: string[]): number {
  const { length } = text;
  let at = from;
  for (;;) {
    if (at >= length) return incomplete;
    if (text.charCodeAt(at) === cr) return endOfLine(text, at);
    const nameEnd = endOf(text, at, tokenByte);
    if (nameEnd >= length) return incomplete;
    if (nameEnd === at || text.charCodeAt(nameEnd) !== colon) return malformed;
    const valueEnd = endOf(text, nameEnd + 1, valueByte);
    const next = endOfLine(text, valueEnd);
    if (next < 0) return next;
    const name = text.slice(at, nameEnd);
    // By Node's parser (llhttp 9.3) a length with a tab behind it is malformed, and `chunked` is none, so that its chunks would be the body.
    if (saysFraming(name) && hasTabBehind(text, valueEnd)) return malformed;
    fields.push(name, trimmed(text, nameEnd + 1, valueEnd));
    at = next;
  }
}

/** Where the line goes on after its CRLF at `at`. */
export function endOfLine(text: string, at: number): number {
  if (at >= text.length) return incomplete;
  if (text.charCodeAt(at) !== cr) return malformed;
  if (at + 1 >= text.length) return incomplete;
  return text.charCodeAt(at + 1) === lf ? at + 2 : malformed;
}

/** The first place from `at` on where a byte is not of a class. */
export function endOf(text: string, from: number, byteClass: number): number {
  const { length } = text;
  let at = from;
  while (at < length && (classesOf[text.charCodeAt(at)]! & byteClass) !== 0) at += 1;
  return at;
}

function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

/** Whether a field says where its message ends. */
export function saysFraming(name: string): boolean {
  return isName(name, 'content-length') || isName(name, 'transfer-encoding');
}

/** Whether a tab is among the blanks before `end`. */
function hasTabBehind(text: string, end: number): boolean {
  let at = end - 1;
  while (text.charCodeAt(at) === space) at -= 1;
  return text.charCodeAt(at) === tab;
}

function isBlank(code: number): boolean {
  return code === space || code === tab;
}
