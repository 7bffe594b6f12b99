import { createServer, type RequestListener } from 'node:http';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { maxDecodedBytes } from '../../gateway/comparison/body.ts';
import { type CompareRules, compareSchema, noRules } from '../../gateway/comparison/config.ts';
import type { Observation } from '../../gateway/comparison/observation.ts';
import type { DropReason, ShadowResult } from '../../gateway/evidence/shadow-result.ts';
import { Breaker } from '../../gateway/forwarding/upstreams/breaker.ts';
import type { Target } from '../../gateway/routing/stage.ts';
import { type ShadowBudget, type ShadowConfig, shadowSchema } from '../../gateway/shadow/config.ts';
import type { Exchange } from '../../gateway/shadow/exchange.ts';
import { type CapabilityShadow, type ShadowPorts, startShadow } from '../../gateway/shadow/shadow.ts';
import { type Served, serve } from '../../runtime/serve.ts';
import { factsOf } from '../cases/flag-source.cases.ts';
import { configure } from './configure.ts';

const route = 'GET /shipments/{id}';
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function side(listener: RequestListener): Promise<Served> {
  const served = await serve(createServer(listener), { port: 0 });
  cleanups.push(() => served.stop(0));
  return served;
}

/** A server that answers with any bytes, or with none. */
async function rawSide(onSocket: (socket: Socket) => void): Promise<{ url: string }> {
  const sockets = new Set<Socket>();
  const server: Server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}` };
}

const answering = (body: string, headers: Record<string, string> = {}, status = 200): RequestListener => {
  return (_, response) => void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
};

interface Rig {
  readonly shadow: CapabilityShadow;
  readonly results: ShadowResult[];
  readonly drops: DropReason[];
  readonly defects: unknown[];
}

interface Sides {
  readonly legacy?: string;
  readonly fresh?: string;
  readonly atLeast?: ShadowPorts['atLeast'];
  readonly budget?: Partial<ShadowBudget>;
  readonly rules?: CompareRules;
  readonly over?: Partial<ShadowPorts>;
}

const nowhere = 'http://127.0.0.1:1';
const byDefault = (shadowSchema.parse({}) as ShadowConfig).budget;

function start({ legacy = nowhere, fresh = nowhere, atLeast, budget, rules = noRules, over }: Sides): Rig {
  const results: ShadowResult[] = [];
  const drops: DropReason[] = [];
  const defects: unknown[] = [];
  const placeOf = (url: string) => configure({ legacy: { url } }).legacy;
  const at = { legacy: placeOf(legacy), new: placeOf(fresh) };
  const shadow = startShadow({
    capability: 'shipments',
    budget: { ...byDefault, deadlineMs: 500, ...budget },
    upstream: ({ facts, rawHeaders }, to) => ({
      upstream: at[to],
      target: facts.target,
      headers: rawHeaders,
    }),
    atLeast,
    rulesOf: () => rules,
    evidence: { record: (result) => void results.push(result), dropped: (_, reason) => void drops.push(reason) },
    telemetry: { breaker() {}, defect: (_, error) => void defects.push(error) },
    ...over,
  });
  cleanups.push(() => shadow.stop());
  return { shadow, results, drops, defects };
}

function answer(body: string, over: Partial<Extract<Observation, { kind: 'answer' }>> = {}): Observation {
  return {
    kind: 'answer',
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(body),
    oversize: false,
    durationMs: 3,
    ...over,
  };
}

function exchange(
  control: Observation,
  over: { method?: string; primary?: Target; rawHeaders?: string[] } = {},
): Exchange {
  const { method = 'GET', primary = 'legacy', rawHeaders = ['Host', 'shop.example', 'Cookie', 'sid=1'] } = over;
  return {
    facts: { ...factsOf('alice'), method },
    decision: {
      route,
      capability: 'shipments',
      stage: { kind: 'shadow' },
      primary,
      shadow: primary === 'legacy' ? 'new' : 'legacy',
      reasons: [],
    },
    rawHeaders,
    control,
  };
}

async function judged(rig: Rig, one: Exchange): Promise<ShadowResult['comparison']> {
  const before = rig.results.length;
  rig.shadow.offer(one);
  await vi.waitFor(() => expect(rig.results.length).toBe(before + 1), { timeout: 5_000 });
  return rig.results.at(-1)!.comparison;
}

describe('the other side can do what it likes', () => {
  const failing: [string, () => Promise<{ url: string }>, RegExp][] = [
    ['is dead', async () => ({ url: nowhere }), /ECONNREFUSED/],
    ['accepts and says nothing', () => rawSide(() => {}), /no answer within 500 ms/],
    ['answers rubbish', () => rawSide((socket) => void socket.end('\u0000\u0001 rubbish\r\n\r\n')), /HPE_/],
    ['closes at once', () => rawSide((socket) => void socket.destroy()), /ECONNRESET/],
    [
      'breaks off in the middle',
      () =>
        rawSide((socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf'))),
      /broke off after 4 bytes/,
    ],
    [
      'sends its body drop by drop for ever',
      () =>
        rawSide((socket) => {
          socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
          const drip = setInterval(() => socket.write('1\r\nx\r\n'), 20);
          socket.once('close', () => clearInterval(drip));
        }),
      /no answer within 500 ms/,
    ],
    [
      'sends a head without end',
      () => rawSide((socket) => void socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(200_000)}`)),
      /HPE_HEADER_OVERFLOW/,
    ],
  ];

  test.each(failing)('%s: a mismatch, and nothing else happens', async (_, begin, reason) => {
    const { url } = await begin();
    const rig = start({ fresh: url });
    const comparison = await judged(rig, exchange(answer('{}')));
    expect(comparison).toMatchObject({
      kind: 'mismatched',
      differences: [{ kind: 'failure', reason: expect.stringMatching(reason) }],
    });
    expect(rig).toMatchObject({ drops: [], defects: [] });
  });

  test('is longer than the budget: a mismatch, and no more than the budget is held', async () => {
    const fresh = await side((_, response) => {
      const flood = () => {
        while (response.write('x'.repeat(65_536)));
      };
      response.on('drain', flood);
      flood();
    });
    const rig = start({ fresh: fresh.url, budget: { maxBodyBytes: 1_000 } });
    expect(await judged(rig, exchange(answer('{}')))).toMatchObject({
      differences: [
        { kind: 'header' },
        { kind: 'unreadable', reason: expect.stringContaining('longer than 1000 bytes') },
      ],
    });
  });

  test('sends a decompression bomb: a mismatch', async () => {
    const bomb = gzipSync(Buffer.alloc(maxDecodedBytes + 1));
    const fresh = await side((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(bomb);
    });
    const legacy = await side(answering('{}'));
    const rig = start({ legacy: legacy.url, fresh: fresh.url });
    expect(await judged(rig, exchange(answer('{}')))).toMatchObject({
      kind: 'mismatched',
      differences: [{ kind: 'unreadable', path: 'body' }],
    });
  });

  test('redirects: that is its answer, nobody follows', async () => {
    let requests = 0;
    const fresh = await side((_, response) => {
      requests += 1;
      response.writeHead(302, { location: '/elsewhere' }).end();
    });
    const legacy = await side(answering('{}'));
    const rig = start({ legacy: legacy.url, fresh: fresh.url });
    expect(await judged(rig, exchange(answer('{}')))).toMatchObject({
      differences: [{ path: 'status', candidate: 302 }],
    });
    expect(requests).toBe(1);
  });
});

