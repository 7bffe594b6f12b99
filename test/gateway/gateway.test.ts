import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeEach, describe, expect, it } from 'vitest';
import { verifySignedUser } from '../../contract/signed-user.ts';
import { type RunningGateway, startGateway } from '../../gateway/gateway.ts';
import { type Logger, silent } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { configure, secret } from './configure.ts';
import { type Answer, ask, type Side, startSide } from './sides.ts';
import { twoSides } from './two-sides.ts';
import { connect, eventually, rawServer } from './wire.ts';

const sides = twoSides();

interface Wanted {
  readonly capability?: object;
  readonly identity?: object;
  readonly bridgeUrl?: string;
  readonly service?: string | object;
  readonly legacyTimeouts?: object;
  readonly logger?: Logger;
}

/** A gateway without a log: it serves from what the configuration says. */
function start(routes: unknown[], wanted: Wanted = {}): Promise<RunningGateway> {
  const written = {
    legacy: { url: sides.legacy.origin, timeouts: wanted.legacyTimeouts ?? { connect: '1s', response: '5s' } },
    identity: wanted.identity ?? {},
    capabilities: { shipments: { service: wanted.service ?? sides.service.origin, routes, ...wanted.capability } },
  };
  return sides.start(written, { bridgeUrl: wanted.bridgeUrl, logger: wanted.logger });
}

const servedBy = ({ body }: Answer): string => (JSON.parse(body) as { by: string }).by;
const assignmentOf = ({ headers }: Answer): string | undefined =>
  headers['set-cookie']?.find((cookie) => cookie.startsWith('strangler-assignment='))?.split(';')[0];
const toNew = { split: [{ header: { 'x-side': 'new' } }] };
const asNew = { headers: { 'x-side': 'new' } };
const asBrowser = { headers: { accept: 'text/html' } };

describe('the smallest configuration', () => {
  it('serves everything from legacy and asks the new side afterwards, without log or bridge', async () => {
    sides.service.answer = (...exchange) => sides.legacy.answer(...exchange);
    const { publicUrl } = await start(['GET /shipments/{id}']);
    const answer = await ask(publicUrl, '/shipments/7?x=1');
    expect(servedBy(answer)).toBe('legacy');
    expect(answer.headers['set-cookie']).toBeUndefined();
    await eventually(() => sides.service.received.length === 1);
    expect(sides.service.received[0]).toMatchObject({ method: 'GET', url: '/shipments/7?x=1' });
    await ask(publicUrl, '/elsewhere');
    await ask(publicUrl, '/shipments/7', { method: 'POST', body: 'a=b' });
    expect(sides.legacy.received.map(({ url }) => url)).toEqual(['/shipments/7?x=1', '/elsewhere', '/shipments/7']);
    expect(sides.service.received).toHaveLength(1);
  });
});

describe('a client of a route that legacy serves', () => {
  const troubles: readonly [string, () => Promise<string>][] = [
    ['down', async () => 'http://127.0.0.1:9'],
    ['silent', async () => await raw(() => {})],
    ['answering rubbish', async () => await raw((wire) => wire.send('rubbish\r\n\r\n'))],
    ['closing at once', async () => await raw((wire) => wire.socket.destroy())],
    [
      'flooding',
      async () =>
        await raw((wire) => wire.send(`HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n${'x'.repeat(5_000_000)}`)),
    ],
  ];

  async function raw(serve: Parameters<typeof rawServer>[0]): Promise<string> {
    const server = await rawServer(serve);
    sides.cleanUp(server.stop);
    return server.origin;
  }

  it.each(troubles)('notices nothing of a new side that is %s', async (_, trouble) => {
    const { publicUrl } = await start(['GET /shipments/{id}'], { service: await trouble() });
    const answers = await Promise.all(Array.from({ length: 50 }, (_, id) => ask(publicUrl, `/shipments/${id}`)));
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200));
    expect(new Set(answers.map(servedBy))).toEqual(new Set(['legacy']));
  });

  it('gets byte for byte what legacy says, HTML with two cookies of one name included', async () => {
    sides.legacy.answer = (_request, response) => {
      response.writeHead(200, [
        ['Content-Type', 'text/html; charset=latin1'],
        ['Set-Cookie', 'last_seen=1; Path=/shipments'],
        ['Set-Cookie', 'last_seen=1; Path=/customers'],
      ] as never);
      response.end('<p>J\xfcrgen</p>', 'latin1');
    };
    const { publicUrl } = await start(['GET /shipments/{id}']);
    const { headers, body } = await ask(publicUrl, '/shipments/7');
    expect(headers['set-cookie']).toEqual(['last_seen=1; Path=/shipments', 'last_seen=1; Path=/customers']);
    expect(body).toContain('<p>J');
  });
});

