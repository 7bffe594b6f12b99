import { z } from 'zod';
import type { SqlValue } from '../database.ts';
import { shipmentStatuses } from '../shipments.ts';

/** A table that is offered as plain REST: what a body may say about a row. */
export interface Resource {
  readonly table: string;
  readonly creation: z.ZodType<Body>;
  readonly change: z.ZodType<Body>;
  /** The table has a `created_at`, which is the time of the INSERT and cannot be sent. */
  readonly dated: boolean;
}

/** Values by column name. Only names of a resource's schema ever get here, so they may stand in SQL text. */
export type Columns = Record<string, SqlValue>;

const maxUnsigned = 4_294_967_295;
const maxSigned = 2_147_483_647;
const maxTextBytes = 65_535;

const reference = z.int('expected an id').min(1, 'expected an id').max(maxUnsigned, 'expected an id');

function text(maxLength: number) {
  return z
    .string(`expected a text of at most ${maxLength} characters`)
    .refine((value) => [...value].length <= maxLength, `expected a text of at most ${maxLength} characters`);
}

function requiredText(maxLength: number) {
  return text(maxLength).min(1, 'expected a text, found an empty one');
}

const longText = z
  .string('expected a text')
  .refine((value) => Buffer.byteLength(value) <= maxTextBytes, `expected at most ${maxTextBytes} bytes`);

/** MySQL's latin1 is Windows-1252; it would store a question mark for anything else. */
const latin1 = /^[\p{ASCII}\u00a0-\u00ff€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]*$/u;

const money = z
  .union([z.string(), z.number().transform(String)], 'expected an amount such as "12.50"')
  .refine((value) => /^-?\d{1,8}(\.\d{1,2})?$/.test(value), 'expected an amount such as "12.50"');

const date = z
  .string('expected a date such as 2025-12-24, or 0000-00-00')
  .refine(
    (value) => value === '0000-00-00' || isCalendarDate(value),
    'expected a date such as 2025-12-24, or 0000-00-00',
  );

function isCalendarDate(value: string): boolean {
  if (!/^[1-9]\d{3}-\d{2}-\d{2}$/.test(value)) return false;
  const instant = new Date(`${value}T00:00:00Z`);
  return !Number.isNaN(instant.getTime()) && instant.toISOString().startsWith(value);
}

/** A checked body: zod's type of optional columns, though JSON has no `undefined`. */
export type Body = Readonly<Record<string, SqlValue | undefined>>;

type Shape = Readonly<Record<string, z.ZodType<SqlValue>>>;

/** Columns that a row cannot do without are `required`; the others have a default or may be NULL. */
function resource(table: string, dated: boolean, required: Shape, optional: Shape): Resource {
  const columns = z.strictObject({ ...required, ...optional });
  const optionalOnly = Object.fromEntries(Object.keys(optional).map((name) => [name, true as const]));
  return {
    table,
    dated,
    creation: columns.partial(optionalOnly),
    change: columns.partial().refine((changed) => Object.keys(changed).length > 0, 'expected at least one column'),
  };
}

/** The tables that are offered as plain REST. The rest (users, sessions, page views) is not. */
export const resources = {
  shipments: resource(
    'shipments',
    true,
    { sender: requiredText(100), receiver: requiredText(100) },
    {
      customer_id: reference.nullable(),
      receiver_phone: text(40).nullable(),
      shipment_status: z.enum(shipmentStatuses, `expected one of ${shipmentStatuses.join(', ')}`),
      price: money,
      estimated_arrival: date,
      document: text(255).nullable(),
    },
  ),
  customers: resource(
    'customers',
    true,
    { name: requiredText(100).regex(latin1, 'expected only characters that latin1 has') },
    { email: text(100).nullable(), city: text(60).nullable() },
  ),
  packingListItems: resource(
    'packing_list_items',
    false,
    { shipment_id: reference, description: requiredText(200) },
    { quantity: z.int('expected a whole number').min(0).max(maxSigned) },
  ),
  shipmentNotes: resource(
    'shipment_notes',
    true,
    { shipment_id: reference, body: longText },
    { author: text(60).nullable() },
  ),
};