describe('what is asked', () => {
  test('is what the user asked, without conditions, ranges and codings', async () => {
    const seen: { headers: NodeJS.Dict<string | string[]>; url: string | undefined }[] = [];
    const fresh = await side((request, response) => {
      seen.push({ headers: request.headers, url: request.url });
      answering('{}')(request, response);
    });
    const rig = start({ fresh: fresh.url });
    const rawHeaders = [
      ...['Host', 'shop.example', 'Cookie', 'sid=1; user=alice', 'Accept', 'text/html', 'If-None-Match', '"1"'],
      ...[
        'If-Modified-Since',
        'x',
        'Range',
        'bytes=0-1',
        'Accept-Encoding',
        'br',
        'Connection',
        'close',
        'TE',
        'trailers',
      ],
    ];
    expect(await judged(rig, exchange(answer('{}'), { rawHeaders }))).toEqual({ kind: 'equal' });
    expect(seen).toEqual([
      {
        url: '/shipments/7',
        headers: {
          host: 'shop.example',
          cookie: 'sid=1; user=alice',
          accept: 'text/html',
          'accept-encoding': 'identity',
          connection: 'keep-alive',
        },
      },
    ]);
  });

  test('HEAD is asked as HEAD', async () => {
    const methods: (string | undefined)[] = [];
    const fresh = await side((request, response) => {
      methods.push(request.method);
      answering('{"long":1}')(request, response);
    });
    const rig = start({ fresh: fresh.url });
    expect(await judged(rig, exchange(answer(''), { method: 'HEAD' }))).toEqual({ kind: 'equal' });
    expect(methods).toEqual(['HEAD']);
  });

  test('a write is never asked', () => {
    const rig = start({});
    rig.shadow.offer(exchange(answer('{}'), { method: 'POST' }));
    expect(rig.drops).toEqual(['not-a-read']);
  });

  test('one connection serves many questions', async () => {
    let connections = 0;
    const server = createServer(answering('{}')).on('connection', () => {
      connections += 1;
    });
    const fresh = await serve(server, { port: 0 });
    cleanups.push(() => fresh.stop(0));
    const rig = start({ fresh: fresh.url });
    for (let round = 0; round < 5; round += 1) await judged(rig, exchange(answer('{}')));
    expect(connections).toBe(1);
    await rig.shadow.stop();
    await vi.waitUntil(async () => (await promisify(server.getConnections.bind(server))()) === 0);
  });

  test('a kept connection that the side has closed meanwhile is no failure', async () => {
    const fresh = await rawSide((socket) => {
      const head = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}';
      socket.once('data', () => socket.write(head, () => socket.once('data', () => socket.resetAndDestroy())));
    });
    const rig = start({ fresh: fresh.url });
    for (let round = 0; round < 5; round += 1) {
      expect(await judged(rig, exchange(answer('{}')))).toEqual({ kind: 'equal' });
    }
  });

  test('nothing is asked where control cannot be compared', async () => {
    const rig = start({});
    expect(await judged(rig, exchange(answer('', { status: 304 })))).toMatchObject({ reason: 'not-modified' });
    expect(await judged(rig, exchange({ kind: 'failure', reason: 'ECONNRESET', durationMs: 1 }))).toMatchObject({
      reason: 'control-failed',
    });
  });
});