describe('a split', () => {
  it('sends who is named to the new side, and says that the answer is private', async () => {
    const { publicUrl } = await start(['GET /shipments/{id}'], { capability: toNew });
    const [old, fresh] = [await ask(publicUrl, '/shipments/7'), await ask(publicUrl, '/shipments/7', asNew)];
    expect([servedBy(old), servedBy(fresh)]).toEqual(['legacy', 'new']);
    expect([old, fresh].map(({ headers }) => headers['cache-control'])).toEqual(['private', 'private']);
  });

  it('takes public out of what the application says, and leaves no-store alone', async () => {
    const { publicUrl } = await start(['GET /{x}'], { capability: toNew });
    const cacheControl = async (said: string) => {
      sides.legacy.answer = (_request, response) => response.setHeader('cache-control', said).end('{}');
      return (await ask(publicUrl, '/a')).headers['cache-control'];
    };
    expect(await cacheControl('public, max-age=60, s-maxage=600')).toBe('private, max-age=60');
    expect(await cacheControl('no-store, max-age=0')).toBe('no-store, max-age=0');
  });

  it('gives an assignment cookie once, keeps it through log-in, and replaces a forged one', async () => {
    const { publicUrl } = await start(['GET /{x}'], { capability: toNew, identity: { user: [{ cookie: 'user' }] } });
    const first = await ask(publicUrl, '/a', asBrowser);
    const set = first.headers['set-cookie']![0]!;
    expect(set).toMatch(
      /^strangler-assignment=v1\.[\w-]{22}\.\w+\.\.[\w-]{43}; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Lax$/,
    );
    const cookie = assignmentOf(first)!;
    expect(assignmentOf(await ask(publicUrl, '/a', { headers: { cookie } }))).toBeUndefined();
    expect(assignmentOf(await ask(publicUrl, '/a', { headers: { cookie: `user=alice; ${cookie}` } }))).toBeUndefined();
    const forged = cookie.replace(/v1\.(.)/, (_, letter: string) => `v1.${letter === 'A' ? 'B' : 'A'}`);
    expect(assignmentOf(await ask(publicUrl, '/a', { headers: { cookie: forged } }))).toBeDefined();
  });

  it('keeps everybody on their side over a restart', async () => {
    const half = { capability: { split: [{ percent: '50%' }] } };
    const before = await start(['GET /{x}'], half);
    const clients = await Promise.all(Array.from({ length: 40 }, () => ask(before.publicUrl, '/a', asBrowser)));
    const sides = new Set(clients.map(servedBy));
    expect(sides).toEqual(new Set(['legacy', 'new']));
    await before.stop();
    const after = await start(['GET /{x}'], half);
    const again = await Promise.all(
      clients.map((client) => ask(after.publicUrl, '/a', { headers: { cookie: assignmentOf(client)! } })),
    );
    expect(again.map(servedBy)).toEqual(clients.map(servedBy));
  });

  it('gives a user without a cookie the same side each time', async () => {
    const { publicUrl } = await start(['GET /{x}'], {
      capability: { split: [{ percent: '50%' }] },
      identity: { user: [{ cookie: 'user' }] },
    });
    for (const user of ['alice', 'bob', 'carol']) {
      const answers = await Promise.all(
        Array.from({ length: 5 }, () => ask(publicUrl, '/a', { headers: { cookie: `user=${user}` } })),
      );
      expect(new Set(answers.map(servedBy)).size).toBe(1);
    }
  });
});

