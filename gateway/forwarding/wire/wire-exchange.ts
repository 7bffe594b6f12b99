import { GatewayError } from '../../errors.ts';
import type { Effort, Ending, ForwardOutcome, ForwardPlan } from '../forwarder.ts';
import { upstreamError } from '../upstream-error.ts';
import { isReplayable, maxIdleMs, sharesConnection } from '../upstreams/reuse-policy.ts';
import { type AnswerHead, readAnswerHead } from './answer-grammar.ts';
import { ChunkedReader } from './chunked-reader.ts';
import { CopiedBody } from './copied-body.ts';
import type { Deadlines } from './deadlines.ts';
import { answerText, earlyHintsText, requestText, trailerText } from './message-text.ts';
import type { OrdinaryRequest } from './request-grammar.ts';
import type { UpstreamConnection, UpstreamUser } from './upstream-connection.ts';
import type { UpstreamPool } from './upstream-pool.ts';

/** The client's end of an exchange. */
export interface ClientEnd {
  /** When the upstream must have answered; the exchange is told by `late`. */
  deadlineMs: number;
  /** Bytes of the request's body that are still to come from the client or to be taken. */
  readonly bodyLeft: number;
  /** The end of the answer's head, which says whether the connection is used for more requests after this one; what was said holds. */
  connectionLines(): string;
  /** The system has taken everything that was written. */
  readonly flushed: boolean;
  write(bytes: Buffer | string): void;
  /** Calls `act` when the system has taken everything; never when the client leaves before. */
  whenFlushed(act: () => void): void;
  /** The next piece of the body that is already here. */
  takeBody(): Buffer | undefined;
  pauseBody(): void;
  resumeBody(): void;
  /** The answer is out. */
  answered(): void;
  destroy(): void;
}

/** A body's beginning up to this size goes out in one piece with the head. */
const joinedBytes = 12 * 1024;
/** How much is looked at first for a head: enough for nearly all. */
const firstLookBytes = 4 * 1024;
const maxHeadBytes = 64 * 1024;

const endOfHead = '\r\n\r\n';
const lastChunk = '0\r\n\r\n';
const emptySection = '\r\n';

/**
 * One request on its way to an upstream, and the answer on its way back:
 *
 *     head ──► body ──► whole ──► over
 *      │        └ truncated, abandoned ─►│
 *      └ failed, declined, abandoned ───►│
 *
 * head: nothing was written to the client, besides early hints. body: the answer's head was. whole: everything was, and the client's end has
 * yet to take it. Whatever happens, it is over once, and says so once.
 */
export class WireExchange implements UpstreamUser {
  readonly #client: ClientEnd;
  readonly #request: OrdinaryRequest;
  readonly #plan: ForwardPlan;
  readonly #pool: UpstreamPool;
  readonly #deadlines: Deadlines;
  readonly #settle: (outcome: ForwardOutcome) => void;
  readonly #copy: CopiedBody | undefined;
  readonly #startedAt = performance.now();
  #phase: 'head' | 'body' | 'whole' | 'over' = 'head';
  #upstream: UpstreamConnection | undefined;
  /** The request's head as it is sent. */
  #sentHead = '';
  #attempts = 0;
  #firstByteMs: number | undefined;
  /** Something came from the upstream. */
  #heard = false;
  /** The beginning of an answer's head that did not come in one piece. */
  #partial: Buffer | undefined;
  #answer: AnswerHead | undefined;
  #answerBytes = 0;
  /** Of an answer of known length. */
  #left = 0;
  #chunks: ChunkedReader | undefined;
  /** The upstream said more than its answer. */
  #surplus = false;

  constructor(
    client: ClientEnd,
    request: OrdinaryRequest,
    plan: ForwardPlan,
    { pool, deadlines }: { pool: UpstreamPool; deadlines: Deadlines },
    settle: (outcome: ForwardOutcome) => void,
  ) {
    this.#client = client;
    this.#request = request;
    this.#plan = plan;
    this.#pool = pool;
    this.#deadlines = deadlines;
    this.#settle = settle;
    this.#copy = plan.copyBytes === undefined ? undefined : new CopiedBody(plan.copyBytes);
  }

  /** Sends the request's head with what there is of the body. */
  start(): void {
    const { target, headers } = this.#plan;
    try {
      const fields = this.#shares ? headers : headers.concat('Connection', 'close');
      this.#sentHead = requestText(this.#request.method, target, fields, this.#request.framing);
    } catch (error) {
      this.#fail(new GatewayError('internal-error', 'the request cannot be passed on', { cause: error }));
      return;
    }
    this.#send(this.#shares ? maxIdleMs(this.#replayable) : undefined);
  }

