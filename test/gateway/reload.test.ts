import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RunningGateway, startGateway } from '../../gateway/gateway.ts';
import type { ConfigurationSource, ReadConfiguration } from '../../gateway/reload/configuration.ts';
import { silent } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { until } from '../until.ts';
import { configure } from './configure.ts';
import { ask, type Side, startSide } from './sides.ts';

let legacy: Side;
let service: Side;
let other: Side;
let dataDir: string;
let cleanups: (() => Promise<unknown>)[];

beforeEach(async () => {
  [legacy, service, other, dataDir] = await Promise.all([
    startSide('legacy'),
    startSide('new'),
    startSide('other'),
    mkdtemp(join(tmpdir(), 'reload-')),
  ]);
  cleanups = [legacy.stop, service.stop, other.stop, () => rm(dataDir, { recursive: true, force: true })];
});

afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

type Written = ReadConfiguration['written'];
type Found = Written | ReadConfiguration | { readonly problems: readonly string[] };

interface Reloadable extends RunningGateway {
  /** What the files say from now on. */
  write(found: Found): void;
  readonly metrics: Metrics;
}

/** Ports are the system's to choose, so they are no part of what is written. */
const read = (written: Written): ReadConfiguration => ({ config: configure(written, { dataDir }), written });

function asRead(found: Found): ReturnType<ConfigurationSource['read']> {
  if ('problems' in found) return { problems: found.problems as string[] };
  return 'written' in found ? (found as ReadConfiguration) : read(found);
}

async function start(first: Written): Promise<Reloadable> {
  let found: Found = first;
  const metrics = new Metrics();
  const gateway = await startGateway(read(first).config, {
    openLog: () => Promise.reject(new Error('the log is away')),
    logger: silent,
    metrics,
    configuration: {
      written: first,
      read: () => asRead(found),
    },
  });
  cleanups.push(gateway.stop);
  const write = (next: Found) => {
    found = next;
  };
  return Object.assign(gateway, { write, metrics });
}

/** All of /shipments goes to `origin`, unless said otherwise. */
const servedBy = (side: Side, more: object = {}, top: object = {}): Written => ({
  legacy: { url: legacy.origin },
  capabilities: {
    shipments: { service: side.origin, routes: [{ match: 'GET /shipments/{id}', serve: 'new' }], ...more },
  },
  ...top,
});
const sideOf = async (origin: string, path = '/shipments/7', headers: Record<string, string> = {}) =>
  (JSON.parse((await ask(origin, path, { headers })).body) as { by: string }).by;

interface AdminAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function admin({ adminUrl }: RunningGateway, path: string, method = 'GET'): Promise<AdminAnswer> {
  const answer = await ask(adminUrl, path, { method, headers: { authorization: 'Bearer token' } });
  return { status: answer.status, body: JSON.parse(answer.body) };
}

describe('under load', () => {
  it('no request fails through twenty reloads, good and bad, each is answered as one of the configurations says, and at the end by the last', async () => {
    const gateway = await start(servedBy(service));
    const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
    cleanups.push(async () => agent.destroy());
    const answers: string[] = [];
    let asking = true;
    const clients = Array.from({ length: 8 }, async () => {
      while (asking) answers.push(await onKeptConnection(agent, gateway.publicUrl));
    });
    const reload = async (found: Found) => {
      gateway.write(found);
      const { kind } = await gateway.reload();
      const before = answers.length;
      await until(() => answers.length > before + 16);
      return kind;
    };
    for (let index = 1; index <= 20; index += 1) {
      if (index % 4 === 0) expect(await reload({ problems: ['strangler.yaml:3:1 found nonsense'] })).toBe('refused');
      expect(await reload(servedBy(index % 2 === 0 ? service : other))).toBe('reloaded');
    }
    expect(await reload(servedBy(other))).toBe('reloaded');
    const last = answers.slice(-8);
    asking = false;
    await Promise.all(clients);
    expect([...new Set(answers)].sort()).toEqual(['200 new', '200 other']);
    expect(new Set(last)).toEqual(new Set(['200 other']));
    expect(legacy.received).toEqual([]);
  });
});

/** `200 new` */
async function onKeptConnection(agent: http.Agent, origin: string): Promise<string> {
  const request = http.get(`${origin}/shipments/7`, { agent });
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  let body = '';
  for await (const chunk of response) body += chunk;
  return `${response.statusCode} ${(JSON.parse(body) as { by: string }).by}`;
}

