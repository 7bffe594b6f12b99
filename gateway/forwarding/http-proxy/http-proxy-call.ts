import type { ClientRequest, IncomingMessage } from 'node:http';
import { GatewayError } from '../../errors.ts';
import { passEarlyHints } from '../early-hints.ts';
import type { ForwardPlan } from '../forwarder.ts';
import { type Framing, framingFields, hasBody } from '../framing.ts';
import { eachField } from '../header-fields.ts';
import type { NodeExchange } from '../http-exchange.ts';
import type { AnsweredCall } from '../pass-on.ts';
import { upstreamError } from '../upstream-error.ts';
import type { HttpProxyUpstream, ProxiedRequest } from './http-proxy-upstream.ts';

/** What one call through http-proxy came to. */
export type ProxyCallResult =
  | { readonly kind: 'answer'; readonly answer: IncomingMessage }
  /** `stale`: a kept connection turned out to be closed before one byte of an answer came. */
  | { readonly kind: 'failed'; readonly error: GatewayError; readonly stale: boolean }
  | { readonly kind: 'abandoned' };

/** Node drops the fields beyond these in silence, and http-proxy cannot tell it not to. */
const maxFields = 2_000;

/** One request on its way through http-proxy, with the limits and the end that http-proxy does not give it. */
export class HttpProxyCall implements AnsweredCall, ProxiedRequest {
  readonly continued = false;
  readonly result: Promise<ProxyCallResult>;
  /** Bytes of the request's body read so far. */
  requestBytes = 0;
  readonly #exchange: NodeExchange;
  readonly #plan: ForwardPlan;
  #settle!: (result: ProxyCallResult) => void;
  #upstream: ClientRequest | undefined;
  #failure: GatewayError | undefined;
  #destroyed = false;
  #bytesReadBefore = 0;
  #timer: NodeJS.Timeout;

  constructor(
    upstream: HttpProxyUpstream,
    exchange: NodeExchange,
    plan: ForwardPlan,
    framing: Framing,
    maxIdleMs: number,
  ) {
    const { request, response } = exchange;
    const { connectTimeoutMs } = plan.upstream;
    this.#exchange = exchange;
    this.#plan = plan;
    this.result = new Promise((resolve) => {
      this.#settle = (result) => {
        clearTimeout(this.#timer);
        resolve(result);
      };
    });
    this.#timer = this.#within(
      connectTimeoutMs,
      'upstream-connect-timeout',
      `no connection within ${connectTimeoutMs} ms`,
    );
    response.once('close', () => {
      if (!response.writableFinished) this.#abandon();
    });
    request.on('data', (chunk: Buffer) => this.#read(chunk));
    upstream.ask(
      exchange,
      { target: plan.target, headers: fieldsFor(plan, framing, request.method ?? ''), maxIdleMs },
      this,
    );
    if (response.destroyed) this.#abandon();
  }

  destroy(): void {
    this.#destroyed = true;
    if (this.#upstream) this.#exchange.request.unpipe(this.#upstream);
    this.#upstream?.destroy();
  }

  sent(upstream: ClientRequest): void {
    this.#upstream = upstream;
    this.#bytesReadBefore = upstream.socket?.bytesRead ?? 0;
    if (this.#destroyed) {
      upstream.destroy();
      return;
    }
    upstream.on('information', ({ statusCode, headers }) => {
      if (statusCode === 103) passEarlyHints(this.#exchange, headers);
    });
    upstream.on('upgrade', (_answer, socket) => {
      socket.destroy();
      this.failed(new GatewayError('upstream-bad-answer', 'found status 101: no upgrade was asked for'));
    });
    const { connecting } = upstream.socket!;
    if (connecting)
      upstream.socket!.once(this.#plan.upstream.tls ? 'secureConnect' : 'connect', () => this.#connected());
    else this.#connected();
  }

  answered(answer: IncomingMessage): void {
    if (answer.statusCode === 101) {
      this.failed(new GatewayError('upstream-bad-answer', 'found status 101 without Upgrade: no protocol is named'));
      answer.destroy();
      return;
    }
    if (answer.rawHeaders.length >= maxFields * 2) {
      this.failed(new GatewayError('upstream-bad-answer', `found a head of ${maxFields} fields or more`));
      answer.destroy();
      return;
    }
    this.#settle({ kind: 'answer', answer });
  }

  failed(error: unknown): void {
    const read = (this.#upstream?.socket?.bytesRead ?? 0) > this.#bytesReadBefore;
    const stale = this.#failure === undefined && this.#upstream?.reusedSocket === true && !read;
    const known = this.#failure ?? (error instanceof GatewayError ? error : undefined);
    this.#settle({ kind: 'failed', error: known ?? upstreamError(error, this.#plan.upstream.origin), stale });
  }

  #abandon(): void {
    this.#settle({ kind: 'abandoned' });
    this.destroy();
  }

  #read(chunk: Buffer): void {
    this.requestBytes += chunk.length;
    this.#timer.refresh();
  }

  /** From here on the answer is awaited, or the rest of the body. */
  #connected(): void {
    clearTimeout(this.#timer);
    const { responseTimeoutMs, requestTimeoutMs } = this.#plan.upstream;
    const { request } = this.#exchange;
    const awaitAnswer = () => {
      clearTimeout(this.#timer);
      const message = `no answer within ${responseTimeoutMs} ms`;
      this.#timer = this.#within(responseTimeoutMs, 'upstream-response-timeout', message);
    };
    if (request.complete) {
      awaitAnswer();
      return;
    }
    request.once('end', awaitAnswer);
    this.#timer = setTimeout(() => this.#bodyIsLate(), requestTimeoutMs);
  }

  #bodyIsLate(): void {
    const { requestTimeoutMs } = this.#plan.upstream;
    const code = this.#upstream?.writableNeedDrain ? 'upstream-response-timeout' : 'client-stalled';
    this.#late(new GatewayError(code, `no byte of the request body moved within ${requestTimeoutMs} ms`));
  }

  #within(limitMs: number, code: 'upstream-connect-timeout' | 'upstream-response-timeout', message: string) {
    return setTimeout(() => this.#late(new GatewayError(code, message)), limitMs);
  }

  #late(error: GatewayError): void {
    this.#failure = error;
    this.failed(error);
    this.destroy();
  }
}

/** Fields by name, as http-proxy takes them: those that are there several times as a list, at the place of the first. */
function fieldsFor(plan: ForwardPlan, framing: Framing, method: string): Record<string, string | string[]> {
  const fields: Record<string, string | string[]> = {};
  const spelling = new Map<string, string>();
  eachField(plan.headers, (name, value, lower) => {
    const first = spelling.get(lower) ?? name;
    const before = fields[first];
    spelling.set(lower, first);
    fields[first] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  });
  const sent: Framing = hasBody(framing) || method !== 'POST' ? framing : { kind: 'length', length: '0' };
  const [name, value] = framingFields(sent);
  if (name !== undefined && value !== undefined) fields[name.toLowerCase()] = value;
  // http-proxy copies them from the last to the first.
  return Object.fromEntries(Object.entries(fields).reverse());
}
