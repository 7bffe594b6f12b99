import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RunningGateway, startGateway } from '../../gateway/gateway.ts';
import { type Logger, silent } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { until } from '../until.ts';
import { configure } from './configure.ts';
import { ask, type Side, startSide } from './sides.ts';
import { answering, connect, rawServer } from './wire.ts';

let legacy: Side;
let service: Side;
let dataDir: string;
let metrics: Metrics;
let cleanups: (() => unknown)[];

beforeEach(async () => {
  [legacy, service] = await Promise.all([startSide('legacy'), startSide('new')]);
  dataDir = mkdtempSync(join(tmpdir(), 'accounting-'));
  metrics = new Metrics();
  cleanups = [legacy.stop, service.stop, () => rmSync(dataDir, { recursive: true })];
});

afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

const routes = [
  { match: 'GET /new/{id}', serve: 'new' },
  { match: '/moving/*', rollout: { steps: ['new'] } },
];

interface Wanted {
  readonly legacyOrigin?: string;
  readonly serviceOrigin?: string;
  readonly accessLog?: unknown;
  readonly logger?: Logger;
  readonly trustedProxies?: readonly string[];
}

async function start(wanted: Wanted = {}): Promise<RunningGateway> {
  const written = {
    legacy: { url: wanted.legacyOrigin ?? legacy.origin },
    listeners: { public: { port: 0, trustedProxies: wanted.trustedProxies ?? [] }, admin: { port: 0 } },
    accessLog: wanted.accessLog ?? {},
    identity: { user: [{ cookie: 'user' }] },
    capabilities: { shipments: { service: wanted.serviceOrigin ?? service.origin, routes } },
  };
  const gateway = await startGateway(configure(written, { dataDir }), {
    openLog: () => Promise.reject(new Error('the log is away')),
    logger: wanted.logger ?? silent,
    metrics,
  });
  cleanups.push(gateway.stop);
  return gateway;
}

type Line = Record<string, unknown>;

function linesOf(file = 'logs/access.log'): Line[] {
  const path = join(dataDir, file);
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}

const firstLine = () => until(() => linesOf()[0]);

