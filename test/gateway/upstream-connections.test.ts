import { readFileSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { UpstreamConfig } from '../../gateway/forwarding/config.ts';
import { upstreamError } from '../../gateway/forwarding/upstream-error.ts';
import { Connections } from '../../gateway/forwarding/upstreams/connections.ts';
import { type CheckResult, startHealthCheck } from '../../gateway/forwarding/upstreams/health-check.ts';
import { readUpstreamOrigin, upstreamAddress } from '../../gateway/forwarding/upstreams/upstream-address.ts';
import { configure } from './configure.ts';
import { startSide } from './sides.ts';

describe('where an upstream is', () => {
  it.each([
    ['http://127.0.0.1:8000', { kind: 'tcp', host: '127.0.0.1', port: 8000 }],
    ['http://[::1]/', { kind: 'tcp', host: '::1', port: 80 }],
    ['https://app.example', { kind: 'tcp', host: 'app.example', port: 443 }],
    ['unix:/run/app.sock', { kind: 'unix', path: '/run/app.sock' }],
  ])('reads %s', (origin, address) => expect(upstreamAddress(origin)).toEqual(address));

  it.each(['', 'app', 'ftp://a', 'http://a/b', 'http://u@a', 'unix:run/app.sock', 'unix:'])('refuses %j', (text) =>
    expect(() => readUpstreamOrigin(text)).toThrow(RangeError),
  );

  it('reads its own spelling again as the same, and never throws another error', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.webUrl(),
          fc.string(),
          fc.string().map((path) => `unix:/${path}`),
        ),
        (text) => {
          try {
            const origin = readUpstreamOrigin(text);
            expect(readUpstreamOrigin(origin)).toBe(origin);
          } catch (error) {
            expect(error).toBeInstanceOf(RangeError);
          }
        },
      ),
    );
  });
});

describe('TLS with an upstream', () => {
  const started: https.Server[] = [];
  const file = (name: string) => join(import.meta.dirname, '..', 'fixtures', 'tls', name);

  afterEach(() => {
    for (const server of started.splice(0)) server.close().closeAllConnections();
  });

  /** A server that answers with the name it was asked for and who asks. */
  async function serve(options: https.ServerOptions = {}): Promise<string> {
    const keys = { key: readFileSync(file('default.key.pem')), cert: readFileSync(file('default.pem')) };
    const server = https.createServer({ ...keys, ...options }, ({ socket }, response) => {
      const { servername, getPeerCertificate } = socket as TLSSocket & { servername: string | false };
      response.end(`${servername} ${getPeerCertificate.call(socket).subject?.CN}`);
    });
    started.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** The body of an answer, or the code of the error. */
  function ask(url: string, tls: object): Promise<string> {
    const upstream: UpstreamConfig = configure({ legacy: { url, tls } }).legacy;
    const connections = new Connections(upstream);
    return new Promise((resolve) => {
      const headers = ['Host', 'evil.example'];
      const request = connections.ask({ method: 'GET', path: '/', headers, maxIdleMs: undefined });
      request.on('error', (error) => resolve(upstreamError(error, url).code));
      request.on('response', async (answer) => {
        let text = '';
        for await (const chunk of answer) text += chunk;
        resolve(text);
      });
      request.end();
    });
  }

  it('believes no certificate that nobody vouches for', async () => {
    expect(await ask(await serve(), {})).toBe('upstream-untrusted');
  });

  it('believes what the declared authority has signed, and the address that stands in the certificate', async () => {
    expect(await ask(await serve(), { ca: file('ca.pem') })).toBe('false undefined');
  });

  it('believes no certificate for another name, whatever Host the client says', async () => {
    const tls = { ca: file('ca.pem'), servername: 'other.example' };
    expect(await ask(await serve(), tls)).toBe('upstream-untrusted');
  });

  it('asks for the declared name', async () => {
    const tls = { ca: file('ca.pem'), servername: 'localhost' };
    expect(await ask(await serve(), tls)).toBe('localhost undefined');
  });

  it('believes any certificate only where that is said', async () => {
    expect(await ask(await serve(), { verify: false })).toBe('false undefined');
  });

  it('shows the certificate of its own to an upstream that asks for one', async () => {
    const url = await serve({ requestCert: true, rejectUnauthorized: true, ca: readFileSync(file('ca.pem')) });
    const tls = { ca: file('ca.pem'), cert: file('client.pem'), key: file('client.key.pem') };
    expect(await ask(url, tls)).toBe('false partner-7');
    expect(await ask(url, { ca: file('ca.pem') })).toMatch(/^upstream-/);
  });

  it('speaks no version before 1.2', async () => {
    const url = await serve({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1' });
    expect(await ask(url, { verify: false })).toMatch(/^upstream-/);
  });

  it('refuses files that cannot be read, and half a pair, before anything starts', () => {
    const url = 'https://127.0.0.1:9';
    expect(() => configure({ legacy: { url, tls: { ca: '/no/such/file' } } })).toThrow(/ENOENT/);
    expect(() => configure({ legacy: { url, tls: { cert: file('client.pem') } } })).toThrow(/cert and key together/);
  });
});

describe('a health check', () => {
  it('asks the path again and again and tells what it found', async () => {
    const side = await startSide('app');
    const connections = new Connections(configure({ legacy: { url: side.origin } }).legacy);
    const found: CheckResult[] = [];
    let tell = () => {};
    const config = { path: '/healthz', intervalMs: 5, timeoutMs: 1_000, failures: 1 };
    const next = () =>
      new Promise<CheckResult>((resolve) => {
        tell = () => resolve(found.at(-1)!);
      });
    const check = startHealthCheck(connections, 'app.example', config, (result) => {
      found.push(result);
      tell();
    });
    expect(await next()).toEqual({ kind: 'healthy' });
    expect(side.received[0]).toMatchObject({ url: '/healthz', headers: { host: 'app.example' } });
    side.answer = (_, response) => response.writeHead(503).end();
    while ((await next()).kind === 'healthy');
    expect(found.at(-1)).toEqual({ kind: 'unhealthy', detail: 'answered 503' });
    await side.stop();
    while (JSON.stringify(await next()).includes('503'));
    expect(found.at(-1)).toMatchObject({ kind: 'unhealthy' });
    check.stop();
    connections.stop();
  });
});
