import { STATUS_CODES } from 'node:http';
import type { Framing } from '../framing.ts';
import type { OwnAnswer } from '../own-answer.ts';
import { passableTrailers } from '../trailers.ts';
import type { AnswerHead } from './answer-grammar.ts';
import { readFieldLines } from './field-lines.ts';

/** The end of an answer's head behind which its connection goes on, and until when it does. */
export function persistingLines(idleMs: number): string {
  return `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(idleMs / 1_000)}\r\n\r\n`;
}

/** The end of the last answer's head. */
export const closingLines = 'Connection: close\r\n\r\n';

/** Methods with which nobody expects a body: no length of 0 is said. */
const bodyless = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS']);

/** A request's head as it is written to an upstream. Throws a RangeError for what would be read as something else. */
export function requestText(method: string, target: string, fields: readonly string[], framing: Framing): string {
  if (notInTargets.test(target)) throw new RangeError('found a blank or another unprintable character in a target');
  const lines = fieldLines(`${method} ${target} HTTP/1.1\r\n`, fields);
  if (framing.kind === 'length') return `${lines}Content-Length: ${framing.length}\r\n\r\n`;
  return bodyless.has(method) ? `${lines}\r\n` : `${lines}Content-Length: 0\r\n\r\n`;
}

/** An answer's head as it is written to the client: `fields`, our own framing, and what becomes of the connection. Throws like `requestText`. */
export function answerText(answer: AnswerHead, fields: readonly string[], connectionLines: string): string {
  const lines = fieldLines(`HTTP/1.1 ${answer.status} ${answer.reason}\r\n`, fields);
  return lines + framingLine(answer) + connectionLines;
}

function framingLine({ framing, length, status }: AnswerHead): string {
  if (framing === 'chunked' || framing === 'close') return 'Transfer-Encoding: chunked\r\n';
  return length === undefined || status === 204 ? '' : `Content-Length: ${length}\r\n`;
}

/** Throws a RangeError for a line that would become two, or would be another when it is written as latin1. */
function fieldLines(startLine: string, fields: readonly string[]): string {
  let text = startLine;
  for (let index = 0; index < fields.length; index += 2) text += `${fields[index]}: ${fields[index + 1]}\r\n`;
  if (!wholeLines.test(text) || lineCount(text) !== fields.length / 2 + (startLine === '' ? 0 : 1)) {
    throw new RangeError('found a line break or another control character in a field of a message head');
  }
  return text;
}

/**
 * What a head consists of: all of it was read by our own grammar, or is ours, but a character that latin1 has not would be cut to one byte of it,
 * which may be a line break (as in CVE-2018-12116).
 *
 * Optimization: that lines are whole takes a third of the time that looking for a character that is none of a line's does.
 */
const wholeLines = /^(?:[\t\x20-\x7e\x80-\xff]+\r\n)*$/;

const notInTargets = /[^\x21-\x7e]/;

function lineCount(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

/** Early hints for the client, of which links are all that is passed on; undefined when there are none. */
export function earlyHintsText({ fields }: AnswerHead): string | undefined {
  const links = fields.filter((_, index) => fields[index - (index % 2)]!.toLowerCase() === 'link');
  return links.length === 0 ? undefined : `${fieldLines('HTTP/1.1 103 Early Hints\r\n', links)}\r\n`;
}

/** A trailer section for the client: what may be passed on of the one that came. */
export function trailerText(section: string): string {
  const fields: string[] = [];
  readFieldLines(section, 0, fields);
  return `${fieldLines('', passableTrailers(fields).flat())}\r\n`;
}

/** An error of the gateway's own as a whole answer; `headOnly`: HEAD was asked for. */
export function refusalText(
  { status, contentType, body }: OwnAnswer,
  headOnly: boolean,
  connectionLines: string,
): string {
  const fields = [
    ['Content-Type', contentType],
    ['Content-Length', String(body.length)],
    ['Cache-Control', 'no-store'],
    ['Date', new Date().toUTCString()],
  ].flat();
  const head = fieldLines(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`, fields);
  return head + connectionLines + (headOnly ? '' : body.toString('latin1'));
}
