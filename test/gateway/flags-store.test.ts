import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Express } from 'express';
import request from 'supertest';
import { Unleash } from 'unleash-client';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openLog } from '../../event-log/open.ts';
import { createAdmin, startAdmin } from '../../gateway/admin/admin.ts';
import type { AdminPorts } from '../../gateway/admin/admin-ports.ts';
import { FlagClientApi } from '../../gateway/flags/client-api.ts';
import type { Flags } from '../../gateway/flags/flag-uses.ts';
import { startFlags } from '../../gateway/flags/flags.ts';
import { type Journal, startJournal } from '../../gateway/journal/journal.ts';
import { noWorkers } from '../../gateway/workers/workers.ts';
import { silent } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { factsOf } from '../cases/flag-source.cases.ts';

const token = 'flag-token';
let dir: string;
let journal: Journal;
let flags: Flags;
let ports: AdminPorts;
let clientApi: FlagClientApi;
let app: Express;
const cleanups: (() => Promise<void> | void)[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'flags-'));
  const common = { dataDir: dir, logger: silent, metrics: new Metrics() };
  journal = await startJournal({ ...common, openLog: async () => openLog(`sqlite:${join(dir, 'log.db')}`) });
  flags = await startFlags({ ...common, journal, unleash: undefined });
  ports = {
    ...common,
    token,
    journal,
    flags,
    unleashUrl: undefined,
    flagsInUse: () => ['asked-for'],
    workers: noWorkers,
  } as Partial<AdminPorts> as AdminPorts;
  clientApi = new FlagClientApi(journal);
  app = createAdmin(ports, clientApi);
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  clientApi.stop();
  await flags.stop();
  await journal.stop();
  rmSync(dir, { recursive: true, force: true });
});

const ask = (method: 'get' | 'put' | 'post' | 'delete', path: string, body?: object) =>
  request(app)[method](path).set('authorization', token).send(body);
const put = (name: string, body: object) => ask('put', `/api/flags/${name}`, { create: true, enabled: true, ...body });
const isOn = (flag: string, user: string) =>
  flags.evaluate(flag, factsOf(user), { name: 'GET /x', capability: 'shipments' }).enabled;

const members = { contextName: 'userId', operator: 'IN', values: ['alice', 'bob'] };
const only = (...segments: number[]) => ({ strategies: [{ name: 'default', segments }] });

