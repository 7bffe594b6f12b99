import http, { type ClientRequest, type RequestOptions } from 'node:http';
import https from 'node:https';
import type { UpstreamConfig } from './config.ts';

/** How large a message's head may be, both ways. */
export const maxHeaderBytes = 64 * 1024;

/** The gateway's connections to upstreams. */
export class UpstreamAgents {
  readonly #plain = new http.Agent({ keepAlive: true });
  readonly #tls = new https.Agent({ keepAlive: true });

  /** Begins a request with raw header fields. `reuse`: on a connection that was used before, where there is one. Throws on what Node refuses to send. */
  request(upstream: UpstreamConfig, reuse: boolean, options: RequestOptions): ClientRequest {
    const url = new URL(upstream.origin);
    const tls = url.protocol === 'https:';
    const request = (tls ? https : http).request({
      ...options,
      hostname: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port || (tls ? 443 : 80),
      agent: reuse ? (tls ? this.#tls : this.#plain) : false,
      setHost: false,
      maxHeaderSize: maxHeaderBytes,
    });
    request.maxHeadersCount = 0;
    return request;
  }

  stop(): void {
    this.#plain.destroy();
    this.#tls.destroy();
  }
}
