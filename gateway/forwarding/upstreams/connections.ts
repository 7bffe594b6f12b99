import { readFileSync } from 'node:fs';
import http, { type ClientRequest, type RequestOptions } from 'node:http';
import https from 'node:https';
import { isIP, type Socket } from 'node:net';
import type * as tls from 'node:tls';
import type { UpstreamConfig, UpstreamTls } from '../config.ts';
import { maxHeaderBytes } from '../max-header-bytes.ts';
import type { UpstreamAddress } from './upstream-address.ts';

/** One request's way out: what is asked, and how old a connection may carry it. */
export interface Asking {
  readonly method: string;
  readonly path: string;
  /** Raw header fields with the framing. */
  readonly headers: readonly string[];
  /** For how long a kept connection may have been idle; undefined: a connection of its own, not kept afterwards. */
  readonly maxIdleMs: number | undefined;
  /** Breaks the request off. */
  readonly signal?: AbortSignal;
}

/** The gateway's `node:http` connections to one upstream, kept after use. */
export class Connections {
  readonly #agent: http.Agent;
  readonly #begin: typeof http.request;
  readonly #shared: RequestOptions;
  /** When each connection that nobody uses was given back. */
  readonly #freeSince = new WeakMap<Socket, number>();

  /** Reads the files that `tls` names; throws when one cannot be read. `most`: connections at the same time; more requests wait for one. */
  constructor({ address, tls }: Pick<UpstreamConfig, 'address' | 'tls'>, most = Number.POSITIVE_INFINITY) {
    const secure = tls === undefined ? undefined : tlsOptions(tls, address);
    this.#begin = secure ? https.request : http.request;
    this.#shared = { ...secure, ...placeOf(address), setHost: false, maxHeaderSize: maxHeaderBytes };
    const options = { ...secure, keepAlive: true, maxSockets: most };
    this.#agent = secure ? new https.Agent(options) : new http.Agent(options);
    this.#agent.on('free', (socket: Socket) => this.#freeSince.set(socket, performance.now()));
  }

  /** Begins a request. Throws on what Node refuses to send. */
  ask({ method, path, headers, maxIdleMs, signal }: Asking): ClientRequest {
    const agent = maxIdleMs === undefined ? false : this.agent(maxIdleMs);
    const request = this.#begin({ ...this.#shared, method, path, headers, agent, ...(signal && { signal }) });
    request.maxHeadersCount = 0;
    return request;
  }

  /** The kept connections, without those that were idle for longer. */
  agent(maxIdleMs: number): http.Agent {
    if (maxIdleMs !== Number.POSITIVE_INFINITY) this.#closeIdleFor(maxIdleMs);
    return this.#agent;
  }

  /** Closes connections that nobody uses. */
  stop(): void {
    this.#agent.destroy();
  }

  #closeIdleFor(maxIdleMs: number): void {
    const since = performance.now() - maxIdleMs;
    for (const sockets of Object.values(this.#agent.freeSockets)) {
      for (const socket of sockets ?? []) if ((this.#freeSince.get(socket) ?? 0) <= since) socket.destroy();
    }
  }
}

function placeOf(address: UpstreamAddress): RequestOptions {
  return address.kind === 'unix' ? { socketPath: address.path } : { hostname: address.host, port: address.port };
}

/** The name asked for is said in any case: Node would take it from the request's Host, which is the client's to choose. An address is no name. */
function tlsOptions(
  { caFile, servername, verify, client }: UpstreamTls,
  address: UpstreamAddress,
): tls.ConnectionOptions {
  const host = address.kind === 'tcp' ? address.host : 'localhost';
  return {
    servername: servername ?? (isIP(host) ? '' : host),
    rejectUnauthorized: verify,
    minVersion: 'TLSv1.2',
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
    ...(client === undefined ? {} : { cert: readFileSync(client.certFile), key: readFileSync(client.keyFile) }),
  };
}
