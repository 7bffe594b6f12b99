import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Express } from 'express';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLog } from '../../event-log/open.ts';
import { createAdmin } from '../../gateway/admin/admin.ts';
import type { AdminPorts, RouteView } from '../../gateway/admin/admin-ports.ts';
import { noRules } from '../../gateway/comparison/config.ts';
import { type Evidence, startEvidence } from '../../gateway/evidence/evidence.ts';
import type { ExplainedRequest } from '../../gateway/explain.ts';
import { FlagClientApi } from '../../gateway/flags/client-api.ts';
import { startFlags } from '../../gateway/flags/flags.ts';
import type { IdentityTrouble } from '../../gateway/identity/opened-source.ts';
import { type Journal, startJournal } from '../../gateway/journal/journal.ts';
import { moveRoute } from '../../gateway/journal/move-route.ts';
import type { Stage } from '../../gateway/routing/stage.ts';
import { noWorkers } from '../../gateway/workers/workers.ts';
import { silent } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';

const token = 'a-token';
const steps: Stage[] = [{ kind: 'shadow' }, { kind: 'canary', percent: 25 }, { kind: 'new' }];
const planned = [
  { name: 'GET /shipments', capability: 'shipments', steps },
  { name: 'GET /shipments/{id}', capability: 'shipments', steps },
  { name: 'POST /shipments', capability: 'shipments', steps: [] },
  { name: 'GET /reports/*', capability: 'reports', steps: [] },
];
const decision: ExplainedRequest = {
  route: 'GET /shipments',
  capability: 'shipments',
  stage: { kind: 'shadow' },
  primary: 'legacy',
  shadow: 'new',
  reasons: [{ step: 'match', code: 'match', outcome: 'because' }],
  contenders: [],
  identity: { user: 'alice', because: 'cookie user', unit: 'its assignment cookie' },
};

let dir: string;
let journal: Journal;
let evidence: Evidence;
let ports: AdminPorts;
let draining: boolean;
let app: Express;
let reachable: boolean;
let explained: unknown;
let troubles: IdentityTrouble[];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'admin-'));
  reachable = true;
  troubles = [];
  const metrics = new Metrics();
  const common = { dataDir: dir, logger: silent, metrics };
  journal = await startJournal({ ...common, openLog: async () => openLog(`sqlite:${join(dir, 'log.db')}`) });
  evidence = await startEvidence({ ...common, journal });
  let bypass = false;
  draining = false;
  ports = {
    token,
    journal,
    flags: await startFlags({ ...common, unleash: undefined, journal }),
    unleashUrl: undefined,
    flagsInUse: () => ['new-shipments'],
    evidence,
    targets: () => [
      {
        name: 'shipments',
        origin: 'http://127.0.0.1:9',
        forwarder: 'wire',
        breaker: reachable ? 'closed' : 'open',
        health: 'off',
        requests: 0,
        queued: 0,
      },
    ],
    shadows: () => [
      { capability: 'shipments', running: 0, waiting: 0, heldBytes: 0, breaker: reachable ? 'closed' : 'open' },
    ],
    routes: () =>
      planned.map(
        (route): RouteView => ({
          ...route,
          match: route.name,
          serve: undefined,
          split: ['flag new-shipments → new'],
          stage: route.steps.length === 0 ? undefined : (journal.state.stages.get(route.name) ?? route.steps[0]),
          requests: { legacy: 1, new: 0 },
        }),
      ),
    async explain(described) {
      explained = described;
      return decision;
    },
    identityTroubles: () => troubles,
    reloading: undefined,
    workers: noWorkers,
    bypass: {
      get active() {
        return bypass;
      },
      set(on) {
        bypass = on;
      },
    },
    draining: () => draining,
    metrics,
    logger: silent,
  };
  app = createAdmin(ports, new FlagClientApi(journal));
});

afterEach(async () => {
  await evidence.stop();
  await ports.flags.stop();
  await journal.stop();
  rmSync(dir, { recursive: true, force: true });
});

const get = (path: string) => request(app).get(path).set('authorization', `Bearer ${token}`);
const post = (path: string, body: object = {}) =>
  request(app).post(path).set('authorization', `Bearer ${token}`).send(body);
const put = (path: string, body: object) => request(app).put(path).set('authorization', `Bearer ${token}`).send(body);
const named = (name: string) => `/api/routes/${encodeURIComponent(name)}`;

