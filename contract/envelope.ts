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
const data = z.record(z.string(), z.json()) as unknown as z.ZodType<JsonObject>;

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