describe('the access log of the gateway', () => {
  it('is on with nothing configured, and tells where a request went and why', async () => {
    const gateway = await start();
    const answer = await ask(gateway.publicUrl, '/new/7?secret=1', { headers: { host: 'shop.example' } });
    expect(answer.body).toContain('new');
    const { waitedMs: _first, ...line } = await firstLine();
    expect(line).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      requestId: answer.headers['x-request-id'],
      traceId: String(service.received[0]!.headers.traceparent).split('-')[1],
      client: '127.0.0.1',
      host: 'shop.example',
      method: 'GET',
      target: '/new/7',
      route: 'GET /new/{id}',
      capability: 'shipments',
      side: 'new',
      decision: ['match', 'serve:new'],
      status: 200,
      outcome: 'answered',
      durationMs: expect.any(Number),
      firstByteMs: expect.any(Number),
      bytesIn: 0,
      bytesOut: answer.body.length,
    });
  });

  it('counts what was sent and received', async () => {
    const gateway = await start();
    await ask(gateway.publicUrl, '/', { method: 'POST', body: 'x'.repeat(1_000) });
    expect(await firstLine()).toMatchObject({ method: 'POST', side: 'legacy', bytesIn: 1_000 });
  });

  it('tells that legacy answered in place of the new side, and why', async () => {
    service.answer = (_, response) => void response.writeHead(500).end();
    const gateway = await start();
    await ask(gateway.publicUrl, '/moving/1');
    expect(await firstLine()).toMatchObject({
      route: '/moving/*',
      stage: 'new',
      side: 'legacy',
      status: 200,
      outcome: 'answered',
      decision: ['match', 'stage:new', 'fallback'],
      fallback: 'the new side answered 500',
    });
  });

  it('tells that an answer broke off', async () => {
    const upstream = await rawServer((wire) => {
      wire.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbut');
      wire.socket.end();
    });
    cleanups.push(upstream.stop);
    const gateway = await start({ legacyOrigin: upstream.origin });
    await expect(ask(gateway.publicUrl, '/')).rejects.toThrow();
    expect(await firstLine()).toMatchObject({ outcome: 'truncated', status: 200, bytesOut: 3 });
  });

  it('tells that a client left before its answer', async () => {
    const upstream = await rawServer();
    cleanups.push(upstream.stop);
    const gateway = await start({ legacyOrigin: upstream.origin });
    const client = await connect(Number(new URL(gateway.publicUrl).port));
    client.send('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
    await (await upstream.connection(0)).until(/slow/);
    client.socket.destroy();
    const line = await firstLine();
    expect(line).toMatchObject({ target: '/slow', outcome: 'abandoned' });
    expect(line).not.toHaveProperty('status');
  });

  it('tells that a side could not be reached', async () => {
    const gone = await rawServer();
    await gone.stop();
    const gateway = await start({ legacyOrigin: gone.origin });
    const { body } = await ask(gateway.publicUrl, '/');
    expect(await firstLine()).toMatchObject({
      outcome: 'failed',
      status: 503,
      code: 'upstream-unreachable',
      requestId: JSON.parse(body).requestId,
    });
  });

  it('tells of a request that it refused, by the id that the client was told', async () => {
    const gateway = await start();
    const client = await connect(Number(new URL(gateway.publicUrl).port));
    client.send('GET http://[ HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n');
    const answer = await client.end();
    const { requestId, code } = JSON.parse(answer.slice(answer.indexOf('{')));
    expect(await firstLine()).toMatchObject({ outcome: 'refused', status: 400, code, requestId, method: 'GET' });
    expect(legacy.received).toEqual([]);
  });

  it('tells of what is no HTTP at all', async () => {
    const gateway = await start();
    const client = await connect(Number(new URL(gateway.publicUrl).port));
    client.send('\u0016\u0003\u0001\r\n\r\n');
    await client.end();
    expect(await firstLine()).toMatchObject({ outcome: 'refused', code: 'bad-request', status: 400 });
  });

  it('tells of a tunnel when it is closed', async () => {
    const upstream = await rawServer(
      answering('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n'),
    );
    cleanups.push(upstream.stop);
    const gateway = await start({ legacyOrigin: upstream.origin });
    const client = await connect(Number(new URL(gateway.publicUrl).port));
    client.send('GET /live HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n');
    await client.until(/101/);
    expect(linesOf()).toEqual([]);
    client.socket.destroy();
    expect(await firstLine()).toMatchObject({ target: '/live', outcome: 'tunnelled', status: 101 });
  });

  it('survives what clients may send in any field', async () => {
    const gateway = await start();
    const hostile = '/"\\}{\',%00%0a';
    const client = await connect(Number(new URL(gateway.publicUrl).port));
    client.send(`GET ${hostile} HTTP/1.1\r\nHost: a\r\nX-Request-Id: "\r\nUser-Agent: "}\r\nConnection: close\r\n\r\n`);
    await client.end();
    expect(await firstLine()).toMatchObject({ outcome: 'answered', target: hostile });
  });

  it('loses no line when its file is moved away under load', async () => {
    const gateway = await start();
    const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
    cleanups.push(() => agent.destroy());
    const get = async (path: string) => {
      const request = http.get(`${gateway.publicUrl}${path}`, { agent });
      const [response] = await once(request, 'response');
      for await (const _ of response);
    };
    const asked = Array.from({ length: 300 }, (_, index) => `/${index}`);
    const moved: string[] = [];
    for (let from = 0; from < asked.length; from += 60) {
      const load = Promise.all(asked.slice(from, from + 60).map(get));
      await until(() => linesOf().length > 0);
      moved.push(`logs/moved-${from}`);
      renameSync(join(dataDir, 'logs/access.log'), join(dataDir, moved.at(-1)!));
      await gateway.reopenLogs();
      await load;
    }
    await gateway.stop();
    const targets = [...moved, 'logs/access.log'].flatMap((file) => linesOf(file).map(({ target }) => target));
    expect(targets.sort()).toEqual([...asked].sort());
  });

  it('serves every request while its disk is full, counts what it dropped and says so', async () => {
    const told: string[] = [];
    const logger = { ...silent, error: (_: object, message: string) => void told.push(message) };
    const gateway = await start({ accessLog: { file: '/dev/full', buffer: '1KiB' }, logger });
    for (let index = 0; index < 10; index += 1) expect((await ask(gateway.publicUrl, `/${index}`)).status).toBe(200);
    const dropped = async () => /access_log_lines_total\{result="dropped"\} (\d+)/.exec(await metrics.text())?.[1];
    expect(Number(await dropped())).toBeGreaterThan(0);
    await until(() => told.length > 0);
    expect(told).toEqual(['the access log cannot be written; lines wait, and are dropped when too many do']);
    await gateway.stop();
    expect(await dropped()).toBe('10');
  });
});

