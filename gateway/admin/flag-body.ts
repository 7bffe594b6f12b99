import { z } from 'zod';
import { constraintSchema, dependencySchema, strategySchema, variantSchema } from '../flags/feature.ts';

/** Operators that Unleash knows; a constraint with another one would never be met. */
const operators = [
  ...['IN', 'NOT_IN', 'STR_STARTS_WITH', 'STR_ENDS_WITH', 'STR_CONTAINS', 'NUM_EQ', 'NUM_GT', 'NUM_GTE', 'NUM_LT'],
  ...['NUM_LTE', 'DATE_AFTER', 'DATE_BEFORE', 'SEMVER_EQ', 'SEMVER_GT', 'SEMVER_GTE', 'SEMVER_LT', 'SEMVER_LTE'],
  ...['REGEX', 'IN_CIDR'],
] as const;
/** Parameters of Unleash's strategies that are percentages. */
const percentages = ['rollout', 'percentage'];

/** Whether it can name a flag, a segment or a context field: no object inherits anything by that name. */
function isFree(name: string): boolean {
  return !(name in Object.prototype);
}

const fieldName = z.string().min(1).refine(isFree, 'found what every object has, expected a field of the context');

const constraint = constraintSchema.extend({
  contextName: fieldName,
  operator: z.enum(operators, { error: ({ input }) => `found ${quoted(input)}, expected ${operators.join(', ')}` }),
});

/** Parameters as Unleash has them, all of them text. */
const parameters = z.record(z.string(), z.string()).superRefine((given, context) => {
  for (const name of percentages) {
    const text = given[name];
    if (text === undefined || isPercentage(text)) continue;
    const message = `found ${quoted(text)}, expected a percentage of 0 to 100`;
    context.addIssue({ code: 'custom', path: [name], message });
  }
});

const variants = z.array(variantSchema);

/** A strategy of a name that Unleash does not know is kept: it is for SDKs that know it, and off for the gateway. */
const strategy = strategySchema.extend({
  parameters: parameters.default({}),
  constraints: z.array(constraint).default([]),
  variants: variants.optional(),
});

/** What a flag may be set to, besides who does it and why. */
export const flagMembers = {
  enabled: z.boolean(),
  percent: z.number().min(0).max(100).optional(),
  users: z.array(z.string().min(1)).optional(),
  strategies: z.array(strategy).optional(),
  variants: variants.optional(),
  dependencies: z.array(dependencySchema).optional(),
  description: z.string().max(1_000).optional(),
} as const;

/** What a segment may be set to. */
export const segmentMembers = {
  constraints: z.array(constraint).min(1),
  description: z.string().max(1_000).optional(),
} as const;

function isPercentage(text: string): boolean {
  return /^\d{1,3}(\.\d+)?$/.test(text) && Number(text) <= 100;
}

function quoted(value: unknown): string {
  return JSON.stringify(String(value).slice(0, 40));
}
