import type { ClientRequest, IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import httpProxy from 'http-proxy';
import type { UpstreamConfig } from '../config.ts';
import type { NodeExchange } from '../http-exchange.ts';
import { Connections } from '../upstreams/connections.ts';

/** What comes of one request, as it comes. */
export interface ProxiedRequest {
  /** The request goes over a connection. */
  sent(upstream: ClientRequest): void;
  answered(answer: IncomingMessage): void;
  failed(error: unknown): void;
}

/** How http-proxy is to ask. */
export interface ProxyAsking {
  readonly target: string;
  /** Names as they are written; a name with several values has a list. */
  readonly headers: Record<string, string | string[]>;
  readonly maxIdleMs: number;
}

/**
 * http-proxy before one upstream, told to do no more than send requests and give answers back: its own way of answering joins fields, hides
 * truncation and dies of what it cannot write.
 */
export class HttpProxyUpstream {
  readonly #proxy = httpProxy.createProxyServer({});
  readonly #connections: Connections;
  readonly #target: httpProxy.ProxyTarget;
  readonly #pending = new WeakMap<IncomingMessage, ProxiedRequest>();

  constructor(upstream: UpstreamConfig) {
    this.#connections = new Connections(upstream);
    this.#target = targetOf(upstream);
    this.#proxy.on('proxyReq', (upstreamRequest, request) => this.#pending.get(request)?.sent(upstreamRequest));
    this.#proxy.on('proxyRes', (answer, request) => this.#pending.get(request)?.answered(answer));
    // Told by what is pending.
    this.#proxy.on('econnreset', (error, request) => this.#pending.get(request)?.failed(error));
  }

  ask({ request, response }: NodeExchange, asking: ProxyAsking, pending: ProxiedRequest): void {
    this.#pending.set(request, pending);
    const options = {
      target: this.#target,
      agent: this.#connections.agent(asking.maxIdleMs),
      selfHandleResponse: true,
      toProxy: true,
    };
    // It reads target and fields of the request itself, at once: they are as the client sent them before and after.
    asIf(request, asking.target, asking.headers, () =>
      this.#proxy.web(request, response as ServerResponse, options, (error) => pending.failed(error)),
    );
  }

  stop(): void {
    this.#connections.stop();
    this.#proxy.close();
  }
}

function targetOf({ address, tls }: UpstreamConfig): httpProxy.ProxyTarget {
  const protocol = tls ? 'https:' : 'http:';
  return address.kind === 'unix'
    ? ({ protocol, socketPath: address.path } as httpProxy.ProxyTarget)
    : { protocol, host: address.host, port: address.port };
}

function asIf(
  request: IncomingMessage,
  url: string,
  headers: Record<string, string | string[]>,
  act: () => void,
): void {
  const received = { url: request.url, headers: request.headers };
  Object.assign(request, { url, headers: headers as IncomingHttpHeaders });
  try {
    act();
  } finally {
    Object.assign(request, received);
  }
}
