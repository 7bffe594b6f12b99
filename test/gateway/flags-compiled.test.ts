import { describe, expect, test } from 'vitest';
import { compareFlags } from '../../fuzz/flags/compare-flags.ts';
import type { Feature } from '../../gateway/flags/feature.ts';
import { FlagUses } from '../../gateway/flags/flag-uses.ts';
import { clientOfMemory } from '../../gateway/flags/unleash-client.ts';
import { factsOf } from '../cases/flag-source.cases.ts';

/** The evaluator over definitions as a server may send them, well-formed or not. */
function evaluatorOf(definitions: object, segments: Record<number, unknown> = {}) {
  const flags = new Map(Object.entries(definitions)) as Map<string, Feature>;
  const complaints: unknown[] = [];
  const uses = new FlagUses();
  const client = clientOfMemory(
    {
      feature: (name) => flags.get(name),
      segment: (id) => segments[id],
      segmentsRevision: () => segments,
    },
    { uses, onComplaint: (complaint) => complaints.push(complaint) },
  );
  const evaluate = (flag: string, user?: string, key?: string) =>
    client.evaluate(flag, factsOf(user, key), { name: 'GET /x', capability: 'shipments' });
  return { evaluate, isOn: (user?: string, key?: string) => evaluate('f', user, key).enabled, flags, complaints, uses };
}

const flag = (...strategies: unknown[]) => ({ f: { name: 'f', enabled: true, strategies } });
const withConstraint = (constraint: unknown) => flag({ name: 'default', parameters: {}, constraints: [constraint] });
const rollout = (parameters: object) => flag({ name: 'flexibleRollout', parameters });

describe('a compiled flag', () => {
  test('says what unleash-client says, for random flags and requests', () => {
    const seen = compareFlags(4_000, 20_260_101);
    expect(seen.compared).toBeGreaterThan(10_000);
    expect(seen.on).toBeGreaterThan(3_000);
    expect(seen.withVariant).toBeGreaterThan(1_500);
    expect(seen.leftToClient).toBeGreaterThan(100);
  });

  test('is compiled anew in the tick in which its definition is another object', () => {
    const { isOn, flags } = evaluatorOf(rollout({ rollout: '0' }));
    expect(isOn()).toBe(false);
    flags.set('f', { ...flags.get('f')!, strategies: [{ name: 'default', parameters: {}, constraints: [] }] });
    expect(isOn()).toBe(true);
  });

  test('names the variant that the request gets, and counts it', () => {
    const variants = [
      { name: 'red', weight: 0, overrides: [{ contextName: 'userId', values: ['alice'] }] },
      { name: 'blue', weight: 1_000 },
    ];
    const { evaluate, uses } = evaluatorOf({ f: { ...flag().f, variants } });
    expect(evaluate('f', 'alice')).toMatchObject({
      enabled: true,
      variant: 'red',
      reason: 'on for everybody, variant red',
    });
    expect(evaluate('f', 'bob')).toMatchObject({ enabled: true, variant: 'blue' });
    expect(uses.of('f')).toMatchObject({ yes: 2, no: 0, variants: { red: 1, blue: 1 } });
  });

  test('gives the same objects again: nothing is made per request', () => {
    const { evaluate } = evaluatorOf(rollout({ rollout: '50', stickiness: 'sessionId' }));
    const one = evaluate('f', undefined, 'key-1');
    expect(evaluate('f', undefined, 'key-1')).toBe(one);
  });
});

describe('a flag that is left to unleash-client', () => {
  test('because chance decides is on for about as many as it says', () => {
    const { isOn, uses } = evaluatorOf(rollout({ rollout: '30', stickiness: 'random' }));
    const on = Array.from({ length: 2_000 }, () => isOn('alice')).filter(Boolean);
    expect(on.length).toBeGreaterThan(400);
    expect(on.length).toBeLessThan(800);
    expect(uses.of('f')).toMatchObject({ yes: on.length, no: 2_000 - on.length });
  });

  test('makes those left to it that depend on it', () => {
    const { evaluate } = evaluatorOf({
      ...flag({ name: 'gradualRolloutRandom', parameters: { percentage: '100' } }),
      child: { name: 'child', enabled: true, strategies: [], dependencies: [{ feature: 'f' }] },
    });
    expect(evaluate('child').enabled).toBe(true);
  });
});

