import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Feature, featureOf, strategiesText } from '../../gateway/flags/feature.ts';
import type { FlagRoute, FlagSource } from '../../gateway/flags/flag-source.ts';
import type { Flags } from '../../gateway/flags/flag-uses.ts';
import { startFlags } from '../../gateway/flags/flags.ts';
import { startJournal } from '../../gateway/journal/journal.ts';
import { silent } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { factsOf, flagSourceCases } from '../cases/flag-source.cases.ts';
import { requireRealPart } from '../real-parts/real-part.ts';
import { type RunningUnleash, startUnleash } from '../real-parts/unleash.ts';
import { type AdminConstraint, UnleashAdmin } from '../real-parts/unleash-admin.ts';

const users = Array.from({ length: 2_000 }, (_, number) => `user-${number}`);
const shipmentsOnly = { capability: 'shipments' };
const shipments: FlagRoute = { name: 'GET /shipments/{id}', ...shipmentsOnly };
/** Far above what is seen (1 s for a change, 6 s for an absence): a condition that is not met by then is not going to be. */
const soon = { timeout: 25_000, interval: 50 };

describe('flags of a real Unleash server', { timeout: 90_000 }, () => {
  const server = requireRealPart('Unleash', startWithStrategies);
  const admin = () => new UnleashAdmin(server());
  const cleanups: (() => Promise<void> | void)[] = [];

  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  function folder(): string {
    const dataDir = mkdtempSync(join(tmpdir(), 'flags-'));
    cleanups.push(() => rmSync(dataDir, { recursive: true, force: true }));
    return dataDir;
  }

  async function gateway(dataDir = folder(), token = server().clientToken, metrics = new Metrics()): Promise<Flags> {
    const ports = { dataDir, logger: silent, metrics };
    const journal = await startJournal({ ...ports, openLog: undefined });
    const flags = await startFlags({ ...ports, journal, unleash: { url: server().url, token } });
    cleanups.push(
      () => journal.stop(),
      () => flags.stop(),
    );
    return flags;
  }

  it('switches on and off with the server, and forgets a flag that is archived', async () => {
    await admin().createFlag('switch', { name: 'default' });
    const flags = await gateway();
    await vi.waitUntil(() => isKnown(flags, 'switch'), soon);
    expect(flags.status().kind).toBe('fresh');
    expect(flags.evaluate('switch', asking('alice'))).toEqual({ enabled: false, reason: 'switched off' });

    await admin().setOn('switch', true);
    await vi.waitUntil(() => isOn(flags, 'switch'), soon);
    await admin().setOn('switch', false);
    await vi.waitUntil(() => !isOn(flags, 'switch'), soon);
    await admin().setOn('switch', true);
    await vi.waitUntil(() => isOn(flags, 'switch'), soon);
    await admin().archive('switch');
    await vi.waitUntil(() => !isKnown(flags, 'switch'), soon);
    expect(flags.evaluate('switch', asking('alice'))).toEqual({ enabled: false, reason: 'unknown flag' });
  });

  it.each([
    { stickiness: 'default', field: 'userId' },
    { stickiness: 'userId', field: 'userId' },
    { stickiness: 'sessionId', field: 'sessionId' },
  ] as const)('rolls out to the very users that the server itself chooses, by $stickiness', async (sticking) => {
    const flag = `rollout-by-${sticking.stickiness}`;
    const everybody = Array.from({ length: 10_000 }, (_, number) => `user-${number}`);
    await admin().createFlag(flag, rollout(30, sticking.stickiness));
    await admin().setOn(flag, true);
    const chosen = await admin().chosen({ flag, field: sticking.field, values: everybody });
    expect(chosen.length).toBeGreaterThan(2_800);
    expect(chosen.length).toBeLessThan(3_200);

    const flags = await gateway();
    const choosing = () => everybody.filter((user) => flags.evaluate(flag, asking(user), shipments).enabled);
    await vi.waitFor(() => expect(choosing()).toEqual(chosen), soon);
  });

  it('gives the very variants that the server itself gives, of strategies and of flags that others depend on', async () => {
    const half = (name: string) => ({ name, weight: 500, weightType: 'variable', stickiness: 'default' });
    await admin().createFlag('coloured', { ...rollout(60, 'default'), variants: [half('red'), half('blue')] });
    await admin().createFlag('only-red', { name: 'default' });
    await admin().addDependency('only-red', { feature: 'coloured', variants: ['red'] });
    const names = ['coloured', 'only-red'];
    for (const flag of names) await admin().setOn(flag, true);

    const flags = await gateway();
    for (const flag of names) {
      const evaluations = await admin().evaluations({ flag, field: 'userId', values: users });
      const expected = evaluations.map(({ isEnabled, variant }) => [isEnabled, variant.name]);
      expect(new Set(expected.map(String)).size).toBeGreaterThan(1);
      const found = () =>
        users.map((user) => {
          const { enabled, variant = 'disabled' } = flags.evaluate(flag, asking(user), shipments);
          return [enabled, variant];
        });
      await vi.waitFor(() => expect(found()).toEqual(expected), soon);
    }
  });

  it('understands each kind of constraint as the server does', async () => {
    const operators: readonly Omit<AdminConstraint, 'contextName'>[] = [
      { operator: 'IN', values: ['user-3', '42'] },
      { operator: 'NOT_IN', values: ['user-3', '42'] },
      { operator: 'STR_STARTS_WITH', values: ['USER-1'], caseInsensitive: true },
      { operator: 'STR_ENDS_WITH', values: ['7', '.3'], inverted: true },
      { operator: 'STR_CONTAINS', values: ['2'] },
      { operator: 'NUM_GTE', value: '42' },
      { operator: 'NUM_LT', value: '7.5', inverted: true },
      { operator: 'SEMVER_GT', value: '1.2.2' },
      { operator: 'DATE_AFTER', value: '2001-01-01T00:00:00.000Z' },
      { operator: 'DATE_BEFORE', value: '2001-01-01T00:00:00.000Z' },
    ];
    const values = [...users.slice(0, 40), '42', '7', '-3', '1.2.3', '1.2.2', '2.0.0-rc.1', 'ÅSA'];
    const flagOf = (index: number) => `constrained-${index}`;
    for (const [index, operator] of operators.entries()) {
      const contextName = operator.operator.startsWith('DATE') ? 'currentTime' : 'userId';
      const constraints = [{ values: [], ...operator, contextName }];
      await admin().createFlag(flagOf(index), { ...rollout(100, 'default'), constraints });
      await admin().setOn(flagOf(index), true);
    }
    const flags = await gateway();
    for (const [index, { operator }] of operators.entries()) {
      const flag = flagOf(index);
      const chosen = await admin().chosen({ flag, field: 'userId', values });
      const choosing = () => values.filter((user) => flags.evaluate(flag, asking(user), shipments).enabled);
      await vi.waitFor(() => expect(choosing(), operator).toEqual(chosen), soon);
      await admin().remove(flag);
    }
  });

  it('tells the server how often its flags were asked for, those that are compiled too', async () => {
    const flags = await gateway();
    await vi.waitUntil(() => flags.status().kind === 'fresh', soon);
    const chosen = chosenBy(flags, 'counted');
    await flags.stop();
    const told = { yes: chosen.length, no: users.length - chosen.length };
    await vi.waitFor(async () => expect(await admin().usesOf('counted')).toEqual(told), soon);
  });

  it('understands segments, constraints on the capability and several strategies as the server does', async () => {
    const flag = 'narrowed';
    await narrowedFlag(flag);
    const chosenIn = (capability: string) =>
      admin().chosen({ flag, field: 'userId', values: users, properties: { capability } });
    const inShipments = await chosenIn('shipments');
    expect(inShipments.length).toBeGreaterThan(400);
    expect(await chosenIn('customers')).toEqual(users.slice(0, 5));

    const flags = await gateway();
    await untilChoosing(flags, flag, inShipments);
    expect(chosenBy(flags, flag, { name: 'GET /customers', capability: 'customers' })).toEqual(users.slice(0, 5));
  });

  it('keeps answering while the server is dead, over a restart too, and is fresh again by itself when it is back', async () => {
    const flag = 'survivor';
    await narrowedFlag(flag);
    const chosen = await admin().chosen({ flag, field: 'userId', values: users, properties: shipmentsOnly });
    const dataDir = folder();
    const metrics = new Metrics();
    const flags = await gateway(dataDir, server().clientToken, metrics);
    await untilChoosing(flags, flag, chosen);
    expect(await metrics.text()).toContain('strangler_gateway_flags_fresh 1');
    await untilOnDisk(dataDir, flag);

    await kill();
    expect(chosenBy(flags, flag)).toEqual(chosen);
    await untilStanding(flags, 'stale');
    expect(await metrics.text()).toContain('strangler_gateway_flags_fresh 0');
    expect(chosenBy(flags, flag)).toEqual(chosen);
    expect(flags.evaluate(flag, asking('user-3'), shipments).reason).toMatch(/unreachable since .*last good copy/);

    const dataDirAfterCrash = folder();
    cpSync(dataDir, dataDirAfterCrash, { recursive: true });
    const restarted = await gateway(dataDirAfterCrash);
    const standing = restarted.status();
    expect(standing).toMatchObject({ kind: 'stale', detail: expect.stringContaining('last good copy from disk') });
    expect(chosenBy(restarted, flag)).toEqual(chosen);

    const firstStart = await gateway();
    expect(firstStart.status().kind).toBe('empty');
    expect(chosenBy(firstStart, flag)).toEqual([]);
    expect(restarted.status()).toEqual(standing);

    await server().restart();
    const all = [flags, restarted, firstStart];
    await Promise.all(all.map((source) => untilStanding(source, 'fresh')));
    expect(all.map((source) => chosenBy(source, flag))).toEqual([chosen, chosen, chosen]);
    await admin().setOn(flag, false);
    await Promise.all(all.map((source) => untilChoosing(source, flag, [])));
  });

  it('calls the flags stale when the server hangs with its port open, and fresh when it goes on', async () => {
    await admin().createFlag('hanging', { name: 'default' });
    await admin().setOn('hanging', true);
    const flags = await gateway();
    await vi.waitUntil(() => isOn(flags, 'hanging'), soon);

    server().freeze();
    cleanups.push(() => server().thaw());
    await untilStanding(flags, 'stale');
    expect(isOn(flags, 'hanging')).toBe(true);
    server().thaw();
    await untilStanding(flags, 'fresh');
    await admin().setOn('hanging', false);
    await vi.waitUntil(() => !isOn(flags, 'hanging'), soon);
  });

  it('keeps the last good copy when its token is revoked, and never calls it fresh', async () => {
    await admin().createFlag('revoked', { name: 'default' });
    await admin().setOn('revoked', true);
    const token = await admin().createClientToken('to be revoked');
    const flags = await gateway(folder(), token);
    await vi.waitUntil(() => isOn(flags, 'revoked'), soon);

    await admin().revokeToken(token);
    await kill();
    await untilStanding(flags, 'stale');
    // A server remembers a token for a minute after it was revoked; one that was restarted does not.
    await server().restart();
    const refused = await gateway(folder(), token);
    expect(refused.status().kind).toBe('empty');
    expect(isOn(refused, 'revoked')).toBe(false);
    expect(flags.status().kind).toBe('stale');
    expect(isOn(flags, 'revoked')).toBe(true);
  });

  /** The server is there again when the test ends, however that goes. */
  async function kill(): Promise<void> {
    cleanups.push(() => server().restart());
    await server().kill();
  }

  describe('does what every source of flags must', () => {
    flagSourceCases(async () => {
      const source = await gateway();
      const flags = new Map<string, Feature>();
      return {
        source,
        async set(flag, setting) {
          const wanted = featureOf(flag, setting, flags.get(flag));
          if (!flags.has(flag)) await admin().createFlag(flag);
          flags.set(flag, wanted);
          await admin().replaceStrategies(flag, wanted.strategies);
          await admin().setOn(flag, wanted.enabled);
          await vi.waitUntil(() => isApplied(source, wanted), soon);
        },
        async stop() {
          for (const flag of flags.keys()) await admin().remove(flag);
          await vi.waitUntil(() => [...flags.keys()].every((flag) => !isKnown(source, flag)), soon);
        },
      };
    });
  });

  /** For five users by a segment everywhere, for a quarter of all in the capability shipments. */
  async function narrowedFlag(flag: string): Promise<void> {
    const few = { contextName: 'userId', operator: 'IN', values: users.slice(0, 5) };
    const inShipments = { contextName: 'capability', operator: 'IN', values: ['shipments'] };
    const segment = await admin().createSegment(`first users of ${flag}`, few);
    await admin().createFlag(
      flag,
      { name: 'flexibleRollout', parameters: rollout(100, 'default').parameters, segments: [segment] },
      { ...rollout(25, 'default'), constraints: [inShipments] },
    );
    await admin().setOn(flag, true);
  }
});

