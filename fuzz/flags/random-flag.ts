import { hostname } from 'node:os';
import fc from 'fast-check';

/** A flag in any shape that an Unleash server may send, with the flags and segments that it names. */
export interface RandomFlag {
  readonly feature: Definition;
  readonly parents: readonly Definition[];
  readonly segments: readonly { readonly id: number; readonly constraints: readonly object[] }[];
}

export type Definition = { readonly name: string } & Record<string, unknown>;

/** What a flag is asked with. */
export interface RandomContext {
  readonly user: string | undefined;
  readonly assignmentKey: string;
  readonly clientAddress: string;
  readonly time: Date | undefined;
  readonly route: { readonly name: string; readonly capability: string } | undefined;
}

/** Texts that fields have and that constraints ask for, so that they often meet. */
const texts = [
  'alice',
  'Bob',
  'ÅSA-7',
  'straße',
  '42',
  '7.5',
  '-3',
  '0x10',
  '1e3',
  ' 42 ',
  '1.2.3',
  'v1.2.3',
  '1.2.3-rc.1',
  '2.0.0',
  '10.1.2.3',
  '192.0.2.7',
  '2001:db8::7',
  '::ffff:10.1.2.3',
  'shipments',
  'GET /shipments/{id}',
  'user-😀',
  'a,b',
];
const text = fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...texts) }, { weight: 1, arbitrary: fc.string() });
const someText = text.filter((one) => one !== '');

const fieldNames = ['userId', 'sessionId', 'remoteAddress', 'route', 'capability', 'appName', 'environment', 'tenant'];
const fieldName = fc.constantFrom(...fieldNames);
/** Undefined in one of three. */
const mayLack = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 3 });
const rarely = <T>(value: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });

const address = fc.oneof(
  fc.constantFrom('10.1.2.3', '10.255.0.1', '192.0.2.7', '127.0.0.1', '::1', '2001:db8::7', '::ffff:10.1.2.3', ''),
  fc.ipV4(),
  fc.ipV6(),
);
const block = fc
  .tuple(address, fc.integer({ min: 0, max: 40 }), fc.boolean())
  .map(([base, bits, padded]) => `${base}/${padded ? String(bits).padStart(2, '0') : bits}`);
const addressEntry = fc.oneof(
  address,
  block,
  text,
  fc.constantFrom('10.0.0.0/8', '10.1.2.3/32', '192.0.2.7/33', '0.0.0.0/0', '010.1.2.3', '2001:db8::/32'),
);

const list = (entry: fc.Arbitrary<string>) =>
  fc
    .tuple(fc.array(entry, { maxLength: 5 }), fc.constantFrom(',', ', ', ' ,', ' , '))
    .map(([entries, separator]) => entries.join(separator));

const date = fc.constantFrom(
  '2001-01-01T00:00:00Z',
  '2999-12-31T23:59:59.999Z',
  '1999-01-01',
  'Sat, 01 Jan 2950 00:00:00 GMT',
  'tomorrow',
  '',
);

const constraint = fc.oneof(
  { weight: 4, arbitrary: constraintOf(fc.constantFrom('IN', 'NOT_IN'), { values: fc.array(text, { maxLength: 4 }) }) },
  {
    weight: 4,
    arbitrary: constraintOf(fc.constantFrom('STR_STARTS_WITH', 'STR_ENDS_WITH', 'STR_CONTAINS'), {
      values: fc.array(fc.oneof(text, fc.constantFrom('A', 'a', 'ALI', 'SHIP', 'ship', '', ' ', 'é', 'SS')), {
        maxLength: 3,
      }),
    }),
  },
  {
    weight: 4,
    arbitrary: constraintOf(fc.constantFrom('NUM_EQ', 'NUM_GT', 'NUM_GTE', 'NUM_LT', 'NUM_LTE'), {
      value: mayLack(fc.oneof(fc.constantFrom('42', '7.5', '-3', '1000', '16', '0'), text)),
    }),
  },
  {
    weight: 2,
    arbitrary: constraintOf(fc.constantFrom('DATE_AFTER', 'DATE_BEFORE'), {
      contextName: fc.constantFrom('currentTime', 'userId'),
      value: mayLack(date),
    }),
  },
  {
    weight: 2,
    arbitrary: constraintOf(fc.constantFrom('SEMVER_EQ', 'SEMVER_GT', 'SEMVER_GTE', 'SEMVER_LT', 'SEMVER_LTE'), {
      value: text,
    }),
  },
  {
    weight: 1,
    arbitrary: constraintOf(fc.constant('REGEX'), { value: fc.constantFrom('^a', '[0-9]+', '(', 'LICE$') }),
  },
  { weight: 1, arbitrary: constraintOf(fc.constant('IN_CIDR'), { values: fc.array(addressEntry, { maxLength: 3 }) }) },
  { weight: 1, arbitrary: constraintOf(fc.constantFrom('LIKES', ''), {}) },
);

function constraintOf(operator: fc.Arbitrary<string>, operands: Record<string, fc.Arbitrary<unknown>>) {
  return fc.record(
    {
      contextName: fieldName,
      operator,
      values: fc.constant([]),
      inverted: fc.boolean(),
      caseInsensitive: fc.boolean(),
      ...operands,
    },
    { requiredKeys: ['contextName', 'operator', 'values'] },
  );
}