describe('who may ask', () => {
  test.each([
    '/metrics',
    '/api/status',
    '/api/routes',
    '/api/flags/x',
    '/api/client/features',
    '/api/client/streaming',
    '/nowhere',
  ])('%s needs the token', async (path) => {
    const answer = await request(app).get(path).expect(401);
    expect(answer.body).toMatchObject({
      code: 'token-required',
      detail: expect.stringContaining('expected Authorization'),
    });
    expect(answer.headers['content-type']).toBe('application/problem+json');
    await request(app).get(path).set('authorization', 'Bearer wrong').expect(401);
  });

  test('nobody without a token, even should the configured one be empty', async () => {
    const open = createAdmin({ ...ports, token: '' }, undefined);
    await request(open).get('/api/status').expect(401);
    await request(open).get('/api/status').set('authorization', 'Bearer ').expect(401);
  });

  test('health needs none', async () => {
    expect((await request(app).get('/healthz').expect(200)).body).toEqual({ status: 'ok' });
    expect((await request(app).get('/readyz').expect(200)).body).toEqual({ status: 'ready', degraded: [] });
  });
});

describe('readiness', () => {
  test('stays while log and shadow are away and bypass is on, and tells', async () => {
    reachable = false;
    await post('/api/bypass', { on: true }).expect(200, { on: true });
    await journal.stop();
    troubles = [{ since: '2024-05-01T12:30:00.000Z', detail: 'no keys' }];
    const { degraded } = (await request(app).get('/readyz').expect(200)).body;
    const parts = degraded.map(({ part }: { part: string }) => part);
    expect(parts).toEqual(['bypass', 'log', 'flags', 'identity', 'target shipments', 'shadow shipments']);
  });
});

describe('routes', () => {
  test('are listed as they stand, with where they can go', async () => {
    const { routes } = (await get('/api/routes').expect(200)).body;
    expect(routes[0]).toMatchObject({
      name: 'GET /shipments',
      stage: { kind: 'shadow' },
      next: 'canary 25 %',
      previous: 'legacy',
      shadow: { compared: 0, mismatched: 0 },
    });
    expect((await get(named('GET /reports/*')).expect(200)).body).not.toHaveProperty('stage');
  });

  test('are promoted step by step and rolled back, and the answer comes when it counts', async () => {
    const promoted = await post(`${named('GET /shipments')}/promote`, {
      by: 'anna',
      reason: 'clean for a week',
    }).expect(200);
    expect(promoted.body).toEqual({ moved: [{ route: 'GET /shipments', from: 'shadow', to: 'canary 25 %' }] });
    expect((await get(named('GET /shipments'))).body).toMatchObject({
      stage: { kind: 'canary', percent: 25 },
      lastMove: { by: 'anna', reason: 'clean for a week' },
    });
    const back = await post(`${named('GET /shipments')}/rollback`).expect(200);
    expect(back.body.moved).toEqual([{ route: 'GET /shipments', from: 'canary 25 %', to: 'shadow' }]);
  });

  test('of a capability move together, those without a stage aside', async () => {
    const { moved } = (await post('/api/routes/shipments/promote').expect(200)).body;
    expect(moved.map(({ route }: { route: string }) => route)).toEqual(['GET /shipments', 'GET /shipments/{id}']);
  });

  test('move to a stage by name', async () => {
    await post(`${named('GET /shipments')}/promote`, { to: 'canary 7.5%' }).expect(200);
    expect(journal.state.stages.get('GET /shipments')).toEqual({ kind: 'canary', percent: 7.5 });
  });

  test('at the end of their steps stay there', async () => {
    await post(`${named('GET /shipments')}/promote`, { to: 'new' }).expect(200);
    const answer = await post(`${named('GET /shipments')}/promote`).expect(409);
    expect(answer.body).toMatchObject({ code: 'no-further-step', detail: expect.stringContaining('at new') });
  });

  test('without a stage cannot be moved', async () => {
    expect((await post('/api/routes/reports/promote').expect(409)).body.code).toBe('route-has-no-stage');
  });

  test('that do not exist are answered with what was probably meant', async () => {
    const answer = await post(`${named('GET /shipment')}/promote`).expect(404);
    expect(answer.body).toMatchObject({ code: 'unknown-route', didYouMean: 'GET /shipments' });
    expect((await get('/api/shadow/report?route=nothing-like-it').expect(404)).body).not.toHaveProperty('didYouMean');
  });

  test('moved by somebody else at the same time are a conflict that names them', async () => {
    const racing = moveRoute(journal, {
      route: 'GET /shipments',
      from: { kind: 'shadow' },
      to: { kind: 'new' },
      by: 'bert',
      reason: '',
    });
    const answer = await post(`${named('GET /shipments')}/promote`);
    await racing;
    const outcomes = [answer.status, journal.state.moves.get('GET /shipments')?.by];
    expect([
      [409, 'bert'],
      [200, 'operator'],
    ]).toContainEqual(outcomes);
  });

  test('cannot be moved without the log, and the answer says what helps', async () => {
    await journal.stop();
    const answer = await post(`${named('GET /shipments')}/promote`).expect(503);
    expect(answer.body.code).toBe('log-away');
  });
});

