import { z } from 'zod';

/** A condition on a field of the context, in the shape of Unleash's client API. */
export const constraintSchema = z.looseObject({
  contextName: z.string(),
  operator: z.string(),
  /** For operators that compare with several values: `IN`, `STR_CONTAINS`. */
  values: z.array(z.string()).default([]),
  /** For operators that compare with one: `NUM_GT`, `DATE_AFTER`, `SEMVER_EQ`. */
  value: z.string().optional(),
  inverted: z.boolean().default(false),
  caseInsensitive: z.boolean().optional(),
});

/** A variant by weight; the flag's definition says what it sticks to. */
export const variantSchema = z.looseObject({
  name: z.string().min(1),
  /** Of the sum of all weights. */
  weight: z.int().nonnegative(),
  stickiness: z.string().optional(),
  payload: z.looseObject({ type: z.string(), value: z.string() }).optional(),
  overrides: z.array(z.looseObject({ contextName: z.string(), values: z.array(z.string()) })).optional(),
});

export const strategySchema = z.looseObject({
  name: z.string().min(1),
  parameters: z.record(z.string(), z.string()).default({}),
  constraints: z.array(constraintSchema).default([]),
  /** Ids of segments, all of which must hold. */
  segments: z.array(z.int()).optional(),
  variants: z.array(variantSchema).optional(),
});

/** What another flag must say for this one to be on. */
export const dependencySchema = z.looseObject({
  feature: z.string().min(1),
  enabled: z.boolean().optional(),
  variants: z.array(z.string()).optional(),
});

/** A flag in the shape of Unleash's client API; keys this program does not use are kept as they came. */
export const featureSchema = z.looseObject({
  name: z.string().min(1).max(100),
  enabled: z.boolean(),
  /** A flag that is enabled is on for a request when one of these says so; with none, for every request. */
  strategies: z.array(strategySchema),
  variants: z.array(variantSchema).optional(),
  dependencies: z.array(dependencySchema).optional(),
});
export type Feature = z.infer<typeof featureSchema>;
export type FeatureStrategy = z.infer<typeof strategySchema>;

/** Constraints under a name that strategies of several flags refer to by id. */
export const segmentDefinitionSchema = z.looseObject({
  name: z.string().min(1).max(100),
  constraints: z.array(constraintSchema),
});
export type SegmentDefinition = z.infer<typeof segmentDefinitionSchema>;

export const segmentSchema = segmentDefinitionSchema.extend({ id: z.int() });
export type Segment = z.infer<typeof segmentSchema>;

/** What can be said of a flag in one line: whether it is on and for whom. */
export interface FlagSetting {
  readonly enabled: boolean;
  /** For this many percent of the assignment units. */
  readonly percent?: number | undefined;
  /** For these users, beside the percentage. */
  readonly users?: readonly string[] | undefined;
  /** Unleash's own strategies; instead of percent and users. */
  readonly strategies?: readonly FeatureStrategy[] | undefined;
  readonly variants?: Feature['variants'];
  readonly dependencies?: Feature['dependencies'];
  readonly description?: string | undefined;
}

/**
 * The feature that a setting means. What the setting leaves out stays as `before` had it, so that switching a flag off and on keeps its
 * percentage. The percentage sticks to the session id, which is the assignment key: it does not change when a user logs in.
 */
export function featureOf(name: string, setting: FlagSetting, before: Feature | undefined): Feature {
  const { enabled, percent, users, strategies, ...rest } = setting;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  const declared = percent === undefined && users === undefined ? undefined : strategiesOf(name, percent, users);
  return {
    ...before,
    ...given,
    name,
    enabled,
    strategies: [...(strategies ?? declared ?? before?.strategies ?? [everybody])],
  };
}

/** A feature's strategies in a few words: `flexibleRollout 25 %, userWithId`. */
export function strategiesText({ strategies }: { strategies: readonly Partial<FeatureStrategy>[] }): string {
  const words = strategies.map(({ name, parameters }) =>
    name === 'flexibleRollout' ? `${name} ${parameters?.rollout} %` : name,
  );
  return words.join(', ');
}

const everybody: FeatureStrategy = { name: 'default', parameters: {}, constraints: [] };

function strategiesOf(name: string, percent: number | undefined, users: readonly string[] | undefined) {
  const rollout = { rollout: String(percent), stickiness: 'sessionId', groupId: name };
  return [
    ...(percent === undefined ? [] : [{ name: 'flexibleRollout', parameters: rollout, constraints: [] }]),
    ...(users === undefined ? [] : [{ name: 'userWithId', parameters: { userIds: users.join(',') }, constraints: [] }]),
  ];
}
