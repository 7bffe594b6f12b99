import type { IncomingMessage } from 'node:http';
import { foldHeaders } from '../comparison/fold-headers.ts';
import type { Observation } from '../comparison/observation.ts';
import type { UpstreamConfig } from '../forwarding/config.ts';
import { Connections } from '../forwarding/upstreams/connections.ts';

/** Where and how a side is asked. */
export interface Upstream {
  readonly upstream: UpstreamConfig;
  /** The request target on that side, `/shipments/7?x=1`. */
  readonly target: string;
  /** Header fields as that side gets them, `[name, value, …]`, Host included. */
  readonly headers: readonly string[];
}

/** Bounds of one question. */
export interface AskLimits {
  readonly deadlineMs: number;
  readonly maxBodyBytes: number;
  readonly signal: AbortSignal;
}

/**
 * Fields that would make the answer another one than control's whole answer in plain bytes: conditions, ranges, content codings; and
 * those that belong to the connection of the original request.
 */
const dropped = new Set([
  ...['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range', 'range', 'accept-encoding'],
  ...['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'content-length', 'upgrade', 'expect'],
]);

/** Asks sides on connections of its own, apart from those that serve clients. */
export class Asker {
  readonly #concurrency: number;
  readonly #connections = new Map<UpstreamConfig, Connections>();

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  /** Asks once, and once more on a new connection when the side had closed a kept one. Redirects are not followed. Never rejects. */
  async ask(method: string, upstream: Upstream, limits: AskLimits): Promise<Observation> {
    const first = await this.#askOnce(method, upstream, limits);
    return first === 'stale-connection' ? this.#askAgain(method, upstream, limits) : first;
  }

  stop(): void {
    for (const connections of this.#connections.values()) connections.stop();
  }

  async #askAgain(method: string, upstream: Upstream, limits: AskLimits): Promise<Observation> {
    const second = await this.#askOnce(method, upstream, limits);
    return second === 'stale-connection' ? failure('closed the connection without an answer', 0) : second;
  }

  #connectionsTo(upstream: UpstreamConfig): Connections {
    const known = this.#connections.get(upstream);
    if (known) return known;
    const made = new Connections(upstream, this.#concurrency);
    this.#connections.set(upstream, made);
    return made;
  }

  #askOnce(method: string, { upstream, target, headers }: Upstream, limits: AskLimits) {
    const startedAt = performance.now();
    return new Promise<Observation | 'stale-connection'>((resolve) => {
      const request = this.#connectionsTo(upstream).ask({
        method,
        path: target,
        headers: requestHeaders(headers, upstream.authority),
        maxIdleMs: Number.POSITIVE_INFINITY,
        signal: limits.signal,
      });
      const timer = setTimeout(
        () => settle(failure(`no answer within ${limits.deadlineMs} ms`, elapsed())),
        limits.deadlineMs,
      );
      const elapsed = () => performance.now() - startedAt;
      const settle = (result: Observation | 'stale-connection') => {
        clearTimeout(timer);
        resolve(result);
        const complete = typeof result === 'object' && result.kind === 'answer' && !result.oversize;
        if (!complete) request.destroy();
      };
      request.once('response', (response) => collect(response, limits.maxBodyBytes, elapsed, settle));
      request.on('error', (error: NodeJS.ErrnoException) => {
        const stale = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
        settle(stale ? 'stale-connection' : failure(error.code ?? error.message, elapsed()));
      });
      request.end();
    }).catch((error) => failure((error as Error).message, performance.now() - startedAt));
  }
}

/** Reads an answer's body up to the bound, then settles. A connection that delivered the whole answer is kept. */
function collect(
  response: IncomingMessage,
  maxBodyBytes: number,
  elapsed: () => number,
  settle: (observation: Observation) => void,
): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const answer = (oversize: boolean) =>
    settle({
      kind: 'answer',
      status: response.statusCode!,
      headers: foldHeaders(response.rawHeaders),
      body: Buffer.concat(chunks).subarray(0, maxBodyBytes),
      oversize,
      durationMs: elapsed(),
    });
  response.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > maxBodyBytes) answer(true);
  });
  response.once('end', () => answer(false));
  response.once('error', () => settle(failure(`broke off after ${bytes} bytes of the body`, elapsed())));
}

function requestHeaders(headers: readonly string[], host: string): string[] {
  const kept: string[] = [];
  let hasHost = false;
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index]!.toLowerCase();
    if (dropped.has(name)) continue;
    hasHost ||= name === 'host';
    kept.push(headers[index]!, headers[index + 1]!);
  }
  return [...(hasHost ? [] : ['host', host]), ...kept, 'accept-encoding', 'identity'];
}

function failure(reason: string, durationMs: number): Observation {
  return { kind: 'failure', reason, durationMs };
}
