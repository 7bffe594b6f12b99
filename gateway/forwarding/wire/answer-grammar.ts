import { cr, decimal, isName, space, valueByte } from './bytes.ts';
import { endOf, endOfLine, incomplete, readFieldLines } from './field-lines.ts';

/** How an answer's body is delimited (RFC 9112 section 6.3). */
export type AnswerFraming = 'none' | 'length' | 'chunked' | 'close';

/** An answer's head. */
export interface AnswerHead {
  readonly kind: 'answer';
  readonly status: number;
  readonly reason: string;
  /** `[name, value, …]` in the order, case and number received. */
  readonly fields: string[];
  readonly framing: AnswerFraming;
  /** What Content-Length says, also where no body follows. */
  readonly length: string | undefined;
  /** Of the body, where its length is known; 0 where it is not. */
  readonly bodyBytes: number;
  /** The upstream goes on using the connection. */
  readonly keepAlive: boolean;
  /** The value of Keep-Alive: how long it does. */
  readonly keepAliveHint: string | undefined;
  /** Where the head ends in the text. */
  readonly end: number;
}

/** What a text is. `malformed`: what was found. */
export type AnswerReading =
  | AnswerHead
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'malformed'; readonly found: string };

const stillIncomplete = { kind: 'incomplete' } as const;
const statusAt = 'HTTP/1.1 '.length;
const reasonAt = 'HTTP/1.1 200 '.length;

/**
 * Reads an answer's head (latin1) from `from` on; `headOnly`: HEAD was asked for. Takes what a well-behaved application sends, and refuses
 * what leaves the end of the body in doubt: two lengths, a length and a coding, a coding other than chunked, a coding in HTTP/1.0.
 */
export function readAnswerHead(text: string, from: number, headOnly: boolean): AnswerReading {
  if (text.length < from + reasonAt)
    return couldBecomeAnswer(text, from) ? stillIncomplete : bad('no HTTP/1 status line');
  const minor = minorVersion(text, from);
  const status = minor === undefined ? undefined : statusCode(text, from + statusAt);
  if (status === undefined) return bad('no HTTP/1 status line');
  const lineBreak = text.charCodeAt(from + reasonAt - 1) === cr;
  const reasonEnd = lineBreak ? from + reasonAt - 1 : endOf(text, from + reasonAt, valueByte);
  if (!lineBreak && text.charCodeAt(from + reasonAt - 1) !== space) return bad('a status of more than three digits');
  const fieldsAt = endOfLine(text, reasonEnd);
  if (fieldsAt < 0) return failed(fieldsAt);
  const fields: string[] = [];
  const end = readFieldLines(text, fieldsAt, fields);
  if (end < 0) return failed(end);
  const reason = lineBreak ? '' : text.slice(from + reasonAt, reasonEnd);
  return readMeaning({ status, reason, fields, end }, minor === 1, headOnly);
}

function couldBecomeAnswer(text: string, from: number): boolean {
  const start = text.slice(from, from + statusAt);
  return 'HTTP/1.1 '.startsWith(start) || 'HTTP/1.0 '.startsWith(start);
}

function minorVersion(text: string, from: number): 0 | 1 | undefined {
  if (text.startsWith('HTTP/1.1 ', from)) return 1;
  return text.startsWith('HTTP/1.0 ', from) ? 0 : undefined;
}

/** Three digits from 100 on. */
function statusCode(text: string, at: number): number | undefined {
  const status = decimal(text.slice(at, at + 3));
  return status === undefined || status < 100 ? undefined : status;
}

function failed(result: number): AnswerReading {
  return result === incomplete ? stillIncomplete : bad('a malformed head');
}

function bad(found: string): AnswerReading {
  return { kind: 'malformed', found };
}

type HeadLines = Pick<AnswerHead, 'status' | 'reason' | 'fields' | 'end'>;

function readMeaning({ status, reason, fields, end }: HeadLines, is11: boolean, headOnly: boolean): AnswerReading {
  let length: string | undefined;
  let bytes = 0;
  let chunked = false;
  let persists = is11;
  let closes = false;
  let keepAliveHint: string | undefined;
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index]!;
    const value = fields[index + 1]!;
    if (name.length === 14 && isName(name, 'content-length')) {
      const said = decimal(value);
      if (said === undefined) return bad('a Content-Length that is no number');
      if (length !== undefined) return bad('more than one Content-Length');
      length = String(said);
      bytes = said;
    } else if (name.length === 17 && isName(name, 'transfer-encoding')) {
      if (chunked || !is11 || !isName(value, 'chunked')) return bad('a Transfer-Encoding other than chunked alone');
      chunked = true;
    } else if (name.length === 10) {
      if (isName(name, 'connection')) {
        persists ||= names(value, 'keep-alive');
        closes ||= names(value, 'close');
      } else if (isName(name, 'keep-alive')) keepAliveHint = value;
    }
  }
  if (chunked && length !== undefined) return bad('both Content-Length and Transfer-Encoding');
  const bodyless = headOnly || status < 200 || status === 204 || status === 304;
  const framing = bodyless ? 'none' : chunked ? 'chunked' : length === undefined ? 'close' : 'length';
  const bodyBytes = framing === 'length' ? bytes : 0;
  const keepAlive = persists && !closes;
  if (status < 200 && !keepAlive) return bad('an interim answer that ends its connection');
  return { kind: 'answer', status, reason, fields, framing, length, bodyBytes, keepAlive, keepAliveHint, end };
}

/** Whether a value of Connection has an option. */
function names(connection: string, option: string): boolean {
  return isName(connection, option) || (connection.includes(',') && optionsOf(connection).includes(option));
}

function optionsOf(connection: string): string[] {
  return connection.split(',').map((option) => option.trim().toLowerCase());
}
