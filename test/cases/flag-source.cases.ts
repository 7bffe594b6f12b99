import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FlagSetting } from '../../gateway/flags/feature.ts';
import type { FlagSource } from '../../gateway/flags/flag-source.ts';
import type { RequestFacts } from '../../gateway/routing/decision.ts';

/** A source of flags under test, and how somebody changes a flag there. Resolves when the source has the change. */
export interface FlagSourceRig {
  readonly source: FlagSource;
  set(flag: string, setting: FlagSetting): Promise<void>;
  stop(): Promise<void>;
}

/** The facts of a request by this user (or nobody) with this assignment key. */
export function factsOf(user: string | undefined, assignmentKey = 'key'): RequestFacts {
  return {
    method: 'GET',
    host: 'shop.example',
    target: '/shipments/7',
    header: () => undefined,
    cookie: () => undefined,
    clientAddress: '192.0.2.7',
    user,
    assignmentKey,
  };
}

/** What every source of flags must do. */
export function flagSourceCases(start: () => Promise<FlagSourceRig>): void {
  let rig: FlagSourceRig;
  beforeEach(async () => {
    rig = await start();
  });
  afterEach(() => rig?.stop());

  const isOn = (flag: string, user?: string, key?: string) => rig.source.evaluate(flag, factsOf(user, key)).enabled;

  describe('a flag', () => {
    test.each(['never-heard-of', '', '__proto__', 'constructor'])('that is unknown is off: %j', (flag) => {
      expect(isOn(flag)).toBe(false);
    });

    test('that is named like what every object inherits does no harm to other objects', () => {
      isOn('__proto__');
      expect(Object.keys(Object.prototype)).toEqual([]);
    });

    test('that is unknown says so', () => {
      expect(rig.source.evaluate('never-heard-of', factsOf('42'))).toEqual({ enabled: false, reason: 'unknown flag' });
    });

    test('is on for everybody, then off for everybody, with the reason', async () => {
      await rig.set('f', { enabled: true, strategies: [] });
      // An Unleash server gives a flag without strategies one that applies to everybody.
      const reason = expect.stringMatching(/^on( for everybody$|: a strategy applies )/);
      expect(rig.source.evaluate('f', factsOf('42'))).toEqual({ enabled: true, reason });
      await rig.set('f', { enabled: false });
      expect(rig.source.evaluate('f', factsOf('42'))).toEqual({ enabled: false, reason: 'switched off' });
    });

    test('is on for users by name', async () => {
      await rig.set('f', { enabled: true, users: ['42', 'alice'] });
      expect([isOn('f', 'alice'), isOn('f', 'bob'), isOn('f')]).toEqual([true, false, false]);
      expect(rig.source.evaluate('f', factsOf('bob')).reason).toBe('off: no strategy applies (userWithId)');
    });

    test('is on for a percentage that sticks to the assignment key, through login', async () => {
      await rig.set('f', { enabled: true, percent: 30 });
      const keys = Array.from({ length: 2_000 }, (_, index) => `key-${index}`);
      const on = keys.filter((key) => isOn('f', undefined, key));
      expect(on.length / keys.length).toBeCloseTo(0.3, 1);
      expect(keys.filter((key) => isOn('f', 'alice', key))).toEqual(on);
    });

    test('keeps those it was on for when its percentage is raised', async () => {
      const keys = Array.from({ length: 300 }, (_, index) => `key-${index}`);
      await rig.set('f', { enabled: true, percent: 10 });
      const before = keys.filter((key) => isOn('f', undefined, key));
      await rig.set('f', { enabled: true, percent: 40 });
      expect(before.every((key) => isOn('f', undefined, key))).toBe(true);
    });

    test('may look at where the request goes', async () => {
      const constraint = { contextName: 'capability', operator: 'IN', values: ['shipments'], inverted: false };
      await rig.set('f', {
        enabled: true,
        strategies: [{ name: 'default', parameters: {}, constraints: [constraint] }],
      });
      const ask = (capability: string) =>
        rig.source.evaluate('f', factsOf('42'), { name: 'GET /x', capability }).enabled;
      expect([ask('shipments'), ask('billing')]).toEqual([true, false]);
    });

    test('with a strategy that nobody knows is off', async () => {
      await rig.set('f', { enabled: true, strategies: [{ name: 'by-moon', parameters: {}, constraints: [] }] });
      expect(isOn('f', '42')).toBe(false);
    });
  });

  test('the source is in contact', () => {
    expect(rig.source.status()).toMatchObject({ kind: 'fresh', since: expect.any(String), detail: expect.any(String) });
  });
}