/** A server as its users may have it: with a strategy of their own, and with one that clients know and that older servers had declared. */
async function startWithStrategies(): Promise<RunningUnleash> {
  const server = await startUnleash();
  const admin = new UnleashAdmin(server);
  await admin.declareStrategy('by-moon');
  await admin.declareStrategy('userWithId', 'userIds');
  // A server drops counts of flags that it did not have ten seconds ago; before the first counts it has not looked yet.
  await admin.createFlag('counted', rollout(30, 'default'));
  await admin.setOn('counted', true);
  return server;
}

/** Whether the source shows this state of a flag: by its reason, which names the strategies. */
function isApplied(source: FlagSource, wanted: Feature): boolean {
  const { reason } = source.evaluate(wanted.name, asking('alice'));
  if (!wanted.enabled) return reason === 'switched off';
  return /^(on|off)\b/.test(reason) && reason.includes(strategiesText(wanted));
}

function rollout(percent: number, stickiness: string) {
  return { name: 'flexibleRollout', parameters: { rollout: String(percent), stickiness, groupId: 'shipments' } };
}

const asking = (user: string) => factsOf(user, user);
const isOn = (flags: FlagSource, flag: string) => flags.evaluate(flag, asking('alice'), shipments).enabled;
const isKnown = (flags: FlagSource, flag: string) => flags.evaluate(flag, asking('alice')).reason !== 'unknown flag';
const chosenBy = (flags: FlagSource, flag: string, route = shipments) =>
  users.filter((user) => flags.evaluate(flag, asking(user), route).enabled);

const untilStanding = (flags: FlagSource, kind: string) => vi.waitUntil(() => flags.status().kind === kind, soon);

/** The server looks at its own flags once a second: what was just made may be missing from its first answers. */
const untilChoosing = (flags: FlagSource, flag: string, chosen: readonly string[]) =>
  vi.waitFor(() => expect(chosenBy(flags, flag)).toEqual(chosen), soon);

/** Until the last good copy in the folder has the flag with both strategies. */
const untilOnDisk = (dataDir: string, flag: string) =>
  vi.waitFor(() => {
    const { features } = JSON.parse(readFileSync(join(dataDir, 'unleash.json'), 'utf8'));
    expect(features).toContainEqual(expect.objectContaining({ name: flag, strategies: [anything, anything] }));
  }, soon);
const anything = expect.anything();
