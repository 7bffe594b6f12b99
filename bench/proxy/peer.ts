/** One of the proxies that npm offers, doing plain proxying over kept connections: `peer.ts NAME PACKAGE-FOLDER UPSTREAM-PORT`. */
import { Agent, createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { endWithParent } from '../helper-process.ts';
import type { PeerName } from './peers.ts';

const [name, folder, upstreamPort] = process.argv.slice(2) as [PeerName, string, string];
const target = `http://127.0.0.1:${upstreamPort}`;
const agent = new Agent({ keepAlive: true });
const load = createRequire(`${folder}/`);

/** Packages come from a folder of their own, so nothing is known of their types. */
// biome-ignore lint/suspicious/noExplicitAny: see above
const bring = (packageName: string): any => load(packageName);

const starters: Record<PeerName, () => Promise<number>> = {
  'http-proxy': async () => listen(webHandler(bring('http-proxy').createProxyServer({ target, agent }))),
  'http-proxy-3': async () => listen(webHandler(bring('http-proxy-3').createProxyServer({ target, agent }))),
  'http-proxy-middleware': async () =>
    listen(bring('http-proxy-middleware').createProxyMiddleware({ target, agent, changeOrigin: false })),
  async '@fastify/http-proxy'() {
    const app = bring('fastify')({ keepAliveTimeout: 0 });
    app.register(bring('@fastify/http-proxy'), { upstream: target, http: { agents: { 'http:': agent } } });
    await app.listen({ port: 0, host: '127.0.0.1' });
    return (app.server.address() as AddressInfo).port;
  },
};

type Handler = Parameters<typeof createServer>[1];

function webHandler(proxy: { web(request: unknown, response: unknown): void }): Handler {
  return (request, response) => proxy.web(request, response);
}

function listen(handler: Handler): Promise<number> {
  const server = createServer(handler);
  server.keepAliveTimeout = 0;
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));
}

process.send!({ port: await starters[name]() });
endWithParent();