  /** More of the request's body has come. */
  body(piece: Buffer): void {
    this.#expectNext();
    if (!this.#upstream!.write(piece)) this.#client.pauseBody();
  }

  /** The client has left. */
  abandon(): void {
    this.#finish({ kind: 'abandoned' });
  }

  /** What had to happen next has not happened in time. */
  late(): void {
    if (this.#phase === 'head') this.#fail(this.#lateness());
    else this.#breakOff();
  }

  drained(): void {
    this.#client.resumeBody();
  }

  read(buffer: Buffer, from: number, to: number): void {
    this.#heard = true;
    if (this.#phase === 'head') this.#readHead(buffer, from, to);
    else if (this.#phase === 'body') this.#passBody('', buffer, from, to);
    else this.#surplus = true;
  }

  ended(error: Error | undefined): void {
    if (this.#phase === 'head') this.#endedBeforeAnswer(error);
    else if (this.#phase === 'body') this.#endedInBody(error);
  }

  get #replayable(): boolean {
    return isReplayable({ method: this.#request.method, hasBody: this.#request.bodyBytes > 0 });
  }

  get #shares(): boolean {
    return sharesConnection({ method: this.#request.method, hasBody: this.#request.bodyBytes > 0 });
  }

  /** A byte of the request's body, the answer's head, a byte of the answer's body: each has its own limit. */
  #expectNext(): void {
    const { requestTimeoutMs, responseTimeoutMs, idleTimeoutMs } = this.#plan.upstream;
    const waitsForAnswer = this.#client.bodyLeft === 0 ? responseTimeoutMs : requestTimeoutMs;
    this.#client.deadlineMs = this.#deadlines.after(this.#phase === 'head' ? waitsForAnswer : idleTimeoutMs);
  }

  #lateness(): GatewayError {
    const { requestTimeoutMs, responseTimeoutMs } = this.#plan.upstream;
    if (this.#client.bodyLeft === 0)
      return new GatewayError('upstream-response-timeout', `no answer within ${responseTimeoutMs} ms`);
    return this.#upstream!.flushed
      ? new GatewayError('client-stalled', `no byte of the request body within ${requestTimeoutMs} ms`)
      : new GatewayError('upstream-response-timeout', `took no byte of the request body within ${requestTimeoutMs} ms`);
  }

  /** `idleMs`: for how long a kept connection may have been idle; undefined: a fresh one. */
  #send(idleMs: number | undefined): void {
    this.#attempts += 1;
    const upstream = this.#pool.take(this.#plan.upstream, idleMs);
    this.#upstream = upstream;
    upstream.user = this;
    const body = this.#client.takeBody();
    if (body !== undefined && body.length <= joinedBytes) upstream.write(this.#sentHead + body.toString('latin1'));
    else {
      upstream.write(this.#sentHead);
      if (body !== undefined) this.body(body);
    }
    this.#sendBody();
    // While the request waited for its turn the client may have been told to wait too.
    if (!this.#upstream.backedUp) this.#client.resumeBody();
    this.#expectNext();
  }

  #sendBody(): void {
    for (let piece = this.#client.takeBody(); piece !== undefined; piece = this.#client.takeBody()) this.body(piece);
  }

  #endedBeforeAnswer(error: Error | undefined): void {
    const stale = this.#upstream!.uses > 0 && !this.#heard;
    if (stale && this.#replayable) {
      this.#pool.discard(this.#upstream!);
      this.#send(undefined);
    } else this.#fail(upstreamError(error ?? new Error('closed'), this.#plan.upstream.origin));
  }

  #endedInBody(error: Error | undefined): void {
    if (this.#answer!.framing !== 'close' || error !== undefined) {
      this.#breakOff();
      return;
    }
    this.#client.write(lastChunk);
    this.#whole();
  }

  #breakOff(): void {
    this.#finish({ kind: 'truncated', status: this.#answer!.status });
    this.#client.destroy();
  }

  #readHead(buffer: Buffer, from: number, to: number): void {
    if (this.#partial === undefined) {
      this.#readHeads(buffer, from, to);
      return;
    }
    const seen = this.#partial.length;
    const bytes = Buffer.concat([this.#partial, buffer.subarray(from, to)]);
    this.#partial = undefined;
    // Optimization: an upstream that sends its head byte by byte must not have it read again from the start each time.
    const noEnd = bytes.indexOf(endOfHead, Math.max(0, seen - endOfHead.length)) < 0;
    if (noEnd && bytes.length < maxHeadBytes) this.#partial = bytes;
    else this.#readHeads(bytes, 0, bytes.length);
  }

  /** Interim answers may stand before the final one. */
  #readHeads(bytes: Buffer, from: number, end: number): void {
    let at = from;
    while (this.#phase === 'head') {
      const reading = this.#look(bytes, at, end);
      if (reading.kind === 'malformed') this.#refuseAnswer(`found ${reading.found}`);
      else if (reading.kind === 'incomplete') {
        this.#keepPartial(bytes, at, end);
        return;
      } else {
        at += reading.end;
        if (reading.status < 200) this.#interim(reading);
        else this.#begin(reading, bytes, at, end);
      }
    }
  }

  #keepPartial(bytes: Buffer, at: number, end: number): void {
    if (end - at >= maxHeadBytes) this.#refuseAnswer('found a head of more than 64 KiB');
    else this.#partial = Buffer.from(bytes.subarray(at, end));
  }

  #look(bytes: Buffer, at: number, end: number) {
    const headOnly = this.#request.method === 'HEAD';
    const first = readAnswerHead(bytes.toString('latin1', at, Math.min(end, at + firstLookBytes)), 0, headOnly);
    if (first.kind !== 'incomplete' || end - at <= firstLookBytes) return first;
    return readAnswerHead(bytes.toString('latin1', at, Math.min(end, at + maxHeadBytes)), 0, headOnly);
  }

  /** 100 was not asked for: a request that expects it is none for this forwarder. */
  #interim(reading: AnswerHead): void {
    if (reading.status === 101) this.#refuseAnswer('found status 101: no upgrade was asked for');
    const hints = reading.status === 103 ? earlyHintsText(reading) : undefined;
    // Early hints are a courtesy, of which an application could send any number.
    if (hints !== undefined && this.#client.flushed) this.#client.write(hints);
  }

  #refuseAnswer(found: string): void {
    const cause = new Error(`from ${this.#plan.upstream.origin}`);
    this.#fail(new GatewayError('upstream-bad-answer', `the application's answer is malformed (${found})`, { cause }));
  }

  #begin(answer: AnswerHead, bytes: Buffer, at: number, end: number): void {
    this.#firstByteMs = performance.now() - this.#startedAt;
    const head = this.#ask(answer);
    if (head === undefined) return;
    this.#answer = answer;
    this.#left = answer.bodyBytes;
    if (answer.framing === 'chunked')
      this.#chunks = new ChunkedReader((piece, from, to) => this.#count(piece, from, to));
    this.#passBody(head, bytes, at, end);
  }

  /** The answer's head for the client; undefined: it is declined or cannot be passed on, and the exchange is over. */
  #ask(answer: AnswerHead): string | undefined {
    try {
      const verdict = this.#plan.onAnswer(answer.status, answer.fields);
      if (verdict.kind === 'pass') return answerText(answer, verdict.fields, this.#client.connectionLines());
      this.#finish({ kind: 'declined', reason: verdict.reason });
    } catch (error) {
      this.#fail(
        error instanceof GatewayError
          ? error
          : new GatewayError('internal-error', 'the answer cannot be passed on', { cause: error }),
      );
    }
    return undefined;
  }

  /** `head`: the answer's, not yet written, or nothing. */
  #passBody(head: string, bytes: Buffer, at: number, end: number): void {
    switch (this.#answer!.framing) {
      case 'none':
      case 'length':
        this.#passLength(head, bytes, at, end);
        break;
      case 'chunked':
        this.#passChunks(head, bytes, at, end);
        break;
      case 'close':
        this.#passAsChunk(head, bytes, at, end);
    }
  }