describe('the new side', () => {
  it('is told the user, signed, and never what a client pretends', async () => {
    const { publicUrl } = await start(['GET /{x}'], { capability: toNew, identity: { user: [{ cookie: 'user' }] } });
    await ask(publicUrl, '/a', {
      headers: {
        'x-side': 'new',
        cookie: 'user=alice',
        'strangler-user': 'v1.cm9vdA.x',
        'strangler-at-least': 'domain/0/9',
      },
    });
    const { headers } = sides.service.received[0]!;
    expect(verifySignedUser(headers['strangler-user'] as string, secret)).toBe('alice');
    expect(headers['strangler-at-least']).toBeUndefined();
    await ask(publicUrl, '/b', { headers: { cookie: 'user=alice' } });
    expect(Object.keys(sides.legacy.received[0]!.headers).filter((name) => name.startsWith('strangler-'))).toEqual([]);
  });

  it('is asked under its own path', async () => {
    const { publicUrl } = await start([{ match: 'GET /shipments/{id}', rewrite: '/v2/{id}', serve: 'new' }]);
    await ask(publicUrl, '/shipments/7?a=b');
    expect(sides.service.received[0]!.url).toBe('/v2/7?a=b');
  });

  const answerWith = (answer: http.RequestListener): void => {
    sides.service.answer = answer;
  };
  const failures: readonly [string, () => Promise<void>][] = [
    ['is down', () => sides.service.stop()],
    ['answers 500', async () => answerWith((_request, response) => response.writeHead(500).end('broken'))],
    ['breaks off before its answer', async () => answerWith((request) => request.socket.destroy())],
  ];

  it.each(failures)('is stood in for by legacy when it %s, for a read', async (_, fail) => {
    const { publicUrl } = await start(['/{x}'], { capability: toNew });
    await fail();
    const answer = await ask(publicUrl, '/a', asNew);
    expect([answer.status, servedBy(answer)]).toEqual([200, 'legacy']);
  });

  it.each(failures)('is not stood in for when it %s, for a write', async (_, fail) => {
    const { publicUrl } = await start(['/{x}'], { capability: toNew });
    await fail();
    const answer = await ask(publicUrl, '/a', { method: 'POST', headers: { 'x-side': 'new' }, body: 'x' });
    expect(answer.status).toBeGreaterThanOrEqual(500);
    expect(sides.legacy.received).toEqual([]);
  });

  it('is stood in for when it hangs, after its own time and not after legacy’s', async () => {
    const silentService = await rawServer(() => {});
    sides.cleanUp(silentService.stop);
    const { publicUrl } = await start(['GET /shipments/{id}'], {
      service: { url: silentService.origin, timeouts: { response: '50ms' } },
      legacyTimeouts: { response: '1h' },
      capability: toNew,
    });
    expect(servedBy(await ask(publicUrl, '/shipments/7', asNew))).toBe('legacy');
  });

  it('is not stood in for where the configuration says none', async () => {
    const { publicUrl } = await start([{ match: 'GET /a', rollout: { steps: ['new'], fallback: 'none' } }]);
    await sides.service.stop();
    const answer = await ask(publicUrl, '/a');
    expect([answer.status, answer.headers['content-type']]).toEqual([503, 'application/problem+json']);
  });
});

