import type { IncomingMessage } from 'node:http';
import { GatewayError } from '../errors.ts';
import { copyBody } from './body-copy.ts';
import { discardRest } from './discard-rest.ts';
import type { AnswerCopy } from './forwarder.ts';
import { type Framing, framingFields } from './framing.ts';
import type { HttpExchange, InboundRequest } from './http-exchange.ts';
import { pairs, type UpstreamCall } from './upstream-call.ts';

/** How passing an answer on ended; `whole` carries the copy that was asked for. `bytes`: of the body, from the upstream. */
export type PassedOn = { readonly bytes: number } & PassedOnAs;
type PassedOnAs =
  | { readonly kind: 'whole'; readonly copy: AnswerCopy | undefined }
  | { readonly kind: 'broken' }
  | { readonly kind: 'abandoned' };

/** Writes an answer's head. Throws a GatewayError, with nothing written, when it holds what may not be sent. */
export function writeAnswerHead(
  { request, response }: HttpExchange,
  answer: IncomingMessage,
  call: UpstreamCall,
  fields: readonly string[],
): void {
  const framed = [...fields, ...framingFields(answerFraming(request, answer))];
  const clientWaitsToSend = request.headers.expect !== undefined && !call.continued && !request.complete;
  if (clientWaitsToSend) response.shouldKeepAlive = false;
  response.sendDate = false;
  try {
    response.writeHead(answer.statusCode!, answer.statusMessage, framed);
  } catch (error) {
    response.statusMessage = '';
    const { code } = error as NodeJS.ErrnoException;
    throw new GatewayError('upstream-bad-answer', `the application's answer cannot be passed on (${code})`, {
      cause: error,
    });
  }
}

/** The framing towards the client: the length where the upstream gave one, else chunked, or until close for HTTP/1.0 (RFC 9112 section 6.3). */
function answerFraming(request: InboundRequest, answer: IncomingMessage): Framing {
  const length = answer.headers['transfer-encoding'] === undefined ? answer.headers['content-length'] : undefined;
  const status = answer.statusCode!;
  if (status === 204 || status < 200) return { kind: 'none' };
  if (length !== undefined) return { kind: 'length', length };
  if (request.method === 'HEAD' || status === 304 || request.httpVersion === '1.0') return { kind: 'none' };
  return { kind: 'chunked' };
}

/**
 * Streams an answer's body after its head is written. When the upstream breaks off, the client's connection is destroyed and not ended:
 * only so can the client tell. When the client leaves, the upstream is cut at once. When the answer is complete before the request is,
 * the rest of the request is thrown away and that upstream connection closed.
 */
export function passBody(
  { request, response }: HttpExchange,
  answer: IncomingMessage,
  call: UpstreamCall,
  copyBytes: number | undefined,
): Promise<PassedOn> {
  const copy = copyBytes === undefined ? undefined : copyBody(answer, copyBytes);
  return new Promise((settle) => {
    let bytes = 0;
    const resolve = (as: PassedOnAs) => settle({ ...as, bytes });
    answer.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    answer.on('error', () => {});
    answer.once('end', () => {
      if (!request.complete) {
        call.destroy();
        discardRest(request);
      }
      if (response.chunkedEncoding) response.addTrailers(pairs(answer.rawTrailers));
      response.end();
    });
    answer.once('close', () => {
      if (answer.complete) return;
      resolve({ kind: 'broken' });
      response.destroy();
    });
    response.once('close', () => {
      answer.destroy();
      resolve(response.writableFinished ? { kind: 'whole', copy: copy?.() } : { kind: 'abandoned' });
    });
    answer.pipe(response, { end: false });
  });
}