  #passLength(head: string, bytes: Buffer, at: number, end: number): void {
    const stop = Math.min(end, at + this.#left);
    this.#left -= stop - at;
    this.#surplus = stop < end;
    this.#count(bytes, at, stop);
    this.#write(head, bytes, at, stop);
    if (this.#left === 0) this.#whole();
    else this.#holdUntilFlushed();
  }

  #passChunks(head: string, bytes: Buffer, at: number, end: number): void {
    const chunks = this.#chunks!;
    const chunksEnd = chunks.inTrailers ? at : chunks.read(bytes, at, end);
    const stop = chunks.inTrailers ? chunks.read(bytes, chunksEnd, end) : chunksEnd;
    if (chunks.malformed) {
      this.#refuseChunks();
      return;
    }
    this.#surplus = stop < end;
    // Optimization: nearly all trailer sections are empty and come with the last chunk; they go on with it.
    const plainEnd = chunks.done && stop - chunksEnd === emptySection.length && chunks.trailerSection === emptySection;
    this.#write(head, bytes, at, plainEnd ? stop : chunksEnd);
    if (chunks.done && !plainEnd) this.#client.write(trailerText(chunks.trailerSection));
    if (chunks.done) this.#whole();
    else this.#holdUntilFlushed();
  }

  /** While nothing was written the client can still be told in words. */
  #refuseChunks(): void {
    if (this.#phase === 'head') this.#refuseAnswer('found malformed chunks');
    else this.#breakOff();
  }