describe('reading what one has written', () => {
  let bridge: Side;

  beforeEach(async () => {
    bridge = await startSide('bridge');
    sides.cleanUp(bridge.stop);
    bridge.answer = (_request, response) =>
      response.end(JSON.stringify({ position: 'mariadb:0-1-57', address: 'domain/0/1234' }));
  });

  const writeThenRead = async ({ publicUrl }: RunningGateway, headers: Record<string, string> = {}) => {
    await ask(publicUrl, '/elsewhere', { method: 'POST', body: 'x', headers });
    return ask(publicUrl, '/a', { headers: { 'x-side': 'new', ...headers } });
  };
  const setUp = () =>
    start(['GET /a'], { capability: toNew, bridgeUrl: bridge.origin, identity: { user: [{ cookie: 'user' }] } });

  it.each([
    ['with a user', { cookie: 'user=alice' }],
    ['without cookies', {}],
  ])('asks the new side for an answer from the write on, %s', async (_, headers) => {
    const gateway = await setUp();
    expect(servedBy(await writeThenRead(gateway, headers))).toBe('new');
    expect(sides.service.received[0]!.headers['strangler-at-least']).toBe('domain/0/1234');
    expect(bridge.received[0]!.url).toBe('/head?waitMs=200');
  });

  it('leaves a client alone who has not written', async () => {
    const gateway = await setUp();
    await writeThenRead(gateway, { cookie: 'user=alice' });
    await ask(gateway.publicUrl, '/a', { headers: { 'x-side': 'new', cookie: 'user=bob' } });
    expect(sides.service.received[1]!.headers['strangler-at-least']).toBeUndefined();
  });

  it.each<[string, http.RequestListener]>([
    ['is behind', (_request, response) => response.writeHead(504).end('{}')],
    ['answers rubbish', (_request, response) => response.end('{"address": "elsewhere/0/1"}')],
    ['breaks off', (request) => request.socket.destroy()],
  ])('is served by legacy when the bridge %s', async (_, answer) => {
    const gateway = await setUp();
    bridge.answer = answer;
    expect(servedBy(await writeThenRead(gateway))).toBe('legacy');
    expect(sides.service.received).toEqual([]);
  });

  it('is served by legacy when the new side has not come that far', async () => {
    const gateway = await setUp();
    sides.service.answer = (_request, response) => {
      response.writeHead(409, { 'content-type': 'application/problem+json' }).end('{"code":"not-yet-at-position"}');
    };
    expect(servedBy(await writeThenRead(gateway))).toBe('legacy');
  });
});

describe('bypass', () => {
  it('sends everything to legacy, survives a restart, and ends only when it is told', async () => {
    const pinned = [{ match: '/*', serve: 'new' }];
    const first = await start(pinned);
    expect(servedBy(await ask(first.publicUrl, '/a'))).toBe('new');
    first.bypass.set(true);
    expect(servedBy(await ask(first.publicUrl, '/a'))).toBe('legacy');
    await first.stop();
    const told: unknown[] = [];
    const second = await start(pinned, { logger: { ...silent, warn: (_, message) => told.push(message) } });
    expect(told).toContain('bypass is on: every request goes to legacy');
    expect(servedBy(await ask(second.publicUrl, '/a'))).toBe('legacy');
    second.bypass.set(false);
    expect(servedBy(await ask(second.publicUrl, '/a'))).toBe('new');
  });
});

describe('stopping', () => {
  it('lets a request in flight finish, takes no new one, and closes idle connections', async () => {
    let release: () => void = () => {};
    sides.legacy.answer = (request, response) => {
      if (request.url === '/slow') release = () => response.end('{"by":"legacy"}');
      else response.end('{}');
    };
    const { publicUrl, stop } = await start([]);
    const idle = await connect(Number(new URL(publicUrl).port));
    idle.send('GET /quick HTTP/1.1\r\nHost: a\r\n\r\n');
    await idle.until(/\{\}/);
    const slow = ask(publicUrl, '/slow');
    await eventually(() => sides.legacy.received.some(({ url }) => url === '/slow'));
    const stopped = stop();
    await idle.closed;
    await expect(ask(publicUrl, '/late')).rejects.toThrow('ECONNREFUSED');
    release();
    expect((await slow).status).toBe(200);
    await stopped;
  });

  it('resolves again when asked again', async () => {
    const gateway = await start([]);
    await Promise.all([gateway.stop(), gateway.stop()]);
  });

  it('closes what it had opened when its port is taken', async () => {
    const taken = http.createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const config = configure(
      { legacy: { url: sides.legacy.origin }, listeners: { public: { port }, admin: { port: 0 } } },
      { dataDir: sides.folder },
    );
    const openLog = () => Promise.reject(new Error('away'));
    await expect(startGateway(config, { openLog, logger: silent, metrics: new Metrics() })).rejects.toThrow(
      'EADDRINUSE',
    );
    taken.close();
    await once(taken, 'close');
  });
});