describe('time is not a difference', () => {
  test('the new side is asked from legacy’s head on', async () => {
    const asked: unknown[] = [];
    const fresh = await side((request, response) => {
      asked.push(request.headers['strangler-at-least']);
      answering('{}')(request, response);
    });
    const rig = start({ fresh: fresh.url, atLeast: async () => 'domain/0/12' });
    await judged(rig, exchange(answer('{}')));
    expect(asked).toEqual(['domain/0/12']);
  });

  test.each<[string, ShadowPorts['atLeast']]>([
    ['is behind', async () => undefined],
    ['is away', () => Promise.reject(new Error('ECONNREFUSED'))],
    ['never answers', () => new Promise(() => {})],
  ])('a bridge that %s makes it lag, and the new side is not asked', async (_, atLeast) => {
    const fresh = await side(answering('{"old":true}'));
    const rig = start({ fresh: fresh.url, atLeast });
    expect(await judged(rig, exchange(answer('{}')))).toMatchObject({ kind: 'not-comparable', reason: 'lag' });
  });

  test('a projection that is not there yet is lag', async () => {
    const fresh = await side(
      answering('{"code":"not-yet-at-position"}', { 'content-type': 'application/problem+json' }, 409),
    );
    const rig = start({ fresh: fresh.url, atLeast: async () => 'domain/0/12' });
    expect(await judged(rig, exchange(answer('{}')))).toMatchObject({ reason: 'lag' });
  });

  test('a record that changed between the answers is a race', async () => {
    const legacy = await side(answering('{"status":"delayed"}'));
    const fresh = await side(answering('{"status":"delayed"}'));
    const rig = start({ legacy: legacy.url, fresh: fresh.url });
    expect(await judged(rig, exchange(answer('{"status":"created"}')))).toMatchObject({ reason: 'raced' });
  });

  test('what still differs when control is asked again is a difference, the rest is not', async () => {
    const legacy = await side(answering('{"status":"delayed","views":13}'));
    const fresh = await side(answering('{"status":"delayed"}'));
    const rig = start({ legacy: legacy.url, fresh: fresh.url });
    const comparison = await judged(rig, exchange(answer('{"status":"created","views":12}')));
    expect(comparison).toMatchObject({
      kind: 'mismatched',
      differences: [{ kind: 'missing', path: '/views', control: 12 }],
    });
    expect((comparison as unknown as { differences: unknown[] }).differences).toHaveLength(1);
  });

  test('a route that always differs costs control one more read per place and minute, not one per request', async () => {
    let now = 0;
    let reads = 0;
    const legacy = await side((request, response) => {
      reads += 1;
      answering('{"items":[{"p":1},{"p":1}]}')(request, response);
    });
    const fresh = await side(answering('{"items":[{"p":2},{"p":2}]}'));
    const rig = start({ legacy: legacy.url, fresh: fresh.url, over: { now: () => now } });
    const control = answer('{"items":[{"p":1},{"p":1}]}');
    for (let round = 0; round < 5; round += 1) {
      expect(await judged(rig, exchange(control))).toMatchObject({ kind: 'mismatched' });
    }
    expect(reads).toBe(1);
    now = 60_000;
    await judged(rig, exchange(control));
    expect(reads).toBe(2);
  });

  test('in reverse, legacy is compared with what the new side served', async () => {
    const asked: unknown[] = [];
    const legacy = await side(answering('{"price":"12.50"}'));
    const fresh = await side((request, response) => {
      asked.push(request.headers['strangler-at-least']);
      answering('{"price":12.5}')(request, response);
    });
    const rig = start({ legacy: legacy.url, fresh: fresh.url, atLeast: async () => 'domain/0/9' });
    const control = answer('{"price":12.5}');
    expect(await judged(rig, exchange(control, { primary: 'new' }))).toMatchObject({
      differences: [{ path: '/price', control: 12.5, candidate: '12.50' }],
    });
    expect(asked).toEqual(['domain/0/9']);
    const loose = start({
      legacy: legacy.url,
      rules: compareSchema.parse({ equivalent: { '/price': 'number' } }),
    });
    expect(await judged(loose, exchange(control, { primary: 'new' }))).toMatchObject({ kind: 'matched' });
  });
});

