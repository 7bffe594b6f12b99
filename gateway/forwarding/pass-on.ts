import type { IncomingMessage } from 'node:http';
import { pipeline, type Readable, type Transform } from 'node:stream';
import { GatewayError } from '../errors.ts';
import { copyBody } from './body-copy.ts';
import { discardRest } from './discard-rest.ts';
import type { Counted } from './effort.ts';
import type { AnswerCopy, AnswerVerdict, Ending, ForwardPlan } from './forwarder.ts';
import { type Framing, framingFields } from './framing.ts';
import type { HttpExchange, InboundRequest } from './http-exchange.ts';
import { passableTrailers } from './trailers.ts';

/** The call that an answer came from. */
export interface AnsweredCall {
  /** The upstream has said 100, so the client was told to send its body. */
  readonly continued: boolean;
  /** Ends the call and closes its connection, so that nothing half sent or half read is ever used again. */
  destroy(): void;
}

/** Passes an answer on to the client, unless the plan declines it. Throws a GatewayError, with nothing written, when it may not be sent. */
export async function passOn(
  exchange: HttpExchange,
  plan: ForwardPlan,
  call: AnsweredCall,
  answer: IncomingMessage,
  effort: Counted,
): Promise<Ending> {
  effort.firstByteMs = performance.now() - effort.startedAt;
  const status = answer.statusCode!;
  const verdict = plan.onAnswer(status, answer.rawHeaders);
  if (verdict.kind === 'decline') {
    throwAway(answer, call);
    return { kind: 'declined', reason: verdict.reason };
  }
  try {
    writeAnswerHead(exchange, answer, call, verdict);
  } catch (error) {
    throwAway(answer, call);
    throw error;
  }
  const transforms = exchange.request.method === 'HEAD' ? [] : (verdict.transforms?.() ?? []);
  const passed = await passBody(exchange, answer, call, plan.copyBytes, transforms, plan.upstream.idleTimeoutMs);
  effort.answerBytes = passed.bytes;
  if (passed.kind === 'whole') return { kind: 'answered', status, rawHeaders: answer.rawHeaders, copy: passed.copy };
  return passed.kind === 'broken' ? { kind: 'truncated', status } : { kind: 'abandoned' };
}

function throwAway(answer: IncomingMessage, call: AnsweredCall): void {
  answer.on('error', () => {});
  call.destroy();
}

/** How passing an answer on ended; `whole` carries the copy that was asked for. `bytes`: of the body, from the upstream. */
type PassedOn = { readonly bytes: number } & PassedOnAs;
type PassedOnAs =
  | { readonly kind: 'whole'; readonly copy: AnswerCopy | undefined }
  | { readonly kind: 'broken' }
  | { readonly kind: 'abandoned' };

type PassVerdict = Extract<AnswerVerdict, { kind: 'pass' }>;

/** Writes an answer's head. Throws a GatewayError, with nothing written, when it holds what may not be sent. */
function writeAnswerHead(
  { request, response }: HttpExchange,
  answer: IncomingMessage,
  call: AnsweredCall,
  { fields, transforms }: PassVerdict,
): void {
  refuseCodings(answer);
  const framed = [...fields, ...framingFields(answerFraming(request, answer, transforms !== undefined))];
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

/** Node takes chunked off and leaves any other coding on, which the client would not be told of. */
function refuseCodings(answer: IncomingMessage): void {
  const coding = answer.headers['transfer-encoding'];
  if (coding === undefined || coding.trim().toLowerCase() === 'chunked') return;
  const found = `found Transfer-Encoding ${JSON.stringify(coding.slice(0, 100))}, expected chunked`;
  throw new GatewayError('upstream-bad-answer', found);
}

/** The framing towards the client: the length where the upstream gave one and the body stays as it is, else chunked, or until close for HTTP/1.0 (RFC 9112 section 6.3). */
function answerFraming(request: InboundRequest, answer: IncomingMessage, transformed: boolean): Framing {
  const hasLength = !transformed && answer.headers['transfer-encoding'] === undefined;
  const length = hasLength ? answer.headers['content-length'] : undefined;
  const status = answer.statusCode!;
  if (status === 204 || status < 200) return { kind: 'none' };
  if (length !== undefined) return { kind: 'length', length };
  if (request.method === 'HEAD' || status === 304 || request.httpVersion === '1.0') return { kind: 'none' };
  return { kind: 'chunked' };
}

/**
 * Streams an answer's body after its head is written. When the upstream breaks off, the client's connection is destroyed and not ended:
 * only so can the client tell. When the client leaves, the upstream is cut at once. When the answer is complete before the request is,
 * the rest of the request is thrown away and that upstream connection closed. When nothing moves for `idleMs`, both are cut. A body that goes through transforms is sent without
 * trailers: they may speak of bytes that the client does not get.
 */
function passBody(
  { request, response }: HttpExchange,
  answer: IncomingMessage,
  call: AnsweredCall,
  copyBytes: number | undefined,
  transforms: readonly Transform[],
  idleMs: number,
): Promise<PassedOn> {
  const copy = copyBytes === undefined ? undefined : copyBody(answer, copyBytes);
  return new Promise((settle) => {
    let bytes = 0;
    const idle = setTimeout(() => broken(), idleMs);
    const resolve = (as: PassedOnAs) => {
      clearTimeout(idle);
      settle({ ...as, bytes });
    };
    answer.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      idle.refresh();
    });
    response.on('drain', () => idle.refresh());
    if (!request.complete) request.on('data', () => idle.refresh());
    answer.on('error', () => {});
    answer.once('end', () => {
      if (!request.complete) {
        call.destroy();
        discardRest(request);
      }
    });
    const body = through(answer, transforms);
    body.once('end', () => {
      if (response.chunkedEncoding && body === answer) response.addTrailers(passableTrailers(answer.rawTrailers));
      response.end();
    });
    const broken = () => {
      resolve({ kind: 'broken' });
      call.destroy();
      response.destroy();
    };
    answer.once('close', () => {
      if (!answer.complete) broken();
    });
    if (body !== answer) body.once('error', broken);
    response.once('close', () => {
      answer.destroy();
      resolve(response.writableFinished ? { kind: 'whole', copy: copy?.() } : { kind: 'abandoned' });
    });
    body.pipe(response, { end: false });
  });
}

/** An error anywhere on the way ends all of it, the upstream's answer included. */
function through(answer: IncomingMessage, transforms: readonly Transform[]): Readable {
  if (transforms.length === 0) return answer;
  pipeline([answer, ...transforms], () => {});
  return transforms.at(-1)!;
}