describe('a whole Unleash feature', () => {
  test('is stored with variants, dependencies and conditions, and told as it was given', async () => {
    await put('parent', {}).expect(200);
    const definition = {
      description: 'the new pages',
      strategies: [
        {
          name: 'flexibleRollout',
          parameters: { rollout: '50', stickiness: 'userId', groupId: 'g' },
          constraints: [
            { contextName: 'capability', operator: 'STR_CONTAINS', values: ['ship'], caseInsensitive: true },
          ],
          variants: [{ name: 'blue', weight: 1_000, stickiness: 'default', payload: { type: 'string', value: 'b' } }],
        },
      ],
      variants: [{ name: 'red', weight: 1_000 }],
      dependencies: [{ feature: 'parent' }],
    };
    await put('whole', definition).expect(200);
    const { body } = await ask('get', '/api/client/features').expect(200);
    const whole = body.features.find(({ name }: { name: string }) => name === 'whole');
    expect(whole).toMatchObject({ name: 'whole', enabled: true, ...definition });
    expect((await ask('get', '/api/flags/whole').expect(200)).body).toMatchObject({
      variants: definition.variants,
      dependencies: definition.dependencies,
    });
  });

  test('keeps what a later setting does not speak of', async () => {
    await put('f', { variants: [{ name: 'red', weight: 1 }], description: 'why' }).expect(200);
    await put('f', { enabled: false }).expect(200);
    expect(journal.state.flags.get('f')).toMatchObject({
      enabled: false,
      description: 'why',
      variants: [{ name: 'red' }],
    });
  });

  test.each([
    ['a rollout that is no percentage', { strategies: [{ name: 'flexibleRollout', parameters: { rollout: '1e2' } }] }],
    ['an unknown operator', { strategies: [{ name: 'default', constraints: [{ ...members, operator: 'LIKES' }] }] }],
    [
      'a field named constructor',
      { strategies: [{ name: 'default', constraints: [{ ...members, contextName: 'constructor' }] }] },
    ],
    ['a weight below nothing', { variants: [{ name: 'red', weight: -1 }] }],
    ['a member that nobody knows', { strategy: [] }],
  ])('with %s is refused, and nothing changes', async (_, body) => {
    expect((await put('f', body).expect(400)).body.code).toBe('invalid-body');
    expect(journal.state.flags.has('f')).toBe(false);
  });

  test('with more than the admin API takes is refused', async () => {
    const users = Array.from({ length: 60_000 }, (_, number) => `user-${number}`);
    expect((await put('f', { users }).expect(413)).body.code).toBe('body-too-large');
  });

  test.each([
    ['a segment that is not there', only(7), 'unknown-segment'],
    ['a flag that is not there', { dependencies: [{ feature: 'nobody' }] }, 'unknown-flag'],
    ['itself', { dependencies: [{ feature: 'f' }] }, 'nested-dependency'],
    ['a flag that depends on others', { dependencies: [{ feature: 'child' }] }, 'nested-dependency'],
  ])('cannot refer to %s', async (_, body, code) => {
    await put('root', {}).expect(200);
    await put('child', { dependencies: [{ feature: 'root' }] }).expect(200);
    expect((await put('f', body)).body.code).toBe(code);
    expect(journal.state.flags.has('f')).toBe(false);
  });

  test('on which others depend cannot depend on others itself', async () => {
    await put('root', {}).expect(200);
    await put('other', {}).expect(200);
    await put('child', { dependencies: [{ feature: 'root' }] }).expect(200);
    const refused = await put('root', { dependencies: [{ feature: 'other' }] }).expect(409);
    expect(refused.body.code).toBe('nested-dependency');
  });
});

describe('a segment', () => {
  const define = (values: string[]) =>
    ask('put', '/api/segments/members', { constraints: [{ ...members, values }] }).expect(200);

  test('narrows the flags that name it, and a change of it counts for the very next request', async () => {
    const { body } = await define(['alice']);
    await put('f', only(body.id)).expect(200);
    expect([isOn('f', 'alice'), isOn('f', 'bob')]).toEqual([true, false]);
    await define(['bob']);
    expect([isOn('f', 'alice'), isOn('f', 'bob')]).toEqual([false, true]);
    expect((await ask('get', '/api/segments').expect(200)).body.segments).toEqual([
      expect.objectContaining({ id: body.id, name: 'members', usedBy: ['f'] }),
    ]);
  });

  test('keeps its id and its constraints over a restart, with the log or without', async () => {
    const { body } = await define(['alice']);
    await journal.stop();
    const again = await startJournal({ dataDir: dir, logger: silent, metrics: new Metrics(), openLog: undefined });
    expect(again.state.segments.get(body.id)).toMatchObject({ name: 'members', constraints: [{ values: ['alice'] }] });
    await again.stop();
  });

  test('cannot be archived while a flag names it', async () => {
    const { body } = await define(['alice']);
    await put('f', only(body.id)).expect(200);
    const refused = await ask('delete', '/api/segments/members', {}).expect(409);
    expect(refused.body).toMatchObject({ code: 'segment-in-use', detail: 'members is named by f' });
    await put('f', { strategies: [] }).expect(200);
    await ask('delete', '/api/segments/members', {}).expect(200);
    expect(journal.state.segments.size).toBe(0);
    expect((await ask('delete', '/api/segments/members', {}).expect(404)).body.code).toBe('unknown-segment');
  });

  test('is written into the strategies for SDKs that know no segments', async () => {
    const { body } = await define(['alice']);
    await put('f', only(body.id)).expect(200);
    const old = await ask('get', '/api/client/features').set('unleash-client-spec', '4.1.0').expect(200);
    expect(old.body.segments).toEqual([]);
    expect(old.body.features[0].strategies).toEqual([
      { name: 'default', parameters: {}, constraints: [expect.objectContaining({ values: ['alice'] })] },
    ]);
    const present = await ask('get', '/api/client/features').set('unleash-client-spec', '5.2.0').expect(200);
    expect(present.body.segments).toEqual([expect.objectContaining({ id: body.id, name: 'members' })]);
    expect(present.body.features[0].strategies[0].segments).toEqual([body.id]);
    expect(present.headers.etag).not.toBe(old.headers.etag);
  });
});