describe('a hostile or malformed flag', () => {
  const names = Object.getOwnPropertyNames(Object.prototype);

  test.each(names)('cannot read %s of what every object inherits', (contextName) => {
    for (const operator of ['STR_CONTAINS', 'REGEX']) {
      const constraint = { contextName, operator, values: ['function', 'object'], value: 'function|object' };
      expect(evaluatorOf(withConstraint(constraint)).isOn(), operator).toBe(false);
    }
    expect(evaluatorOf(rollout({ rollout: '100', stickiness: contextName })).isOn()).toBe(false);
  });

  test.each(names)('cannot depend on %s', (feature) => {
    const { isOn } = evaluatorOf({ f: { ...flag().f, dependencies: [{ feature }, { feature, enabled: false }] } });
    expect(isOn()).toBe(false);
  });

  test.each([
    ['an unknown strategy', flag({ name: 'by-moon', parameters: {} })],
    ['a rollout that is no number', rollout({ rollout: 'half' })],
    ['a rollout below nothing', rollout({ rollout: '-5' })],
    ['a rollout that is missing', rollout({})],
    [
      'an unknown operator',
      withConstraint({ contextName: 'userId', operator: 'LIKES', values: ['42'], inverted: true }),
    ],
    ['a missing segment', flag({ name: 'default', parameters: {}, segments: [7] })],
    [
      'an address list of nonsense',
      flag({ name: 'remoteAddress', parameters: { IPs: '//,1.2.3,999.1.1.1/8,1.2.3.4/99' } }),
    ],
  ])('with %s is off', (_, definition) => {
    const { isOn, complaints } = evaluatorOf(definition);
    expect(isOn('42')).toBe(false);
    expect(complaints).toEqual([]);
  });

  test.each([
    ['strategies that are no list', { f: { name: 'f', enabled: true, strategies: 'default' } }],
    ['a strategy that is null', flag(null)],
    ['a strategy without parameters', flag({ name: 'flexibleRollout' })],
    ['values that are no list', withConstraint({ contextName: 'userId', operator: 'IN', values: 42 })],
    ['values that are no text', withConstraint({ contextName: 'userId', operator: 'IN', values: [{}] })],
    ['constraints that are no list', flag({ name: 'default', parameters: {}, constraints: 7 })],
    ['a field that is no value', withConstraint({ contextName: 'properties', operator: 'IN', values: ['x'] })],
    ['a list of users that is no text', flag({ name: 'userWithId', parameters: { userIds: 42 } })],
    ['variants of null', { f: { ...flag().f, variants: [null] } }],
    ['dependencies of null', { f: { ...flag().f, dependencies: [null] } }],
  ])('with %s is off and complained about, and throws nothing', (_, definition) => {
    const { isOn, complaints } = evaluatorOf(definition);
    expect(isOn('42')).toBe(false);
    expect(complaints).not.toEqual([]);
  });

  test('that holds a hundred thousand users is looked up, not walked through', () => {
    const users = Array.from({ length: 100_000 }, (_, number) => `user-${number}`);
    const { isOn } = evaluatorOf(
      flag(
        { name: 'userWithId', parameters: { userIds: users.join(',') } },
        { name: 'default', parameters: {}, constraints: [{ contextName: 'userId', operator: 'IN', values: users }] },
      ),
    );
    const answers = Array.from({ length: 100_000 }, (_, number) => isOn(`user-${number + 50_000}`));
    expect(answers.filter(Boolean)).toHaveLength(50_000);
  });

  test('does not make what objects inherit larger', () => {
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(names);
  });
});
