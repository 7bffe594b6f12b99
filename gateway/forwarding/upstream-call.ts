import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { GatewayError } from '../errors.ts';
import { passEarlyHints } from './early-hints.ts';
import type { Counted } from './effort.ts';
import type { ForwardPlan } from './forwarder.ts';
import { type Framing, framingFields, hasBody } from './framing.ts';
import type { HttpExchange } from './http-exchange.ts';
import { passableTrailers } from './trailers.ts';
import { upstreamError } from './upstream-error.ts';
import type { Connections } from './upstreams/connections.ts';
import { Deadlines, type Timed } from './wire/deadlines.ts';

/** What one call of an upstream came to: an answer's head, a switched connection, or nothing usable. */
export type CallResult =
  | { readonly kind: 'answer'; readonly answer: IncomingMessage }
  | { readonly kind: 'switched'; readonly answer: IncomingMessage; readonly socket: Duplex; readonly head: Buffer }
  /** `stale`: a kept connection turned out to be closed before one byte of an answer came. */
  | { readonly kind: 'failed'; readonly error: GatewayError; readonly stale: boolean }
  | { readonly kind: 'abandoned' };

/** How one call is made. */
export interface CallOptions {
  readonly framing: Framing;
  /** For how long a kept connection may have been idle to be used; undefined: a connection of its own. */
  readonly maxIdleMs: number | undefined;
  /** The protocol asked for, or undefined for an ordinary request. */
  readonly upgrade: string | undefined;
}

/** Methods that Node sends without framing when there is no body; for others it would say chunked unless told. */
const bodyless = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']);

/** One clock for all calls. */
const deadlines = new Deadlines();

/** One request on its way to an upstream. */
export class UpstreamCall implements Timed {
  readonly result: Promise<CallResult>;
  /** The upstream has said 100, so the client was told to send its body. */
  continued = false;
  /** Of the phase that the call is in. */
  deadlineMs = Number.POSITIVE_INFINITY;
  readonly #exchange: HttpExchange;
  readonly #plan: ForwardPlan;
  readonly #options: CallOptions;
  readonly #effort: Counted;
  readonly #upstream: ClientRequest;
  #resolve!: (result: CallResult) => void;
  #settled = false;
  #phase: 'connecting' | 'sending' | 'awaiting' = 'awaiting';
  #bytesReadBefore = 0;
  #failure: GatewayError | undefined;

  /** Sends the request's head at once and its body as it arrives. Throws what Node refuses to send. */
  constructor(
    connections: Connections,
    exchange: HttpExchange,
    plan: ForwardPlan,
    options: CallOptions,
    effort: Counted,
  ) {
    this.#exchange = exchange;
    this.#plan = plan;
    this.#options = options;
    this.#effort = effort;
    this.result = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    const method = exchange.request.method ?? 'GET';
    const headers = plan.headers.concat(connectionFields(method, options));
    this.#upstream = connections.ask({ method, path: plan.target, headers, maxIdleMs: options.maxIdleMs });
    this.#listen();
    deadlines.watch(this);
    if (exchange.response.destroyed) this.#abandon();
    this.#send();
  }

  /** Ends the call and closes its connection, so that nothing half sent or half read is ever used again. */
  destroy(error?: GatewayError): void {
    this.#failure ??= error;
    this.#exchange.request.unpipe(this.#upstream);
    this.#upstream.destroy(error);
  }