  /** A body that ends with its connection is given to the client in chunks: only so can the client tell that it is whole. */
  #passAsChunk(head: string, bytes: Buffer, at: number, end: number): void {
    this.#count(bytes, at, end);
    if (at === end) this.#write(head, bytes, at, end);
    else {
      // Within the buffer's tailroom, or at the end of a copy of our own where the head came in pieces.
      const framed = end + 2 <= bytes.length ? bytes : Buffer.concat([bytes, Buffer.alloc(2)]);
      framed.write('\r\n', end, 'latin1');
      this.#write(`${head}${(end - at).toString(16)}\r\n`, framed, at, end + 2);
    }
    this.#holdUntilFlushed();
  }

  /** These bytes of the body pass. */
  #count(bytes: Buffer, from: number, to: number): void {
    this.#answerBytes += to - from;
    this.#copy?.add(bytes, from, to);
  }

  /** Optimization: text and bytes in one piece, without a copy, where there is room before the bytes; one call of the system for a small answer. */
  #write(text: string, bytes: Buffer, from: number, to: number): void {
    this.#phase = 'body';
    if (from === to) {
      if (text !== '') this.#client.write(text);
      return;
    }
    const start = from - text.length;
    if (start < 0) {
      this.#client.write(text);
      this.#client.write(bytes.subarray(from, to));
      return;
    }
    if (text !== '') bytes.write(text, start, 'latin1');
    this.#client.write(bytes.subarray(start, to));
  }

  /** What was written may still stand in the buffer that the next read goes to. */
  #holdUntilFlushed(): void {
    this.#expectNext();
    if (this.#client.flushed) return;
    const upstream = this.#upstream!;
    upstream.pause();
    this.#client.whenFlushed(() => upstream.resume());
  }

  #whole(): void {
    this.#phase = 'whole';
    if (this.#client.flushed) this.#conclude();
    else {
      this.#expectNext();
      this.#upstream!.pause();
      this.#client.whenFlushed(() => this.#conclude());
    }
  }

  #conclude(): void {
    if (this.#phase === 'over') return;
    const { status, fields, keepAlive, keepAliveHint } = this.#answer!;
    const upstream = this.#upstream!;
    if (keepAlive && this.#shares && !this.#surplus && this.#client.bodyLeft === 0 && upstream.flushed) {
      upstream.resume();
      this.#pool.release(upstream, this.#plan.upstream, keepAliveHint);
    } else this.#pool.discard(upstream);
    this.#over({ kind: 'answered', status, rawHeaders: fields, copy: this.#copy?.taken() });
    this.#client.answered();
  }

  #fail(error: GatewayError): void {
    this.#finish({ kind: 'failed', error });
  }

  /** Ends it other than by a whole answer: the upstream connection is of no more use. */
  #finish(ending: Ending): void {
    if (this.#phase === 'over') return;
    if (this.#upstream) this.#pool.discard(this.#upstream);
    this.#over(ending);
  }

  #over(ending: Ending): void {
    this.#phase = 'over';
    this.#client.deadlineMs = Number.POSITIVE_INFINITY;
    const effort: Effort = {
      durationMs: performance.now() - this.#startedAt,
      firstByteMs: this.#firstByteMs,
      requestBytes: this.#request.bodyBytes - this.#client.bodyLeft,
      answerBytes: this.#answerBytes,
      attempts: this.#attempts,
    };
    // Optimization: to copy two objects into a third, as a spread does, takes longer than to read an answer's head.
    this.#settle(Object.assign(ending, effort));
  }
}
