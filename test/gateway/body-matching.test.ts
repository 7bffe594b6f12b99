import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import http2 from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RunningGateway, startGateway } from '../../gateway/gateway.ts';
import { silent } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { configure } from './configure.ts';
import { ask, type Side, startSide } from './sides.ts';
import { connect, eventually } from './wire.ts';

let legacy: Side;
let service: Side;
let gateway: RunningGateway;
let dataDir: string;

const match = { method: 'POST', path: '/orders', body: { '/receiver/country': 'DE' } };

async function start(routes: unknown[], routing: object = {}, listener: object = {}): Promise<void> {
  const written = {
    legacy: { url: legacy.origin },
    routing,
    listeners: { public: { port: 0, ...listener }, admin: { port: 0 } },
    capabilities: { orders: { service: service.origin, routes } },
  };
  gateway = await startGateway(configure(written, { dataDir }), {
    openLog: () => Promise.reject(new Error('the log is away')),
    logger: silent,
    metrics: new Metrics(),
  });
}

beforeEach(async () => {
  [legacy, service, dataDir] = await Promise.all([
    startSide('legacy'),
    startSide('new'),
    mkdtemp(join(tmpdir(), 'body-')),
  ]);
});

afterEach(async () => {
  await gateway.stop();
  await Promise.all([legacy.stop(), service.stop(), rm(dataDir, { recursive: true, force: true })]);
});

const json = { 'content-type': 'application/json' };
const post = (body: string, headers: Record<string, string> = json) =>
  ask(gateway.publicUrl, '/orders', { method: 'POST', body, headers });
const received = () => ({
  legacy: legacy.received.map(({ body }) => body),
  new: service.received.map(({ body }) => body),
});

describe('a route that asks about the body', () => {
  it('takes what fits, and both sides get every body byte for byte', async () => {
    await start([{ name: 'germany', match, serve: 'new' }]);
    const [german, other] = ['{ "receiver": {"country":"DE"} }\n', '{"receiver":{"country":"US"}}'];
    await post(german);
    await post(other);
    await post('country=DE', { 'content-type': 'application/x-www-form-urlencoded' });
    await post('');
    expect(received()).toEqual({ new: [german], legacy: [other, 'country=DE', ''] });
  });

  it('never sends what it cannot look into to the new side, unless that is declared', async () => {
    await start([{ name: 'germany', match, serve: 'new' }], { bodyLimit: '1KiB' });
    const long = JSON.stringify({ receiver: { country: 'DE' }, padding: 'x'.repeat(200_000) });
    const twice = '{"receiver":{"country":"DE"},"receiver":{"country":"US"}}';
    await post(long);
    await post(twice);
    await post('{"receiver":{"country":"DE"}}', { ...json, 'content-encoding': 'gzip' });
    await post(long, { ...json, 'transfer-encoding': 'chunked' });
    expect(received()).toEqual({ new: [], legacy: [long, twice, '{"receiver":{"country":"DE"}}', long] });
  });

  it.each(['legacy', 'new'] as const)('sends what is too long to %s where that is declared', async (side) => {
    const long = JSON.stringify({ receiver: { country: 'US' }, padding: 'x'.repeat(2_000) });
    const rest = { match: 'POST /orders', serve: side === 'new' ? 'legacy' : 'new' };
    await start([{ name: 'germany', match, unreadableBody: side }, rest], { bodyLimit: '1KiB' });
    await post(long);
    await post(long, { ...json, 'transfer-encoding': 'chunked' });
    expect(received()[side]).toEqual([long, long]);
  });

  it('does not wait for a client that waits to be told to send', async () => {
    await start([{ name: 'germany', match, serve: 'new' }]);
    const body = '{"receiver":{"country":"DE"}}';
    const wire = await connect(Number(new URL(gateway.publicUrl).port));
    wire.send(
      `POST /orders HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    await wire.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
    wire.send(body);
    await wire.until(/HTTP\/1\.1 200 OK/);
    expect(received()).toEqual({ new: [body], legacy: [] });
    wire.socket.destroy();
  });

  it('takes what came over HTTP/2, and both sides get it byte for byte', async () => {
    const fixture = (name: string) => join(import.meta.dirname, '../fixtures/tls', name);
    const tls = { cert: fixture('default.pem'), key: fixture('default.key.pem') };
    await start([{ name: 'germany', match, serve: 'new' }], { bodyLimit: '1KiB' }, { tls });
    const session = http2.connect(gateway.publicUrl, { rejectUnauthorized: false });
    const bodies = ['{"receiver":{"country":"DE"}}', '{"receiver":{"country":"US"}}', `"${'x'.repeat(200_000)}"`, ''];
    for (const body of bodies) {
      const stream = session.request({ ':method': 'POST', ':path': '/orders', ':authority': 'a', ...json });
      stream.end(body);
      stream.resume();
      const [answered] = await once(stream, 'response');
      expect(answered[':status']).toBe(200);
    }
    session.destroy();
    expect(received()).toEqual({ new: bodies.slice(0, 1), legacy: bodies.slice(1) });
  });

  it('does not hold up requests whose body nobody asks about', async () => {
    await start([{ name: 'germany', match, serve: 'new' }]);
    const wire = await connect(Number(new URL(gateway.publicUrl).port));
    const heads: string[] = [];
    legacy.answer = (request, response) => {
      heads.push(request.url!);
      response.end();
    };
    wire.send('POST /elsewhere HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello');
    await eventually(() => heads.length === 1);
    wire.socket.destroy();
  });
});

describe('a path that two systems could read differently', () => {
  it('is refused where that is declared, and reaches nobody', async () => {
    await start(['GET /a'], { ambiguousPaths: { 'encoded-slash': 'refuse' } });
    const refused = await ask(gateway.publicUrl, '/x%2fadmin');
    expect([refused.status, JSON.parse(refused.body).code]).toEqual([400, 'ambiguous-path']);
    expect((await ask(gateway.publicUrl, '/x;admin')).status).toBe(200);
    expect(legacy.received.map(({ url }) => url)).toEqual(['/x;admin']);
    expect(service.received).toEqual([]);
  });
});