describe('explain', () => {
  test('hands over the request as described', async () => {
    const body = { method: 'get', url: 'http://shop.example:8080/shipments/7?x=%2F', headers: { 'X-Beta': '1' } };
    expect((await post('/api/explain', body).expect(200)).body).toEqual(decision);
    expect(explained).toEqual({
      method: 'GET',
      target: '/shipments/7?x=%2F',
      rawHeaders: ['X-Beta', '1', 'host', 'shop.example:8080'],
    });
  });

  test('refuses what is no request, listing every problem', async () => {
    const answer = await post('/api/explain', { method: 'G T', url: 'shipments', header: {} }).expect(400);
    expect(answer.body.code).toBe('invalid-body');
    expect(answer.body.problems.map(({ path }: { path: string }) => path)).toEqual(['method', 'url', '']);
  });
});

describe('flags', () => {
  test('asked for by a route are listed although nobody set them', async () => {
    expect((await get('/api/flags').expect(200)).body.flags).toEqual([
      {
        name: 'new-shipments',
        enabled: false,
        known: false,
        inUse: true,
        strategies: [],
        variants: [],
        dependencies: [],
      },
    ]);
  });

  test('are set, and switching off and on keeps whom they are for', async () => {
    await put('/api/flags/new-shipments', { enabled: true, percent: 30, users: ['42'] }).expect(200);
    await put('/api/flags/new-shipments', { enabled: false }).expect(200);
    const { body } = await put('/api/flags/new-shipments', { enabled: true }).expect(200);
    expect(body).toMatchObject({ enabled: true, known: true });
    expect(body.strategies).toEqual([
      {
        name: 'flexibleRollout',
        parameters: { rollout: '30', stickiness: 'sessionId', groupId: 'new-shipments' },
        constraints: [],
      },
      { name: 'userWithId', parameters: { userIds: '42' }, constraints: [] },
    ]);
  });

  test('with a name that nobody asks for are refused unless they are meant', async () => {
    const answer = await put('/api/flags/new-shipment', { enabled: true }).expect(404);
    expect(answer.body).toMatchObject({ code: 'unknown-flag', didYouMean: 'new-shipments' });
    await put('/api/flags/dark-mode', { enabled: true, create: true }).expect(200);
    await get('/api/flags/dark-mode').expect(200);
  });

  test.each(['__proto__', 'a b', 'x'.repeat(101)])('cannot be called %j', async (name) => {
    const answer = await put(`/api/flags/${encodeURIComponent(name)}`, { enabled: true, create: true }).expect(400);
    expect(answer.body.code).toBe('invalid-flag-name');
  });

  test.each([
    [{}, 'enabled'],
    [{ enabled: 'on' }, 'enabled'],
    [{ enabled: true, percent: 130 }, 'percent'],
    [{ enabled: true, strategies: [{}] }, 'strategies.0.name'],
  ])('refuse %j', async (body, path) => {
    const answer = await put('/api/flags/new-shipments', body).expect(400);
    expect(answer.body.problems[0].path).toBe(path);
  });

  test('of a real Unleash are changed there', async () => {
    const elsewhere = createAdmin({ ...ports, unleashUrl: 'http://unleash:4242/api' }, undefined);
    const asked = request(elsewhere)
      .put('/api/flags/x')
      .set('authorization', `Bearer ${token}`)
      .send({ enabled: true });
    expect((await asked.expect(409)).body).toMatchObject({
      detail: expect.stringContaining('http://unleash:4242/api'),
    });
  });
});

