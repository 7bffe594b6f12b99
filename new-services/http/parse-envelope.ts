import type { z } from 'zod';
import { ServicesError } from '../errors.ts';
import { issuesOf } from '../issues.ts';

/** The value in the agreed shape. Throws `malformed-envelope`, with the place of every problem as JSON Pointer. */
export function parseEnvelope<Shape>(schema: z.ZodType<Shape>, value: unknown): Shape {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = issuesOf(parsed.error);
  const [first] = problems;
  throw new ServicesError('malformed-envelope', `${first?.path || 'the whole'}: ${first?.message}`, {
    facts: { problems },
  });
}

/** Throws `unknown-action` unless the action is one of these. */
export function refuseUnknownAction(action: string, known: readonly string[]): void {
  if (known.includes(action)) return;
  throw new ServicesError('unknown-action', `/action: found "${action}", expected one of ${known.join(', ')}`);
}
