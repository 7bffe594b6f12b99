import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Unleash } from 'unleash-client';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openLog } from '../../event-log/open.ts';
import { startAdmin } from '../../gateway/admin/admin.ts';
import type { AdminPorts } from '../../gateway/admin/admin-ports.ts';
import type { FlagSource } from '../../gateway/flags/flag-source.ts';
import type { Flags } from '../../gateway/flags/flag-uses.ts';
import { startFlags } from '../../gateway/flags/flags.ts';
import { changeFlag } from '../../gateway/journal/change-flag.ts';
import { type Journal, startJournal } from '../../gateway/journal/journal.ts';
import { silent } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';
import type { Served } from '../../runtime/serve.ts';
import { factsOf, flagSourceCases } from '../cases/flag-source.cases.ts';

const token = 'flag-token';
let dir: string;
let journal: Journal;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'flags-'));
  journal = await openJournal('served');
});

afterEach(async () => {
  await journal.stop();
  rmSync(dir, { recursive: true, force: true });
});

const openJournal = (name: string) =>
  startJournal({
    openLog: async () => openLog(`sqlite:${join(dir, `${name}.db`)}`),
    dataDir: join(dir, name),
    logger: silent,
    metrics: new Metrics(),
  });

const set = async (flag: string, setting: Parameters<typeof changeFlag>[1]['setting']) => {
  expect(await changeFlag(journal, { flag, setting, by: 'test', reason: '' })).toEqual({ kind: 'changed' });
};

/** Our admin API, as a server of Unleash's client API for others. */
async function serveFlags(port = 0): Promise<Served & { readonly flags: Flags }> {
  const flags = await builtIn();
  const ports = {
    token,
    journal,
    flags,
    flagsInUse: () => [],
    unleashUrl: undefined,
    metrics: new Metrics(),
    logger: silent,
  } as Partial<AdminPorts> as AdminPorts;
  const served = await startAdmin({ port }, ports);
  return { ...served, flags, stop: (drainMs) => served.stop(drainMs).finally(() => flags.stop()) };
}

const follow = (url: string, name = 'follower'): Promise<FlagSource> =>
  startFlags({
    unleash: { url: `${url}/api`, token },
    journal,
    dataDir: join(dir, name),
    logger: silent,
    metrics: new Metrics(),
  });

const builtIn = (): Promise<Flags> =>
  startFlags({ unleash: undefined, journal, dataDir: dir, logger: silent, metrics: new Metrics() });

describe('built-in flags', () => {
  flagSourceCases(async () => {
    const source = await builtIn();
    return { source, set, stop: () => source.stop() };
  });

  test('count in the tick in which the journal has the change', async () => {
    const source = await builtIn();
    const seen: boolean[] = [];
    const unsubscribe = journal.subscribe(() => seen.push(source.evaluate('f', factsOf('42')).enabled));
    await set('f', { enabled: true });
    await set('f', { enabled: false });
    expect(seen).toEqual([true, false]);
    unsubscribe();
    await source.stop();
  });

  test('count as last known while the log is away, and say so', async () => {
    const source = await builtIn();
    await set('f', { enabled: true });
    await journal.stop();
    const { enabled, reason } = source.evaluate('f', factsOf('42'));
    expect({ enabled, reason }).toEqual({
      enabled: true,
      reason: expect.stringMatching(/the log is away since .*, as last known/),
    });
    expect(source.status().kind).toBe('stale');
    await source.stop();
  });
});