describe('a request that began before a reload', () => {
  it('is served to its end by what it began with, and its shadow asks the side that it began with', async () => {
    const shadowed = (side: Side) => ({
      ...servedBy(side, { routes: ['GET /shipments/{id}'], shadow: { sample: '100%' } }),
    });
    let release = () => {};
    legacy.answer = (_request, response) => {
      release = () => response.setHeader('content-type', 'application/json').end('{"by":"legacy"}');
    };
    const gateway = await start(shadowed(service));
    const answer = ask(gateway.publicUrl, '/shipments/7');
    await until(() => legacy.received.length === 1);
    gateway.write(shadowed(other));
    expect(await gateway.reload()).toEqual({ kind: 'reloaded', changed: ['capabilities.shipments.service'] });
    release();
    expect((await answer).status).toBe(200);
    await until(() => service.received.length === 1);
    expect(other.received).toEqual([]);
  });

  it('keeps its side where legacy itself is exchanged meanwhile', async () => {
    let release = () => {};
    legacy.answer = (_request, response) => {
      response.setHeader('content-type', 'application/json').write('{"by":');
      release = () => response.end('"legacy"}');
    };
    const gateway = await start({ legacy: { url: legacy.origin } });
    const answer = ask(gateway.publicUrl, '/long');
    await until(() => legacy.received.length === 1);
    gateway.write({ legacy: { url: other.origin } });
    await gateway.reload();
    expect(await sideOf(gateway.publicUrl, '/next')).toBe('other');
    release();
    expect((await answer).body).toBe('{"by":"legacy"}');
  });

  it('ends in the same table when its route is gone afterwards', async () => {
    let release = () => {};
    service.answer = (_request, response) => {
      release = () => response.setHeader('content-type', 'application/json').end('{"by":"new"}');
    };
    const gateway = await start(servedBy(service));
    const answer = ask(gateway.publicUrl, '/shipments/7');
    await until(() => service.received.length === 1);
    gateway.write({ legacy: { url: legacy.origin } });
    expect(await gateway.reload()).toMatchObject({ kind: 'reloaded' });
    expect(await sideOf(gateway.publicUrl)).toBe('legacy');
    release();
    expect((await answer).body).toBe('{"by":"new"}');
    expect((await admin(gateway, '/api/routes')).body).toEqual({ routes: [] });
  });
});

describe('what did not change', () => {
  it('keeps its connections to an upstream', async () => {
    const gateway = await start(servedBy(service));
    const ports = new Set<number | undefined>();
    service.answer = (request, response) => {
      ports.add(request.socket.remotePort);
      response.setHeader('content-type', 'application/json').end('{"by":"new"}');
    };
    for (const value of ['1', '2', '3']) {
      gateway.write(servedBy(service, { split: [{ header: { 'x-side': value } }] }));
      expect(await gateway.reload()).toMatchObject({ kind: 'reloaded' });
      expect(await sideOf(gateway.publicUrl)).toBe('new');
    }
    expect(ports.size).toBe(1);
  });

  it('keeps an open breaker, and loses it with another address', async () => {
    const away = await startSide('away');
    await away.stop();
    const breaking = (url: string, header: string) =>
      servedBy(service, {
        service: { url, breaker: { failures: 1, openFor: '1h' } },
        split: [{ header: { 'x-side': header } }],
      });
    const gateway = await start(breaking(away.origin, '1'));
    const post = () => ask(gateway.publicUrl, '/shipments/7');
    await post();
    const suspended = () =>
      gateway.metrics.text().then((text) => /strangler_target_suspended\{name="shipments"\} 1/.test(text));
    expect(await suspended()).toBe(true);
    gateway.write(breaking(away.origin, '2'));
    await gateway.reload();
    expect(await suspended()).toBe(true);
    gateway.write(breaking(service.origin, '2'));
    await gateway.reload();
    expect(await sideOf(gateway.publicUrl)).toBe('new');
  });
});