describe('the budget', () => {
  test('of concurrency is kept, and what waited too long is dropped', async () => {
    let running = 0;
    let most = 0;
    const fresh = await side((request, response) => {
      running += 1;
      most = Math.max(most, running);
      response.once('close', () => {
        running -= 1;
      });
      setTimeout(() => answering('{}')(request, response), 10);
    });
    const rig = start({ fresh: fresh.url, budget: { concurrency: 3 } });
    for (let count = 0; count < 30; count += 1) rig.shadow.offer(exchange(answer('{}')));
    await vi.waitFor(() => expect(rig.results.length + rig.drops.length).toBe(30), { timeout: 5_000 });
    expect(most).toBe(3);
    await vi.waitFor(() => expect(rig.shadow.status()).toMatchObject({ running: 0, waiting: 0, heldBytes: 0 }));
  });

  test('of waiting is the deadline', async () => {
    let now = 0;
    const stalled = await rawSide(() => {});
    const rig = start({ fresh: stalled.url, budget: { concurrency: 1, deadlineMs: 100 }, over: { now: () => now } });
    rig.shadow.offer(exchange(answer('{}')));
    rig.shadow.offer(exchange(answer('{}')));
    now = 101;
    await vi.waitFor(() => expect(rig.drops).toEqual(['waited-too-long']), { timeout: 5_000 });
  });

  test('of memory is kept: there is no room, and what is offered all the same is dropped', async () => {
    const stalled = await rawSide(() => {});
    const rig = start({ fresh: stalled.url, budget: { maxBodyBytes: 10_000, maxMemoryBytes: 100_000 } });
    const control = answer('x'.repeat(10_000));
    expect(rig.shadow.hasRoom).toBe(true);
    for (let count = 0; count < 5; count += 1) rig.shadow.offer(exchange(control));
    expect(rig.shadow.hasRoom).toBe(false);
    expect(rig.drops).toEqual(['memory', 'memory', 'memory']);
    expect(rig.shadow.status().heldBytes).toBeLessThanOrEqual(100_000);
  });

  test('whose memory could not hold one exchange is refused as configuration', () => {
    expect(shadowSchema.safeParse({ budget: { body: '1MiB', memory: '2MiB' } }).error!.issues[0]).toMatchObject({
      path: ['budget', 'memory'],
      message: 'expected memory of at least four times body',
    });
  });
});

