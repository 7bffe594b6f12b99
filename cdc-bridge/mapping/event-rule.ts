import { z } from 'zod';
import { alternatives, pattern } from './pattern-syntax.ts';

/** How a rule is written: which row change is which event. */
const columnReference = z
  .string()
  .regex(
    /^([A-Za-z_]\w*\.)?((before|after)\.)?[^.\s]+$/,
    'expected COLUMN, before.COLUMN, after.COLUMN or JOIN.COLUMN',
  );

const payload = z
  .union([
    z.literal('*'),
    z.record(z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'expected a hyphenated key'), columnReference),
  ])
  .meta({
    description:
      '"*" is every column that is not excluded, its name hyphenated. Otherwise payload key → column: a bare name is the row after the change (before it, for a delete); before.COLUMN and after.COLUMN say which; JOIN.COLUMN is a joined row.',
  });

const join = z
  .strictObject({
    table: z.string().meta({ description: 'The table whose change is looked for in the same transaction.' }),
    on: z
      .record(z.string(), z.string())
      .refine((columns) => Object.keys(columns).length > 0, 'expected at least one column')
      .meta({
        description: 'Column of the joined table → column of this row with the same value. NULL is equal to nothing.',
      }),
    op: z.enum(['c', 'u', 'd']).optional().meta({ description: 'Only changes of this operation; any when left out.' }),
    before: pattern.optional().meta({ description: 'What the joined row must have been, or the rule does not match.' }),
    after: pattern.optional().meta({ description: 'What the joined row must be now, or the rule does not match.' }),
    missing: z.enum(['park', 'no-match', 'nulls']).default('park').meta({
      description:
        'When the transaction changed no such row: park sets the change aside, no-match leaves the rule out, nulls gives NULL for its columns.',
    }),
  })
  .meta({
    description: 'Another row of the same transaction. When it was changed more than once, the last change counts.',
  });

const transitions = z
  .record(
    z.string(),
    z.strictObject({
      from: alternatives.optional().meta({ description: 'What the column must have been.' }),
      to: alternatives.optional().meta({ description: 'What the column must be now.' }),
    }),
  )
  .refine((columns) => Object.keys(columns).length > 0, 'expected at least one column');

/** Which columns must have another value than before. */
export const changes = z.union([z.array(z.string()).nonempty(), transitions]).meta({
  description:
    'A list: at least one of these columns must have another value than before. A mapping, column → {from, to}: each of them must, and from and to must match (u).',
});

const moduleReference = z
  .string()
  .regex(
    /^\.{1,2}\/[^#]+\.(m?[tj]s)(#[A-Za-z_$][\w$]*)?$/,
    'expected a file beside this one, such as "./shipments.ts#moved"',
  );

/** A function of a module, as `use` names it: the file relative to the one it is written in, then `#` and its name; `default` when left out. */
export const mappingModule = moduleReference.meta({
  description:
    'A function, as FILE#NAME with the file relative to this one: it is given the change and its transaction and returns the events.',
});

export const eventName = z
  .string()
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'expected lower-case words joined by hyphens, as in "shipment-created"');

export const eventRule = z
  .strictObject({
    op: z.enum(['c', 'u', 'd', 'r']).meta({
      description:
        'The row operation, in the letters of Debezium: create, update, delete, or r for a row of the initial snapshot.',
    }),
    before: pattern.optional().meta({ description: 'What the row must have been (u, d).' }),
    after: pattern.optional().meta({ description: 'What the row must be now (r, c, u).' }),
    changed: changes.optional(),
    join: z
      .record(
        z.string().regex(/^(?!(before|after)$)[A-Za-z_]\w*$/, 'expected a name other than before and after'),
        join,
      )
      .optional()
      .meta({ description: 'Name → another row of the same transaction (c, u, d).' }),
    event: eventName.optional().meta({
      description: 'The event, where its name is not the name of the rule: several row changes can be one event.',
    }),
    data: payload.optional().meta({ description: 'The payload; empty when left out.' }),
    use: mappingModule.optional(),
    schema: z
      .int()
      .min(1)
      .default(1)
      .meta({ description: 'The version of the payload: raise it when its shape changes.' }),
  })
  .superRefine((rule, context) => {
    const refuse = (key: 'before' | 'after' | 'changed' | 'join', why = `op ${rule.op} has no "${key}" to look at`) =>
      rule[key] !== undefined && context.addIssue({ code: 'custom', path: [key], message: why });
    if (rule.op === 'r' || rule.op === 'c') refuse('before');
    if (rule.op === 'd') refuse('after');
    if (rule.op !== 'u') refuse('changed');
    if (rule.op === 'r') refuse('join', 'a row of the initial snapshot has no transaction to join in');
    if (rule.use !== undefined && rule.data !== undefined)
      context.addIssue({
        code: 'custom',
        path: ['data'],
        message: 'found data beside use: the function gives the payload',
      });
    for (const [key, reference] of payloadEntries(rule.data))
      if (!isKnown(reference, rule.join))
        context.addIssue({
          code: 'custom',
          path: ['data', key],
          message: `found ${reference}, but join has no ${reference.split('.')[0]}`,
        });
  });

export type EventRule = z.infer<typeof eventRule>;
export type Join = z.infer<typeof join>;
export type Payload = z.infer<typeof payload>;

/** The members of a payload that names its columns. */
export function payloadEntries(data: Payload | undefined): [key: string, reference: string][] {
  return data === undefined || data === '*' ? [] : Object.entries(data);
}

/** Where a payload reads: `page.before.page_title` is `{join: 'page', side: 'before', column: 'page_title'}`. */
export function parseReference(reference: string): { join?: string; side?: 'before' | 'after'; column: string } {
  const parts = reference.split('.');
  const column = parts.pop()!;
  const side = parts.at(-1);
  const [join] = side === 'before' || side === 'after' ? parts.slice(0, -1) : parts;
  return {
    ...(join === undefined ? {} : { join }),
    ...(side === 'before' || side === 'after' ? { side } : {}),
    column,
  };
}

function isKnown(reference: string, joins: Readonly<Record<string, unknown>> | undefined): boolean {
  const { join } = parseReference(reference);
  return join === undefined || Object.hasOwn(joins ?? {}, join);
}