describe('what may change', () => {
  it.each<[string, () => [object, object], string, string]>([
    [
      'a split',
      () => [
        { routes: ['GET /shipments/{id}'], split: [{ header: { 'x-side': 'no' } }] },
        { routes: ['GET /shipments/{id}'], split: [{ header: { 'x-side': 'new' } }] },
      ],
      'legacy',
      'new',
    ],
    [
      'a route that is pinned',
      () => [
        { routes: [{ match: 'GET /shipments/{id}', serve: 'legacy' }] },
        { routes: [{ match: 'GET /shipments/{id}', serve: 'new' }] },
      ],
      'legacy',
      'new',
    ],
    ['the new side', () => [{}, { service: other.origin }], 'new', 'other'],
  ])('%s: the next request goes by it', async (_, sides, before, after) => {
    const [first, second] = sides();
    const gateway = await start(servedBy(service, first));
    const headers = { 'x-side': 'new' };
    expect(await sideOf(gateway.publicUrl, '/shipments/7', headers)).toBe(before);
    gateway.write(servedBy(service, second));
    expect(await gateway.reload()).toMatchObject({ kind: 'reloaded' });
    expect(await sideOf(gateway.publicUrl, '/shipments/7', headers)).toBe(after);
  });

  it('trusted proxies: who was believed is not any more', async () => {
    const trusting = (blocks: string[]) =>
      servedBy(service, {}, { listeners: { public: { port: 0, trustedProxies: blocks }, admin: { port: 0 } } });
    const gateway = await start(trusting(['127.0.0.0/8']));
    const headers = { 'x-forwarded-for': '203.0.113.9' };
    await ask(gateway.publicUrl, '/shipments/7', { headers });
    gateway.write(trusting([]));
    expect(await gateway.reload()).toEqual({ kind: 'reloaded', changed: ['listeners.public.trustedProxies'] });
    await ask(gateway.publicUrl, '/shipments/7', { headers });
    expect(service.received.map((request) => request.headers['x-forwarded-for'])).toEqual([
      '203.0.113.9, 127.0.0.1',
      '127.0.0.1',
    ]);
  });

  it('secrets: cookies of the old one are still read while it is named, clients keep their side', async () => {
    const [old, fresh] = ['an old secret of more than sixteen', 'a fresh secret of more than sixteen'];
    const half = { routes: [{ match: 'GET /shipments/{id}', rollout: { steps: [{ canary: '50%' }, 'new'] } }] };
    const signed = (secret: unknown) => servedBy(service, half, { identity: { secret } });
    const gateway = await start(signed([old]));
    const first = await ask(gateway.publicUrl, '/shipments/7', { headers: { accept: 'text/html' } });
    const cookie = first.headers['set-cookie']![0]!.split(';')[0]!;
    gateway.write(signed([fresh, old]));
    expect(await gateway.reload()).toEqual({ kind: 'reloaded', changed: ['identity.secret'] });
    const again = await ask(gateway.publicUrl, '/shipments/7', { headers: { accept: 'text/html', cookie } });
    expect(again.body).toBe(first.body);
  });
});

describe('a configuration that cannot be used', () => {
  it('leaves the one before serving, and says why: in the answer, in /readyz and in /api/status', async () => {
    const gateway = await start(servedBy(service));
    const problems = ['strangler.yaml:3:1 found nonsense', 'strangler.yaml:9:1 found more'];
    gateway.write({ problems });
    const refused = await admin(gateway, '/api/reload', 'POST');
    expect(refused).toMatchObject({ status: 422, body: { code: 'configuration-refused', problems } });
    expect(await sideOf(gateway.publicUrl)).toBe('new');
    const readyz = await admin(gateway, '/readyz');
    expect(readyz.status).toBe(200);
    expect(readyz.body.degraded).toContainEqual({
      part: 'configuration',
      since: expect.any(String),
      detail: expect.stringContaining(problems.join('; ')),
    });
    expect((await admin(gateway, '/api/status')).body.configuration).toMatchObject({ refused: { problems } });

    gateway.write(servedBy(service));
    expect(await admin(gateway, '/api/reload', 'POST')).toEqual({ status: 200, body: { changed: [] } });
    expect(JSON.stringify((await admin(gateway, '/readyz')).body)).not.toContain('configuration');
  });

  it('is refused whole when one key needs a restart, and names that key', async () => {
    const gateway = await start(servedBy(service));
    gateway.write({ ...servedBy(other), flags: { unleash: 'http://127.0.0.1:4242/api', token: 'x' }, workers: 2 });
    const outcome = await gateway.reload();
    expect(outcome).toEqual({
      kind: 'refused',
      problems: ['flags.unleash', 'flags.token', 'workers'].map(
        (key) => `${key}: found another value, which needs a restart`,
      ),
    });
    expect(await sideOf(gateway.publicUrl)).toBe('new');
  });

  it('is refused when it would give every client another unit', async () => {
    const signed = (secret: string) => servedBy(service, {}, { identity: { secret } });
    const gateway = await start(signed('an old secret of more than sixteen'));
    gateway.write(signed('a fresh secret of more than sixteen'));
    expect(await gateway.reload()).toEqual({ kind: 'refused', problems: [expect.stringMatching(/^identity\.salt/)] });
  });

  it('is refused when a file it names went away after it was checked, and nothing of it stays', async () => {
    const gateway = await start(servedBy(service));
    const secure = { url: 'https://127.0.0.1:1', tls: { ca: join(import.meta.dirname, 'reload.test.ts') } };
    const written = servedBy(other, { service: secure });
    const { config } = read(written);
    const [capability] = config.capabilities;
    Object.assign(capability!.service!.tls!, { caFile: join(dataDir, 'gone.pem') });
    gateway.write({ config, written });
    const outcome = await gateway.reload();
    expect(outcome).toMatchObject({ kind: 'refused', problems: [expect.stringContaining('gone.pem')] });
    expect(await sideOf(gateway.publicUrl)).toBe('new');
  });
});

it('two reloads at once are carried out one after the other', async () => {
  const gateway = await start(servedBy(service));
  gateway.write(servedBy(other));
  const first = gateway.reload();
  const second = gateway.reload();
  expect(await first).toMatchObject({ kind: 'reloaded' });
  expect(await second).toEqual({ kind: 'unchanged' });
  expect(await sideOf(gateway.publicUrl)).toBe('other');
});
