import { STATUS_CODES } from 'node:http';
import { problemBody } from '../../../runtime/problem.ts';
import { type GatewayError, problemOf } from '../../errors.ts';
import type { Framing } from '../framing.ts';
import type { AnswerHead } from './answer-grammar.ts';

/** How long a client's connection may be idle; longer than the usual load balancers' limit, so that they close first. */
export const keepAliveMs = 65_000;

const persists = `Connection: keep-alive\r\nKeep-Alive: timeout=${keepAliveMs / 1_000}\r\n\r\n`;
const closes = 'Connection: close\r\n\r\n';

/** Methods with which nobody expects a body: no length of 0 is said. */
const bodyless = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS']);

/** A request's head as it is written to an upstream. */
export function requestText(method: string, target: string, fields: readonly string[], framing: Framing): string {
  const lines = fieldLines(`${method} ${target} HTTP/1.1\r\n`, fields);
  if (framing.kind === 'length') return `${lines}Content-Length: ${framing.length}\r\n\r\n`;
  return bodyless.has(method) ? `${lines}\r\n` : `${lines}Content-Length: 0\r\n\r\n`;
}

/** An answer's head as it is written to the client: `fields` and our own framing. */
export function answerText(answer: AnswerHead, fields: readonly string[], keepAlive: boolean): string {
  const lines = fieldLines(`HTTP/1.1 ${answer.status} ${answer.reason}\r\n`, fields);
  return lines + framingLine(answer) + (keepAlive ? persists : closes);
}

function framingLine({ framing, length, status }: AnswerHead): string {
  if (framing === 'chunked' || framing === 'close') return 'Transfer-Encoding: chunked\r\n';
  return length === undefined || status === 204 ? '' : `Content-Length: ${length}\r\n`;
}

function fieldLines(startLine: string, fields: readonly string[]): string {
  let text = startLine;
  for (let index = 0; index < fields.length; index += 2) text += `${fields[index]}: ${fields[index + 1]}\r\n`;
  return text;
}

/** Early hints for the client, of which links are all that is passed on; undefined when there are none. */
export function earlyHintsText({ fields }: AnswerHead): string | undefined {
  const links = fields.filter((_, index) => fields[index - (index % 2)]!.toLowerCase() === 'link');
  return links.length === 0 ? undefined : `${fieldLines('HTTP/1.1 103 Early Hints\r\n', links)}\r\n`;
}

/** An error of the gateway's own as a whole answer. */
export function refusalText(error: GatewayError, requestId: string | undefined, keepAlive: boolean): string {
  const problem = problemOf(error, requestId);
  const body = problemBody(problem);
  const fields = [
    ['Content-Type', 'application/problem+json'],
    ['Content-Length', String(body.length)],
    ['Cache-Control', 'no-store'],
    ['Date', new Date().toUTCString()],
  ].flat();
  const head = fieldLines(`HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}\r\n`, fields);
  return head + (keepAlive ? persists : closes) + body.toString('latin1');
}