describe('an archived flag', () => {
  test('is unknown, so off, for the very next request, and may be made anew', async () => {
    await put('f', {}).expect(200);
    expect(isOn('f', 'alice')).toBe(true);
    await ask('delete', '/api/flags/f', {}).expect(200, { archived: 'f' });
    expect(flags.evaluate('f', factsOf('alice'))).toEqual({ enabled: false, reason: 'unknown flag' });
    await ask('get', '/api/flags/f').expect(404);
    await put('f', {}).expect(200);
    expect(isOn('f', 'alice')).toBe(true);
  });

  test('is refused while a split asks for it, or another flag', async () => {
    await put('asked-for', {}).expect(200);
    expect((await ask('delete', '/api/flags/asked-for', {}).expect(409)).body.code).toBe('flag-in-use');
    await put('root', {}).expect(200);
    await put('child', { dependencies: [{ feature: 'root' }] }).expect(200);
    const refused = await ask('delete', '/api/flags/root', {}).expect(409);
    expect(refused.body).toMatchObject({ code: 'flag-in-use', detail: 'flag child depends on root' });
    expect((await ask('delete', '/api/flags/roof', {}).expect(404)).body.didYouMean).toBe('root');
  });

  test('still has its history: who, when, why, and to what', async () => {
    await put('f', { percent: 10, by: 'ada', reason: 'try' }).expect(200);
    await put('f', { enabled: false, by: 'bob', reason: 'errors' }).expect(200);
    await ask('delete', '/api/flags/f', { by: 'eve', reason: 'done' }).expect(200);
    const { history } = (await ask('get', '/api/flags/f/history').expect(200)).body;
    expect(history).toMatchObject([
      { by: 'eve', reason: 'done' },
      { by: 'bob', reason: 'errors', feature: { enabled: false } },
      { by: 'ada', reason: 'try', feature: { enabled: true, strategies: [{ parameters: { rollout: '10' } }] } },
    ]);
    expect(history[0]).not.toHaveProperty('feature');
    expect(history.every(({ at }: { at: string }) => new Date(at).toISOString() === at)).toBe(true);
    expect((await ask('get', '/api/flags/nobody/history').expect(404)).body.code).toBe('unknown-flag');
  });

  test('has no history while the log is away', async () => {
    await put('f', {}).expect(200);
    await journal.stop();
    expect((await ask('get', '/api/flags/f/history').expect(503)).body.code).toBe('log-away');
  });
});