/** Often enough for a flag, so that what comes after it is looked at too. */
const mostly = fc.integer({ min: 0, max: 9 }).map((number) => number > 0);
const percentage = fc.oneof(
  fc.integer({ min: -1, max: 101 }).map(String),
  fc.constantFrom('0', '50', '100', '33.3', '', 'half', ' 40 ', '1e1', 'Infinity'),
);
const group = fc.option(fc.oneof(text, fc.constant('')), { nil: undefined });
const stickiness = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.constantFrom('default', 'userId', 'sessionId', 'remoteAddress', 'capability', 'tenant', ''),
  },
  { weight: 1, arbitrary: fc.constant('random') },
);
const known = <T extends object>(members: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(members);

const variant = fc.record(
  {
    name: fc.constantFrom('red', 'green', 'blue', 'disabled'),
    weight: fc.constantFrom(0, 1, 333, 500, 1_000),
    stickiness: fc.oneof(
      { weight: 30, arbitrary: fc.constantFrom('default', 'userId', 'sessionId', 'appName') },
      { weight: 1, arbitrary: fc.constantFrom('random', 'capability', 'remoteAddress', 'tenant') },
    ),
    payload: fc.constant({ type: 'string', value: 'x' }),
    overrides: fc.array(fc.record({ contextName: fieldName, values: fc.array(text, { maxLength: 3 }) }), {
      maxLength: 2,
    }),
  },
  { requiredKeys: ['name', 'weight'] },
);
const variants = fc.array(variant, { maxLength: 4 });

const hosts = list(
  fc.constantFrom((process.env.HOSTNAME || hostname()).toUpperCase(), 'elsewhere', 'elsewhere.example'),
);
const kinds: fc.Arbitrary<{ name: string; parameters: Record<string, unknown> }>[] = [
  known({ name: fc.constant('default'), parameters: fc.constant({}) }),
  known({
    name: fc.constant('flexibleRollout'),
    parameters: known({ rollout: percentage, groupId: group, stickiness: fc.option(stickiness, { nil: undefined }) }),
  }),
  known({
    name: fc.constantFrom('gradualRolloutUserId', 'gradualRolloutSessionId'),
    parameters: known({ percentage, groupId: group }),
  }),
  known({ name: fc.constant('userWithId'), parameters: known({ userIds: fc.option(list(text), { nil: undefined }) }) }),
  known({
    name: fc.constant('remoteAddress'),
    parameters: known({ IPs: fc.option(list(addressEntry), { nil: undefined }) }),
  }),
  known({ name: fc.constant('applicationHostname'), parameters: known({ hostNames: hosts }) }),
  known({ name: fc.constantFrom('by-moon', 'constructor', ''), parameters: fc.constant({}) }),
];
const strategyKind = fc.oneof(...kinds.map((arbitrary, index) => ({ weight: index === 1 ? 60 : 20, arbitrary })), {
  weight: 1,
  arbitrary: known({ name: fc.constant('gradualRolloutRandom'), parameters: known({ percentage }) }),
});

const segmentIds = [1, 2, 3];
const strategy = fc
  .tuple(
    strategyKind,
    fc.record(
      {
        constraints: fc.array(constraint, { maxLength: 2 }),
        segments: fc.array(fc.constantFrom(...segmentIds, ...segmentIds, ...segmentIds, 99), { maxLength: 2 }),
        variants,
      },
      { requiredKeys: [] },
    ),
  )
  .map(([kind, conditions]) => ({ ...kind, ...conditions }));

const parentNames = ['parent-1', 'parent-2'];
const dependency = fc.record(
  {
    feature: fc.constantFrom(...parentNames, ...parentNames, ...parentNames, 'missing'),
    enabled: mostly,
    variants: fc.array(fc.constantFrom('red', 'green', 'disabled'), { maxLength: 2 }),
  },
  { requiredKeys: ['feature'] },
);

function definition(name: fc.Arbitrary<string>, dependencies: fc.Arbitrary<object[] | undefined>) {
  return fc.record(
    {
      name,
      enabled: mostly,
      strategies: fc.array(strategy, { maxLength: 3 }),
      variants,
      dependencies,
      impressionData: fc.boolean(),
    },
    { requiredKeys: ['name', 'enabled', 'strategies'] },
  );
}

const flagName = fc.constantFrom('checkout', 'new-shipments');
const segments = fc
  .oneof({ weight: 3, arbitrary: fc.constant(segmentIds) }, fc.subarray(segmentIds))
  .chain((ids) =>
    fc.tuple(
      ...ids.map((id) => fc.record({ id: fc.constant(id), constraints: fc.array(constraint, { maxLength: 2 }) })),
    ),
  );

/** Any flag. */
export const randomFlag: fc.Arbitrary<RandomFlag> = fc.record({
  feature: definition(flagName, fc.option(fc.array(dependency, { maxLength: 2 }), { nil: undefined, freq: 2 })),
  parents: fc.tuple(
    ...parentNames.map((name) => definition(fc.constant(name), rarely(fc.array(dependency, { maxLength: 1 })))),
  ),
  segments,
});

/** Any request. A request always has an assignment key; a user that is nobody has no name. */
export const randomContext: fc.Arbitrary<RandomContext> = fc.record({
  user: fc.option(someText, { nil: undefined }),
  assignmentKey: fc.oneof(someText, fc.uuid()),
  clientAddress: address,
  time: rarely(fc.constantFrom(new Date('2000-06-01T00:00:00Z'), new Date('2999-12-31T23:59:59.999Z'))),
  route: fc.option(fc.record({ name: text, capability: text }), { nil: undefined }),
});