describe('Unleash’s client API', () => {
  const asSdk = (path: string) => request(app).get(path).set('authorization', token);

  test('tells all flags, and 304 while they are the same', async () => {
    await put('/api/flags/new-shipments', { enabled: true }).expect(200);
    const first = await asSdk('/api/client/features').expect(200);
    expect(first.body).toMatchObject({
      version: 2,
      features: [{ name: 'new-shipments', enabled: true }],
      segments: [],
    });
    const { etag } = first.headers;
    await asSdk('/api/client/features').set('if-none-match', etag!).expect(304);
    await put('/api/flags/new-shipments', { enabled: false }).expect(200);
    await asSdk('/api/client/features').set('if-none-match', etag!).expect(200);
  });

  test('takes what SDKs report of themselves', async () => {
    await post('/api/client/register', { appName: 'x' }).expect(202);
    await post('/api/client/metrics', { appName: 'x', bucket: { toggles: {} } }).expect(202);
  });
});

describe('the shadow report', () => {
  const result = {
    route: 'GET /shipments',
    method: 'GET',
    target: '/shipments',
    controlMs: 10,
    candidateMs: 5,
    rules: noRules,
  };

  test('tells what was compared, and begins anew when told so', async () => {
    evidence.record({ ...result, comparison: { kind: 'equal' } });
    const { routes } = (await get('/api/shadow/report').expect(200)).body;
    expect(routes).toMatchObject([{ route: 'GET /shipments', compared: 1, equal: 1 }]);
    await post('/api/shadow/reset', { route: 'GET /shipments' }).expect(200);
    const after = await get(`/api/shadow/report?route=${encodeURIComponent('GET /shipments')}`).expect(200);
    expect(after.body.routes).toMatchObject([{ compared: 0 }]);
  });
});

describe('bad requests', () => {
  test('malformed JSON is told as such', async () => {
    const asked = request(app).post('/api/bypass').set('authorization', `Bearer ${token}`).send('{"on":');
    expect((await asked.expect(400)).body).toMatchObject({
      code: 'malformed-json',
      detail: expect.stringContaining('JSON'),
    });
  });

  test('an unknown path is told with method', async () => {
    expect((await post('/api/promote').expect(404)).body.detail).toBe('found POST /api/promote');
  });

  test('a path that cannot be decoded is a bad request, not a failure', async () => {
    expect((await get('/api/flags/%E0%A4').expect(400)).body.code).toBe('malformed-request');
  });

  test('a body beyond the limit is refused', async () => {
    expect((await post('/api/bypass', { on: true, by: 'x'.repeat(300_000) }).expect(413)).body.code).toBe(
      'body-too-large',
    );
  });

  test('a bypass that cannot be kept tells that it counts all the same', async () => {
    const full = {
      active: false,
      set(on: boolean) {
        this.active = on;
        throw new Error('ENOSPC: no space left on device, write');
      },
    };
    const answer = await request(createAdmin({ ...ports, bypass: full }, undefined))
      .post('/api/bypass')
      .set('authorization', `Bearer ${token}`)
      .send({ on: true })
      .expect(500);
    expect(answer.body).toMatchObject({
      code: 'bypass-not-kept',
      detail: 'bypass is on for this process; ENOSPC: no space left on device, write',
    });
  });

  test('a failure inside is told without its cause', async () => {
    const broken = createAdmin({ ...ports, routes: () => JSON.parse('{') }, undefined);
    const answer = await request(broken).get('/api/routes').set('authorization', `Bearer ${token}`).expect(500);
    expect(answer.body).toMatchObject({ code: 'admin-failed', detail: 'see the log of the gateway' });
  });
});

test('metrics are in the Prometheus format', async () => {
  const answer = await get('/metrics').expect(200);
  expect(answer.text).toContain('strangler_gateway_journal_following 1');
});

test('the status tells log, flags, stages and shadows together', async () => {
  expect((await get('/api/status').expect(200)).body).toMatchObject({
    bypass: false,
    log: { kind: 'following' },
    flags: { source: 'built in', kind: 'fresh' },
    routes: { shadow: 2, 'no stage': 2 },
    targets: [{ name: 'shipments', breaker: 'closed' }],
    shadows: [{ capability: 'shipments', breaker: 'closed' }],
    degraded: [],
  });
});