describe('flags of an Unleash server', () => {
  flagSourceCases(async () => {
    const server = await serveFlags();
    const source = await follow(server.url);
    return {
      source,
      async set(flag, setting) {
        await set(flag, setting);
        const wanted = journal.state.flags.get(flag)!;
        await vi.waitFor(() => expect(isApplied(source, flag, wanted.enabled, wanted.strategies)).toBe(true), {
          timeout: 5_000,
        });
      },
      async stop() {
        await source.stop();
        await server.stop(0);
      },
    };
  });

  test('stay as last known while the server is away, over a restart too, and follow again when it is back', async () => {
    const server = await serveFlags();
    await set('f', { enabled: true });
    const source = await follow(server.url);
    expect(source.evaluate('f', factsOf('42')).enabled).toBe(true);
    await server.stop(0);
    await vi.waitFor(() => expect(source.status().kind).toBe('stale'), { timeout: 15_000, interval: 200 });
    expect(source.evaluate('f', factsOf('42'))).toEqual({
      enabled: true,
      reason: expect.stringMatching(/^on: .*Unleash at .* unreachable since .*, last good copy of then/),
    });
    await source.stop();

    const restarted = await follow(server.url);
    expect(restarted.status()).toMatchObject({
      kind: 'stale',
      detail: expect.stringContaining('last good copy from disk'),
    });
    expect(restarted.evaluate('f', factsOf('42')).enabled).toBe(true);

    const back = await serveFlags(server.port);
    await set('f', { enabled: false });
    await vi.waitFor(() => expect(restarted.status().kind).toBe('fresh'), { timeout: 15_000, interval: 200 });
    expect(restarted.evaluate('f', factsOf('42'))).toEqual({ enabled: false, reason: 'switched off' });
    await restarted.stop();
    await back.stop(0);
  }, 60_000);

  test('are told of what they were asked, also of what was asked while the server was away', async () => {
    const server = await serveFlags();
    await set('f', { enabled: true });
    const source = await follow(server.url);
    await server.stop(0);
    for (let count = 0; count < 7; count += 1) source.evaluate('f', factsOf('42'));
    const back = await serveFlags(server.port);
    await vi.waitFor(() => expect(source.status().kind).toBe('fresh'), { timeout: 15_000, interval: 200 });
    for (let count = 0; count < 5; count += 1) source.evaluate('f', factsOf('42'));
    await source.stop();
    expect(back.flags.uses.of('f')).toMatchObject({ yes: 12, no: 0, applications: ['strangler-gateway'] });
    await back.stop(0);
  }, 60_000);

  test('are all off when the server was never reached', async () => {
    const source = await follow('http://127.0.0.1:1', 'never');
    expect(source.status().kind).toBe('empty');
    expect(source.evaluate('f', factsOf('42'))).toEqual({
      enabled: false,
      reason: 'Unleash at http://127.0.0.1:1/api was not reached yet',
    });
    await source.stop();
  });

  test('leave nothing in the system’s folder for temporary files', async () => {
    const server = await serveFlags();
    await set('f', { enabled: true });
    const source = await follow(server.url);
    await vi.waitFor(() => expect(existsSync(join(dir, 'follower', 'unleash.json'))).toBe(true));
    expect(readdirSync(tmpdir()).filter((name) => name.includes('unleash-backup-strangler'))).toEqual([]);
    await source.stop();
    await server.stop(0);
  });
});

describe('any Unleash SDK pointed at the gateway', () => {
  const sdk = (url: string, mode: 'polling' | 'streaming') =>
    new Unleash({
      appName: 'a-service',
      url: `${url}/api`,
      customHeaders: { Authorization: token },
      refreshInterval: 200,
      metricsInterval: 0,
      backupPath: dir,
      skipInstanceCountWarning: true,
      experimentalMode: mode === 'polling' ? { type: 'polling', format: 'full' } : { type: 'streaming' },
    });

  test.each(['polling', 'streaming'] as const)('follows its flags by %s', async (mode) => {
    const server = await serveFlags();
    await set('f', { enabled: true });
    const client = sdk(server.url, mode);
    const complaints: unknown[] = [];
    client.on('error', (error) => complaints.push(error)).on('warn', (text) => complaints.push(text));
    await vi.waitFor(() => expect(client.isSynchronized()).toBe(true), { timeout: 5_000 });
    expect(client.isEnabled('f')).toBe(true);
    await set('f', { enabled: false });
    await vi.waitFor(() => expect(client.isEnabled('f')).toBe(false), { timeout: 5_000 });
    await set('later', { enabled: true });
    await vi.waitFor(() => expect(client.isEnabled('later')).toBe(true), { timeout: 5_000 });
    expect(complaints).toEqual([]);
    client.destroy();
    await server.stop(0);
  });
});

test('the admin API stops at once although somebody listens to its stream of flags', async () => {
  const server = await serveFlags();
  const listening = await fetch(`${server.url}/api/client/streaming`, { headers: { authorization: token } });
  const reader = listening.body!.getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toMatch(/^id: 0\nevent: unleash-connected\ndata: \{/);
  await server.stop(60_000);
  expect(await reader.read()).toMatchObject({ done: true });
});

/** Whether the source shows this state of a flag: by its reason, which names the strategies. */
function isApplied(
  source: FlagSource,
  flag: string,
  enabled: boolean,
  strategies: readonly { name: string; parameters?: Record<string, string> }[],
) {
  const { reason } = source.evaluate(flag, factsOf('nobody-in-particular'));
  if (!enabled) return reason === 'switched off';
  if (strategies.length === 0) return reason === 'on for everybody';
  const names = strategies.map(({ name, parameters }) =>
    name === 'flexibleRollout' ? `${name} ${parameters?.rollout} %` : name,
  );
  return reason.includes(`(${names.join(', ')})`);
}
