import { z } from 'zod';

const constraint = z.looseObject({
  contextName: z.string(),
  operator: z.string(),
  values: z.array(z.string()).default([]),
  inverted: z.boolean().default(false),
});
const strategy = z.looseObject({
  name: z.string(),
  parameters: z.record(z.string(), z.string()).default({}),
  constraints: z.array(constraint).default([]),
});

/** A flag in the shape of Unleash's client API; keys this program does not use are kept as they came. */
export const featureSchema = z.looseObject({
  name: z.string().min(1).max(100),
  enabled: z.boolean(),
  /** A flag that is enabled is on for a request when one of these says so; with none, for every request. */
  strategies: z.array(strategy),
});
export type Feature = z.infer<typeof featureSchema>;
export type FeatureStrategy = z.infer<typeof strategy>;

/** What can be said of a flag in one line: whether it is on and for whom. */
export interface FlagSetting {
  readonly enabled: boolean;
  /** For this many percent of the assignment units. */
  readonly percent?: number | undefined;
  /** For these users, beside the percentage. */
  readonly users?: readonly string[] | undefined;
  /** Unleash's own strategies; instead of percent and users. */
  readonly strategies?: readonly FeatureStrategy[] | undefined;
}

/**
 * The feature that a setting means. What the setting leaves out stays as `before` had it, so that switching a flag off and on keeps its
 * percentage. The percentage sticks to the session id, which is the assignment key: it does not change when a user logs in.
 */
export function featureOf(name: string, setting: FlagSetting, before: Feature | undefined): Feature {
  const { enabled, percent, users, strategies } = setting;
  const declared = percent === undefined && users === undefined ? undefined : strategiesOf(name, percent, users);
  return { ...before, name, enabled, strategies: [...(strategies ?? declared ?? before?.strategies ?? [everybody])] };
}

/** A feature's strategies in a few words: `flexibleRollout 25 %, userWithId`. */
export function strategiesText({ strategies }: Pick<Feature, 'strategies'>): string {
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