  onDeadline(): void {
    this.destroy(this.#lateness());
  }

  #listen(): void {
    const { request, response } = this.#exchange;
    const upstream = this.#upstream;
    upstream.on('error', (error) => this.#fail(error));
    upstream.on('close', () => {
      if (!this.#settled) this.#fail(new Error('closed'));
    });
    upstream.on('socket', (socket) => this.#take(socket));
    upstream.on('information', ({ statusCode, headers }) => {
      if (statusCode === 103) passEarlyHints(this.#exchange, headers);
    });
    if (request.headers.expect !== undefined) upstream.on('continue', () => this.#continue());
    upstream.on('response', (answer) => {
      if (answer.statusCode !== 101) this.#settle({ kind: 'answer', answer });
      else this.#refuseSwitch(answer, 'found status 101 without Upgrade: no protocol is named');
    });
    upstream.on('upgrade', (answer, socket, head) => this.#switch(answer, socket, head));
    response.on('close', () => {
      if (!response.writableFinished) this.#abandon();
    });
  }

  #switch(answer: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => {});
    if (this.#options.upgrade === undefined) this.#refuseSwitch(socket, 'found status 101: no upgrade was asked for');
    else this.#settle({ kind: 'switched', answer, socket, head });
  }

  /** What carries the switch is no longer the request's: an error it were destroyed with would have no listener. */
  #refuseSwitch(carrier: Duplex | IncomingMessage, found: string): void {
    this.#failure ??= new GatewayError('upstream-bad-answer', found);
    this.#fail(this.#failure);
    carrier.destroy();
  }

  #abandon(): void {
    this.#settle({ kind: 'abandoned' });
    this.destroy();
  }

  #fail(error: unknown): void {
    const read = (this.#upstream.socket?.bytesRead ?? 0) > this.#bytesReadBefore;
    const stale = this.#failure === undefined && this.#upstream.reusedSocket && !read;
    this.#settle({ kind: 'failed', error: this.#failure ?? upstreamError(error, this.#plan.upstream.origin), stale });
  }

  #settle(result: CallResult): void {
    this.#settled = true;
    deadlines.unwatch(this);
    this.#resolve(result);
  }

  /** A new connection stands when its TLS does. */
  #take(socket: Socket): void {
    this.#bytesReadBefore = socket.bytesRead;
    if (!socket.connecting) return;
    const { connectTimeoutMs, tls } = this.#plan.upstream;
    const next = this.#phase;
    this.#enter('connecting', connectTimeoutMs);
    socket.once(tls ? 'secureConnect' : 'connect', () => this.#enterSending(next));
  }

  #enterSending(phase: 'connecting' | 'sending' | 'awaiting'): void {
    const { requestTimeoutMs, responseTimeoutMs } = this.#plan.upstream;
    const ended = phase === 'awaiting' || this.#exchange.request.readableEnded;
    if (ended) this.#enter('awaiting', responseTimeoutMs);
    else this.#enter('sending', requestTimeoutMs);
  }

  #enter(phase: 'connecting' | 'sending' | 'awaiting', limitMs: number): void {
    this.#phase = phase;
    this.deadlineMs = deadlines.after(limitMs);
  }

  /** Either end may hold up a body. */
  #lateness(): GatewayError {
    const { connectTimeoutMs, requestTimeoutMs, responseTimeoutMs } = this.#plan.upstream;
    switch (this.#phase) {
      case 'connecting':
        return new GatewayError('upstream-connect-timeout', `no connection within ${connectTimeoutMs} ms`);
      case 'awaiting':
        return new GatewayError('upstream-response-timeout', `no answer within ${responseTimeoutMs} ms`);
      case 'sending':
        return this.#upstream.writableNeedDrain
          ? new GatewayError('upstream-response-timeout', `no byte of the body taken within ${requestTimeoutMs} ms`)
          : new GatewayError('client-stalled', `no byte of the request body within ${requestTimeoutMs} ms`);
      default:
        return this.#phase satisfies never;
    }
  }

  #send(): void {
    const { request } = this.#exchange;
    const { framing } = this.#options;
    if (!hasBody(framing)) {
      this.#upstream.end();
      this.#enter('awaiting', this.#plan.upstream.responseTimeoutMs);
      return;
    }
    this.#enter('sending', this.#plan.upstream.requestTimeoutMs);
    request.on('data', (chunk: Buffer) => {
      this.#effort.requestBytes += chunk.length;
      if (this.#phase === 'sending') this.#enter('sending', this.#plan.upstream.requestTimeoutMs);
    });
    const end = () => this.#end(framing);
    // A body that was looked into before may have been read to its end.
    if (request.readableEnded) end();
    else request.once('end', end);
    request.pipe(this.#upstream, { end: false });
  }

  #end(framing: Framing): void {
    if (this.#phase === 'sending') this.#enter('awaiting', this.#plan.upstream.responseTimeoutMs);
    if (framing.kind === 'chunked') this.#upstream.addTrailers(passableTrailers(this.#exchange.request.rawTrailers));
    this.#upstream.end();
  }

  /** HTTP/1.0 knows no 1xx. */
  #continue(): void {
    const { request, response } = this.#exchange;
    if (request.httpVersion === '1.0' || response.headersSent) return;
    this.continued = true;
    response.writeContinue();
  }
}

function connectionFields(method: string, { framing, upgrade }: CallOptions): string[] {
  const explicit: Framing =
    framing.kind === 'none' && !bodyless.has(method) ? { kind: 'length', length: '0' } : framing;
  return [...framingFields(explicit), ...(upgrade === undefined ? [] : ['Connection', 'Upgrade', 'Upgrade', upgrade])];
}
