import { once } from 'node:events';
import http, { type IncomingHttpHeaders, type OutgoingHttpHeaders, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request that a side received. */
export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** One side, legacy or new, as a test wants it. */
export interface Side {
  readonly origin: string;
  readonly received: Received[];
  /** What it answers with from now on. */
  answer: RequestListener;
  stop(): Promise<void>;
}

/** Starts a side that answers every request with its own name as JSON, unless told otherwise. */
export async function startSide(name: string): Promise<Side> {
  const received: Received[] = [];
  const side = {
    received,
    answer: ((_request, response) =>
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ by: name }))) as RequestListener,
  };
  const server = http.createServer(async (request, response) => {
    let body = '';
    request.on('error', () => {});
    for await (const chunk of request) body += chunk;
    received.push({ method: request.method!, url: request.url!, headers: request.headers, body });
    side.answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(side, {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      if (!server.listening) return;
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  });
}

/** An answer as a client got it. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Asks once, on a connection of its own. */
export function ask(
  origin: string,
  path: string,
  { method = 'GET', headers = {}, body }: { method?: string; headers?: OutgoingHttpHeaders; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request(`${origin}${path}`, { method, headers, agent: false }, async (response) => {
      let text = '';
      try {
        for await (const chunk of response) text += chunk;
        resolve({ status: response.statusCode!, headers: response.headers, body: text });
      } catch (error) {
        reject(error);
      }
    });
    request.once('error', reject);
    request.end(body);
  });
}
