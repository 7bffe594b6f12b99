import { z } from 'zod';
import type { Stage } from '../routing/stage.ts';
import { writtenRequest } from '../written-request.ts';
import { AdminError } from './admin-errors.ts';
import { flagMembers, segmentMembers } from './flag-body.ts';

const by = z.string().min(1).max(100).default('operator');
const reason = z.string().max(1_000).default('by hand');

/** A stage as it is written: `legacy`, `shadow`, `canary 25%`, `new`, `retired`. */
export const stage = z.string().transform((text, context): Stage => {
  const canary = /^canary[ :](\d{1,3}(?:\.\d+)?) ?%$/.exec(text);
  if (canary && Number(canary[1]) <= 100) return { kind: 'canary', percent: Number(canary[1]) };
  if (text === 'legacy' || text === 'shadow' || text === 'new' || text === 'retired') return { kind: text };
  const expected = 'legacy, shadow, canary 25%, new or retired';
  context.addIssue({ code: 'custom', message: `found ${JSON.stringify(text.slice(0, 40))}, expected ${expected}` });
  return z.NEVER;
});

/** What each resource takes; unknown members are refused. */
export const bodies = {
  /** `to` names the stage instead of taking the next step of the plan. */
  move: z.strictObject({ to: stage.optional(), by, reason }),
  explain: writtenRequest,
  bypass: z.strictObject({ on: z.boolean(), by }),
  flag: z.strictObject({
    ...flagMembers,
    /** Needed for a flag that neither exists nor is asked for by a route. */
    create: z.boolean().default(false),
    by,
    reason,
  }),
  segment: z.strictObject({ ...segmentMembers, by, reason }),
  archive: z.strictObject({ by, reason }),
  reset: z.strictObject({ route: z.string(), by, reason }),
} as const;

/** A request's body, read. No body counts as `{}`. Throws AdminError `invalid-body` that lists every problem. */
export function readBody<Schema extends z.ZodType>(schema: Schema, { body }: { body?: unknown }): z.infer<Schema> {
  const parsed = schema.safeParse(body ?? {});
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => ({ path: path.map(String).join('.'), message }));
  const detail = problems.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join('; ');
  throw new AdminError('invalid-body', detail, { problems });
}