describe('the breaker', () => {
  test('opens after failures in a row, lets one try after a while, and closes when it is answered', () => {
    let now = 0;
    const states: string[] = [];
    const breaker = new Breaker(
      { failures: 2, openMs: 100 },
      () => now,
      (state) => void states.push(state),
    );
    breaker.failed();
    breaker.succeeded();
    breaker.failed();
    expect(breaker.allow()).toBe(true);
    breaker.failed();
    expect([breaker.allow(), breaker.wouldAllow]).toEqual([false, false]);
    now = 100;
    expect([breaker.allow(), breaker.allow()]).toEqual([true, false]);
    breaker.failed();
    now = 199;
    expect(breaker.allow()).toBe(false);
    now = 200;
    expect(breaker.allow()).toBe(true);
    breaker.succeeded();
    expect(breaker.allow()).toBe(true);
    expect(states).toEqual(['open', 'half-open', 'open', 'half-open', 'closed']);
  });

  test('keeps a dead side from being asked, tells that there is no room, and recovers', async () => {
    let now = 0;
    let alive = false;
    const fresh = await rawSide((socket) => {
      if (!alive) socket.destroy();
      else
        socket.once('data', () =>
          socket.end('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}'),
        );
    });
    const rig = start({ fresh: fresh.url, over: { now: () => now } });
    for (let count = 0; count < 5; count += 1) await judged(rig, exchange(answer('{}')));
    expect(rig.shadow).toMatchObject({ hasRoom: false });
    rig.shadow.offer(exchange(answer('{}')));
    expect(rig.drops).toEqual(['breaker-open']);
    alive = true;
    now = 10_000;
    expect(await judged(rig, exchange(answer('{}')))).toEqual({ kind: 'equal' });
    expect(rig.shadow.status().breaker).toBe('closed');
  });

  test('does not stay half open when the one that tries says nothing of the side', async () => {
    let now = 0;
    let lagging = false;
    const rig = start({ atLeast: async () => (lagging ? undefined : 'domain/0/1'), over: { now: () => now } });
    for (let count = 0; count < 5; count += 1) await judged(rig, exchange(answer('{}')));
    now = 10_000;
    lagging = true;
    expect(await judged(rig, exchange(answer('{}')))).toMatchObject({ reason: 'lag' });
    expect(rig.shadow.status().breaker).toBe('open');
  });
});

describe('nothing reaches the caller', () => {
  test.each<[string, Partial<ShadowPorts>]>([
    ['rules', { rulesOf: () => JSON.parse('{') }],
    ['upstream', { upstream: () => JSON.parse('{') }],
    ['clock', { now: () => JSON.parse('{') }],
  ])('a defect in %s is counted and told to the operator', async (_, over) => {
    const rig = start({ over });
    rig.shadow.offer(exchange(answer('{}')));
    await vi.waitFor(() => expect(rig.drops).toEqual(['defect']));
    expect(rig.defects).toHaveLength(1);
  });

  test('a header that no request may have is a failure of the question, not of the process', async () => {
    const rig = start({ fresh: nowhere });
    const comparison = await judged(rig, exchange(answer('{}'), { rawHeaders: ['x', 'a\nb'] }));
    expect(comparison).toMatchObject({ kind: 'mismatched', differences: [{ kind: 'failure' }] });
  });

  test('stopping drops what waits and what runs, counted, and resolves', async () => {
    const stalled = await rawSide(() => {});
    const rig = start({ fresh: stalled.url, budget: { concurrency: 1, deadlineMs: 60_000 } });
    rig.shadow.offer(exchange(answer('{}')));
    rig.shadow.offer(exchange(answer('{}')));
    await rig.shadow.stop();
    rig.shadow.offer(exchange(answer('{}')));
    expect(rig.drops).toEqual(['stopping', 'stopping', 'stopping']);
    expect(rig.results).toEqual([]);
  });
});
