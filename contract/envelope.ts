import { z } from 'zod';
import type { JsonObject } from './json.ts';

/**
 * The envelopes that the parts and their users exchange.
 * Commands and queries are `{id, action, data}` with `action` in the present (`create-shipment`);
 * events are `{id, parent, action, data}` with `action` in the past (`shipment-created`).
 */
const action = z
  .string()
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'expected lower-case words joined by hyphens, as in "create-shipment"');
const data = z
  .unknown()
  .superRefine((value, context) => refuseTraps(value, context, []))
  .pipe(z.record(z.string(), z.json())) as unknown as z.ZodType<JsonObject>;
const maxDepth = 100;

export const commandSchema = z.strictObject({ id: z.uuid(), action, data });
export const querySchema = z.strictObject({ id: z.uuid(), action, data });

/** A wish to change something; its id makes it idempotent: the same id twice has one effect. */
export type Command = z.infer<typeof commandSchema>;
/** A question that changes nothing. */
export type Query = z.infer<typeof querySchema>;

/** A thing that happened. `parent` is the id of the command, or of the legacy transaction (`mariadb:0-1-57`). */
export interface DomainEvent {
  readonly id: string;
  readonly parent: string;
  readonly action: string;
  readonly data: JsonObject;
}

/** Refuses, with its path, what the schema's own walk would drop in silence (`__proto__`) or overflow the stack with (endless nesting). */
function refuseTraps(value: unknown, context: z.RefinementCtx, path: readonly string[]): void {
  if (typeof value !== 'object' || value === null) return;
  const refuse = (at: readonly string[], message: string) =>
    context.addIssue({ code: 'custom', path: [...at], message });
  if (path.length > maxDepth) {
    refuse(path, `found deeper nesting, expected at most ${maxDepth} levels`);
    return;
  }
  for (const [key, member] of Object.entries(value)) {
    if (key === '__proto__') refuse([...path, key], 'found the key "__proto__", expected any other');
    else refuseTraps(member, context, [...path, key]);
  }
}
