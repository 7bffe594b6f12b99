import type { IncomingMessage } from 'node:http';
import { pipeline, type Readable, type Transform } from 'node:stream';
import { GatewayError } from '../errors.ts';
import { copyBody } from './body-copy.ts';
import { discardRest } from './discard-rest.ts';
import type { Counted } from './effort.ts';
import type { AnswerCopy, AnswerVerdict, Ending, ForwardPlan } from './forwarder.ts';
import { type Framing, framingFields, withoutLeadingZeros } from './framing.ts';
import type { HttpExchange, InboundRequest } from './http-exchange.ts';
import { passableTrailers } from './trailers.ts';
import { Deadlines, type Timed } from './wire/deadlines.ts';

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
  const passed = await new BodyPassing(exchange, answer, call, plan, transforms, effort).ended;
  if (passed.kind === 'whole') return { kind: 'answered', status, rawHeaders: answer.rawHeaders, copy: passed.copy };
  return passed.kind === 'broken' ? { kind: 'truncated', status } : { kind: 'abandoned' };
}

function throwAway(answer: IncomingMessage, call: AnsweredCall): void {
  answer.on('error', () => {});
  call.destroy();
}

/** How passing an answer on ended; `whole` carries the copy that was asked for. */
type PassedOn =
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
  refuseFraming(answer);
  const framed = fields.concat(framingFields(answerFraming(request, answer, transforms !== undefined)));
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

/**
 * Node takes chunked off and leaves any other coding on, which the client would not be told of; it takes HTTP/0.9 and HTTP/2.0 for HTTP/1.1, and a
 * coding in HTTP/1.0, where its end is in doubt (RFC 9112 section 6.1).
 */
function refuseFraming({ httpVersion, headers }: IncomingMessage): void {
  const coding = headers['transfer-encoding'];
  if (httpVersion !== '1.1' && (httpVersion !== '1.0' || coding !== undefined)) {
    const beside = coding === undefined ? '' : ' and a Transfer-Encoding';
    throw new GatewayError('upstream-bad-answer', `found HTTP/${httpVersion}${beside}, expected HTTP/1.1`);
  }
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
  if (length !== undefined) return { kind: 'length', length: withoutLeadingZeros(length) };
  if (request.method === 'HEAD' || status === 304 || request.httpVersion === '1.0') return { kind: 'none' };
  return { kind: 'chunked' };
}

const nothing = Buffer.alloc(0);

/** One clock for all answers. */
const deadlines = new Deadlines();

/**
 * Streams an answer's body after its head is written. When the upstream breaks off, the client's connection is destroyed and not ended:
 * only so can the client tell. When the client leaves, the upstream is cut at once. When the answer is complete before the request is,
 * the rest of the request is thrown away and that upstream connection closed. When nothing moves for `idleMs`, both are cut. A body that
 * goes through transforms is sent without trailers: they may speak of bytes that the client does not get.
 */
class BodyPassing implements Timed {
  readonly ended: Promise<PassedOn>;
  deadlineMs: number;
  readonly #exchange: HttpExchange;
  readonly #answer: IncomingMessage;
  readonly #call: AnsweredCall;
  readonly #idleMs: number;
  readonly #copy: (() => AnswerCopy) | undefined;
  readonly #effort: Counted;
  #resolve!: (passed: PassedOn) => void;

  constructor(
    exchange: HttpExchange,
    answer: IncomingMessage,
    call: AnsweredCall,
    { copyBytes, upstream }: ForwardPlan,
    transforms: readonly Transform[],
    effort: Counted,
  ) {
    this.#exchange = exchange;
    this.#answer = answer;
    this.#call = call;
    this.#idleMs = upstream.idleTimeoutMs;
    this.#effort = effort;
    this.#copy = copyBytes === undefined ? undefined : copyBody(answer, copyBytes);
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    deadlines.watch(this);
    this.deadlineMs = deadlines.after(this.#idleMs);
    this.#listen();
    if (transforms.length === 0) this.#passAsItIs();
    else this.#passThrough(transforms);
    // Most bodies begin in the same packet as their head, and go on with it in one piece. One that does not holds up no head.
    setImmediate(() => this.#showHead());
  }

  /** Writes no bytes, as bytes: Node's flushHeaders would send the head as UTF-8, which it is not. */
  #showHead(): void {
    const { response } = this.#exchange;
    if (this.#effort.answerBytes === 0 && !response.writableEnded && !response.destroyed) response.write(nothing);
  }

  onDeadline(): void {
    this.#break();
  }

  #listen(): void {
    const { request, response } = this.#exchange;
    this.#answer.on('data', (chunk: Buffer) => {
      this.#effort.answerBytes += chunk.length;
      this.#moved();
    });
    this.#answer.on('error', () => {});
    this.#answer.on('close', () => {
      if (!this.#answer.complete) this.#break();
    });
    if (!request.complete) {
      request.on('data', () => this.#moved());
      this.#answer.on('end', () => this.#forgetRequest());
    }
    response.on('close', () => {
      this.#answer.destroy();
      this.#settle(response.writableFinished ? { kind: 'whole', copy: this.#copy?.() } : { kind: 'abandoned' });
    });
  }

  /** Optimization: what `pipe` does, without what it does for streams that are joined and parted again. */
  #passAsItIs(): void {
    const { response } = this.#exchange;
    const answer = this.#answer;
    answer.on('data', (chunk: Buffer) => {
      if (!response.destroyed && !response.write(chunk)) answer.pause();
    });
    response.on('drain', () => {
      this.#moved();
      answer.resume();
    });
    answer.on('end', () => {
      if (response.chunkedEncoding) response.addTrailers(passableTrailers(answer.rawTrailers));
      response.end();
    });
  }

  #passThrough(transforms: readonly Transform[]): void {
    const { response } = this.#exchange;
    const body = through(this.#answer, transforms);
    response.on('drain', () => this.#moved());
    body.once('error', () => this.#break());
    body.once('end', () => response.end());
    body.pipe(response, { end: false });
  }

  #moved(): void {
    this.deadlineMs = deadlines.after(this.#idleMs);
  }

  #forgetRequest(): void {
    const { request } = this.#exchange;
    if (request.complete) return;
    this.#call.destroy();
    discardRest(request);
  }

  #break(): void {
    this.#settle({ kind: 'broken' });
    this.#call.destroy();
    this.#exchange.response.destroy();
  }

  #settle(passed: PassedOn): void {
    deadlines.unwatch(this);
    this.#resolve(passed);
  }
}

/** An error anywhere on the way ends all of it, the upstream's answer included. */
function through(answer: IncomingMessage, transforms: readonly Transform[]): Readable {
  if (transforms.length === 0) return answer;
  pipeline([answer, ...transforms], () => {});
  return transforms.at(-1)!;
}