describe("the metrics of the gateway's requests", () => {
  it('have routes, sides, outcomes and classes of statuses, and nothing that a client can make up', async () => {
    const gateway = await start();
    await ask(gateway.publicUrl, '/new/7');
    await ask(gateway.publicUrl, '/new/8');
    legacy.answer = (_, response) => void response.writeHead(404).end();
    await ask(gateway.publicUrl, '/anything', { method: 'PROPFIND' });
    legacy.answer = (_, response) => void response.writeHead(799).end();
    await ask(gateway.publicUrl, '/anything-else');
    const lines = (await metrics.text()).split('\n').filter((line) => line.startsWith('strangler_requests_total{'));
    expect(lines.sort()).toEqual([
      'strangler_requests_total{route="GET /new/{id}",target="new",outcome="answered",status_class="2xx"} 2',
      'strangler_requests_total{route="none",target="legacy",outcome="answered",status_class="4xx"} 1',
      'strangler_requests_total{route="none",target="legacy",outcome="answered",status_class="other"} 1',
    ]);
  });

  it('tell durations in classes that add up', async () => {
    const gateway = await start();
    for (let index = 0; index < 3; index += 1) await ask(gateway.publicUrl, '/new/7');
    const text = await metrics.text();
    expect(text).toContain('# TYPE strangler_request_duration_seconds histogram');
    const counts = [
      ...text.matchAll(/duration_seconds_bucket\{le="(.*)",route="GET \/new\/\{id\}",target="new"\} (\d+)/g),
    ];
    expect(counts.map(([, le]) => le).at(-1)).toBe('+Inf');
    expect(counts.map(([, , count]) => Number(count)).at(-1)).toBe(3);
    expect(text).toMatch(/duration_seconds_count\{route="GET \/new\/\{id\}",target="new"\} 3\n/);
  });
});

describe('the decision in an answer', () => {
  const asking = { 'strangler-explain': '1' };

  it('is told to a trusted peer that asks', async () => {
    const gateway = await start({ trustedProxies: ['127.0.0.1/32'] });
    const { headers } = await ask(gateway.publicUrl, '/moving/1', { headers: asking });
    expect(headers['strangler-decision']).toBe(
      'side=new, route="/moving/*", capability="shipments", stage=new, reason="route /moving/* of shipments; stage new -> new"',
    );
    expect(service.received[0]!.headers).not.toHaveProperty('strangler-explain');
  });

  it('tells of falling back too', async () => {
    service.answer = (_, response) => void response.writeHead(503).end();
    const gateway = await start({ trustedProxies: ['127.0.0.1/32'] });
    const { headers } = await ask(gateway.publicUrl, '/moving/1', { headers: asking });
    expect(headers['strangler-decision']).toMatch(/^side=legacy, .*the new side answered 503 -> legacy"$/);
  });

  it.each([
    ['does not ask', ['127.0.0.1/32'], {}],
    ['is not trusted', [], asking],
    ['is a proxy that asks for its client', ['127.0.0.1/32'], { ...asking, 'x-forwarded-for': '203.0.113.9' }],
    ['is a proxy that asks for a trusted client', ['127.0.0.1/32'], { ...asking, 'x-forwarded-for': '127.0.0.1' }],
    ['is a proxy that only says Via', ['127.0.0.1/32'], { ...asking, via: '1.1 cache' }],
  ])('is not told where the peer %s', async (_, trustedProxies, headers) => {
    const gateway = await start({ trustedProxies });
    expect((await ask(gateway.publicUrl, '/moving/1', { headers })).headers).not.toHaveProperty('strangler-decision');
  });

  it('is never said by an application', async () => {
    legacy.answer = (_, response) => void response.setHeader('Strangler-Decision', 'side=new').end();
    const gateway = await start();
    expect((await ask(gateway.publicUrl, '/')).headers).not.toHaveProperty('strangler-decision');
  });
});
