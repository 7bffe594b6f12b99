import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { GatewayError } from '../errors.ts';
import { passEarlyHints } from './early-hints.ts';
import type { ForwardPlan } from './forwarder.ts';
import { type Framing, framingFields, hasBody } from './framing.ts';
import type { HttpExchange, InboundRequest, OutboundResponse } from './http-exchange.ts';
import { passableTrailers } from './trailers.ts';
import { upstreamError } from './upstream-error.ts';
import type { Connections } from './upstreams/connections.ts';

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

/** One request on its way to an upstream. */
export class UpstreamCall {
  readonly result: Promise<CallResult>;
  /** The upstream has said 100, so the client was told to send its body. */
  continued = false;
  /** Bytes of the request's body read so far. */
  requestBytes = 0;
  readonly #request: InboundRequest;
  readonly #response: OutboundResponse;
  readonly #plan: ForwardPlan;
  readonly #upstream: ClientRequest;
  #settle: (result: CallResult) => void = () => {};
  #settled = false;
  #bytesReadBefore = 0;
  #failure: GatewayError | undefined;
  #phaseTimer: NodeJS.Timeout | undefined;

  /** Sends the request's head at once and its body as it arrives. Throws what Node refuses to send. */
  constructor(connections: Connections, exchange: HttpExchange, plan: ForwardPlan, options: CallOptions) {
    const { request, response } = exchange;
    this.#request = request;
    this.#response = response;
    this.#plan = plan;
    this.result = new Promise((resolve) => {
      this.#settle = (result) => {
        this.#settled = true;
        resolve(result);
      };
    });
    const method = request.method ?? 'GET';
    this.#upstream = connections.ask({
      method,
      path: plan.target,
      headers: [...plan.headers, ...connectionFields(method, options)],
      maxIdleMs: options.maxIdleMs,
    });
    this.#listen(options, exchange);
    if (response.destroyed) this.#abandon();
    this.#watchConnecting();
    this.#send(options.framing);
  }

  /** Ends the call and closes its connection, so that nothing half sent or half read is ever used again. */
  destroy(error?: GatewayError): void {
    this.#failure ??= error;
    this.#request.unpipe(this.#upstream);
    this.#upstream.destroy(error);
  }

  #listen(options: CallOptions, exchange: HttpExchange): void {
    const upstream = this.#upstream;
    upstream.on('error', (error) => this.#fail(error));
    upstream.on('close', () => {
      if (!this.#settled) this.#fail(new Error('closed'));
    });
    upstream.on('socket', (socket) => {
      this.#bytesReadBefore = socket.bytesRead;
    });
    upstream.on('continue', () => this.#continue());
    upstream.on('information', ({ statusCode, headers }) => {
      if (statusCode === 103) passEarlyHints(exchange, headers);
    });
    upstream.on('response', (answer) => {
      if (answer.statusCode === 101)
        this.#refuseSwitch(answer, 'found status 101 without Upgrade: no protocol is named');
      else this.#succeed({ kind: 'answer', answer });
    });
    upstream.on('upgrade', (answer, socket, head) => {
      socket.on('error', () => {});
      if (options.upgrade === undefined) this.#refuseSwitch(socket, 'found status 101: no upgrade was asked for');
      else this.#succeed({ kind: 'switched', answer, socket, head });
    });
    this.#response.once('close', () => {
      if (!this.#response.writableFinished) this.#abandon();
    });
  }

  /** What carries the switch is no longer the request's: an error it were destroyed with would have no listener. */
  #refuseSwitch(carrier: Duplex | IncomingMessage, found: string): void {
    this.#failure ??= new GatewayError('upstream-bad-answer', found);
    this.#fail(this.#failure);
    carrier.destroy();
  }

  #abandon(): void {
    this.#succeed({ kind: 'abandoned' });
    this.destroy();
  }

  #succeed(result: CallResult): void {
    clearTimeout(this.#phaseTimer);
    this.#settle(result);
  }

  #fail(error: unknown): void {
    clearTimeout(this.#phaseTimer);
    const read = (this.#upstream.socket?.bytesRead ?? 0) > this.#bytesReadBefore;
    const stale = this.#failure === undefined && this.#upstream.reusedSocket && !read;
    this.#settle({ kind: 'failed', error: this.#failure ?? upstreamError(error, this.#plan.upstream.origin), stale });
  }

  /** A connection stands when its TLS does. */
  #watchConnecting(): void {
    const { connectTimeoutMs, tls } = this.#plan.upstream;
    this.#upstream.once('socket', (socket) => {
      if (!socket.connecting) return;
      const late = new GatewayError('upstream-connect-timeout', `no connection within ${connectTimeoutMs} ms`);
      const timer = setTimeout(() => this.destroy(late), connectTimeoutMs);
      socket.once(tls ? 'secureConnect' : 'connect', () => clearTimeout(timer));
      socket.once('close', () => clearTimeout(timer));
    });
  }

  #enterPhase(limitMs: number, late: () => GatewayError): void {
    clearTimeout(this.#phaseTimer);
    if (!this.#settled) this.#phaseTimer = setTimeout(() => this.destroy(late()), limitMs);
  }

  #awaitAnswer(): void {
    const { responseTimeoutMs } = this.#plan.upstream;
    this.#enterPhase(
      responseTimeoutMs,
      () => new GatewayError('upstream-response-timeout', `no answer within ${responseTimeoutMs} ms`),
    );
  }

  /** Either end may hold up a body. */
  #awaitBody(): void {
    const { requestTimeoutMs } = this.#plan.upstream;
    this.#enterPhase(requestTimeoutMs, () =>
      this.#upstream.writableNeedDrain
        ? new GatewayError(
            'upstream-response-timeout',
            `took no byte of the request body within ${requestTimeoutMs} ms`,
          )
        : new GatewayError('client-stalled', `no byte of the request body within ${requestTimeoutMs} ms`),
    );
  }

  #send(framing: Framing): void {
    if (!hasBody(framing)) {
      this.#upstream.end();
      this.#awaitAnswer();
      return;
    }
    this.#awaitBody();
    this.#request.on('data', (chunk: Buffer) => {
      this.requestBytes += chunk.length;
      this.#phaseTimer?.refresh();
    });
    const end = () => {
      this.#awaitAnswer();
      if (framing.kind === 'chunked') this.#upstream.addTrailers(passableTrailers(this.#request.rawTrailers));
      this.#upstream.end();
    };
    // A body without a byte may have ended already while routing looked into it.
    if (this.#request.readableEnded) end();
    else this.#request.once('end', end);
    this.#request.pipe(this.#upstream, { end: false });
  }

  /** HTTP/1.0 knows no 1xx. */
  #continue(): void {
    const { headers, httpVersion } = this.#request;
    if (headers.expect === undefined || httpVersion === '1.0' || this.#response.headersSent) return;
    this.continued = true;
    this.#response.writeContinue();
  }
}

function connectionFields(method: string, { framing, upgrade }: CallOptions): string[] {
  const explicit: Framing =
    framing.kind === 'none' && !bodyless.has(method) ? { kind: 'length', length: '0' } : framing;
  return [...framingFields(explicit), ...(upgrade === undefined ? [] : ['Connection', 'Upgrade', 'Upgrade', upgrade])];
}