describe('the use of a flag', () => {
  const metricsOf = (toggles: object, appName = 'shop') => ({
    appName,
    instanceId: 'shop-1',
    bucket: { start: '2026-01-01T00:00:00Z', stop: '2026-01-01T00:01:00Z', toggles },
  });

  test('is seen where it is asked for: here, and in services that take their flags here', async () => {
    await put('f', {}).expect(200);
    expect((await ask('get', '/api/flags/f')).body).not.toHaveProperty('use');
    isOn('f', 'alice');
    const counts = { yes: 3, no: 4, variants: { red: 3 } };
    await ask('post', '/api/client/metrics', metricsOf({ f: counts })).expect(202);
    expect((await ask('get', '/api/flags/f')).body.use).toEqual({
      yes: 4,
      no: 4,
      variants: { red: 3 },
      lastAt: expect.any(String),
      applications: ['shop', 'strangler-gateway'],
    });
    expect(await ports.metrics.text()).toContain(
      'strangler_gateway_flag_uses_reported_total{flag="f",enabled="false"} 4',
    );
  });

  test('of flags that nobody knows here makes no label, whatever an SDK tells', async () => {
    const toggles = JSON.parse(
      '{"__proto__":{"yes":1,"no":0},"made-up":{"yes":2,"no":0},"constructor":{"yes":4,"no":0}}',
    );
    await ask('post', '/api/client/metrics', metricsOf(toggles)).expect(202);
    const text = await ports.metrics.text();
    expect(text).toMatch(/strangler_gateway_flag_uses_reported_total\{flag="\(other\)",enabled="true"\} [67]/);
    expect(text).not.toContain('made-up');
    expect(flags.uses.of('made-up')).toBeUndefined();
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  test('remembers a bounded number of applications and variants', async () => {
    await put('f', {}).expect(200);
    const variants = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`variant-${index}`, 1]));
    for (let index = 0; index < 60; index += 1) {
      await ask('post', '/api/client/metrics', metricsOf({ f: { yes: 1, variants } }, `app-${index}`)).expect(202);
    }
    const { use } = (await ask('get', '/api/flags/f')).body;
    expect(use.yes).toBe(60);
    expect(use.applications).toHaveLength(50);
    expect(Object.keys(use.variants)).toHaveLength(50);
  });

  test.each([
    ['no bucket', { appName: 'shop' }],
    ['no name', { bucket: { toggles: {} } }],
    ['a count below nothing', metricsOf({ f: { yes: -1, no: 0 } })],
    ['a count that is no number', metricsOf({ f: { yes: '1', no: 0 } })],
    ['toggles that are a list', metricsOf([])],
  ])('is refused with %s', async (_, body) => {
    expect((await ask('post', '/api/client/metrics', body).expect(400)).body.code).toBe('invalid-body');
  });

  test.each([{}, { appName: '' }, { appName: 'shop', strategies: 'default' }])(
    'registration %j is refused',
    async (body) => {
      expect((await ask('post', '/api/client/register', body).expect(400)).body.code).toBe('invalid-body');
    },
  );
});

describe('an Unleash SDK in a service', () => {
  async function sdk(mode: 'polling' | 'streaming'): Promise<Unleash> {
    const served = await startAdmin({ port: 0 }, ports);
    const client = new Unleash({
      appName: 'shop',
      url: `${served.url}/api`,
      customHeaders: { Authorization: token },
      refreshInterval: 100,
      metricsInterval: 60_000,
      backupPath: dir,
      skipInstanceCountWarning: true,
      experimentalMode: mode === 'polling' ? { type: 'polling', format: 'full' } : { type: 'streaming' },
    });
    client.on('error', () => {});
    cleanups.push(async () => {
      client.destroy();
      await served.stop(0);
    });
    await vi.waitFor(() => expect(client.isSynchronized()).toBe(true), { timeout: 5_000 });
    return client;
  }

  test.each(['polling', 'streaming'] as const)('follows segments, variants and removals by %s', async (mode) => {
    const { body } = await ask('put', '/api/segments/members', { constraints: [members] }).expect(200);
    const variants = [{ name: 'red', weight: 1_000 }];
    await put('f', { ...only(body.id), variants }).expect(200);
    const client = await sdk(mode);
    const variantOf = (userId: string) => client.getVariant('f', { userId }).name;
    expect([variantOf('alice'), variantOf('carol')]).toEqual(['red', 'disabled']);

    const carol = { constraints: [{ ...members, values: ['carol'] }] };
    await ask('put', '/api/segments/members', carol).expect(200);
    await vi.waitFor(() => expect([variantOf('alice'), variantOf('carol')]).toEqual(['disabled', 'red']));
    await ask('delete', '/api/flags/f', {}).expect(200);
    await ask('delete', '/api/segments/members', {}).expect(200);
    await vi.waitFor(() => expect(client.getFeatureToggleDefinitions()).toEqual([]));
  });

  test('tells of its use, which is shown', async () => {
    await put('f', {}).expect(200);
    const client = await sdk('polling');
    for (let index = 0; index < 5; index += 1) client.isEnabled('f');
    await client.flushMetrics();
    expect(flags.uses.of('f')).toMatchObject({ yes: 5, no: 0, applications: ['shop'] });
  });
});
