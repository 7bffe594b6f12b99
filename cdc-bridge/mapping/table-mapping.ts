import { z } from 'zod';

/** How the tables section of a capability is written: which table, which key, which row change is which event. */
const literal = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const comparison = z.enum(['=', '<', '<=', '>', '>=']);
const numeric = z
  .array(z.union([comparison, z.number()]))
  .refine(
    (parts) =>
      parts.length > 0 &&
      parts.length % 2 === 0 &&
      parts.every((part, index) => (index % 2 === 0 ? typeof part === 'string' : typeof part === 'number')),
    'expected comparisons and numbers in turn, such as [">", 0] or [">=", 1, "<", 10]',
  )
  .meta({ description: 'Comparisons that must all hold. The text of a DECIMAL is compared as a number.' });

const alternative = z
  .union([
    literal,
    z.strictObject({ prefix: z.string() }),
    z.strictObject({ 'anything-but': z.array(literal).nonempty() }),
    z.strictObject({ numeric }),
    z.strictObject({ exists: z.boolean() }),
  ])
  .meta({
    description:
      'A literal value, {prefix: text}, {anything-but: [values]}, {numeric: [">", 0]} or {exists: bool}; a column exists when it is there and not NULL.',
  });

const pattern = z.record(z.string(), z.array(alternative).nonempty()).meta({
  description: 'Column → alternatives, as in EventBridge: every column named must match one of its alternatives.',
});

const columnReference = z
  .string()
  .regex(/^((before|after)\.)?[^.\s]+$/, 'expected COLUMN, before.COLUMN or after.COLUMN');

const payload = z
  .union([
    z.literal('*'),
    z.record(z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'expected a hyphenated key'), columnReference),
  ])
  .meta({
    description:
      '"*" is every column that is not excluded, its name hyphenated. Otherwise payload key → column: a bare name is the row after the change (before it, for a delete); before.COLUMN and after.COLUMN say which.',
  });

const eventName = z
  .string()
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'expected lower-case words joined by hyphens, as in "shipment-created"');

const eventRule = z
  .strictObject({
    op: z.enum(['c', 'u', 'd', 'r']).meta({
      description:
        'The row operation, in the letters of Debezium: create, update, delete, or r for a row of the initial snapshot.',
    }),
    before: pattern.optional().meta({ description: 'What the row must have been (u, d).' }),
    after: pattern.optional().meta({ description: 'What the row must be now (r, c, u).' }),
    changed: z
      .array(z.string())
      .nonempty()
      .optional()
      .meta({ description: 'At least one of these columns must have another value than before (u).' }),
    data: payload.optional().meta({ description: 'The payload; empty when left out.' }),
  })
  .superRefine((rule, context) => {
    const refuse = (key: 'before' | 'after' | 'changed') =>
      rule[key] !== undefined &&
      context.addIssue({ code: 'custom', path: [key], message: `op ${rule.op} has no "${key}" to look at` });
    if (rule.op === 'r' || rule.op === 'c') refuse('before');
    if (rule.op === 'd') refuse('after');
    if (rule.op !== 'u') refuse('changed');
  });

const mappedTable = z.strictObject({
  key: z
    .union([z.string(), z.array(z.string()).nonempty()])
    .meta({ description: 'The column, or columns, that name a row: the primary key or a unique one.' }),
  stream: z
    .string()
    .regex(/^[^{}]*(\{[^{}]+\}[^{}]*)+$/, 'expected a name with at least one {column}, such as "shipment-{id}"')
    .meta({ description: 'The stream that a row belongs to; {column} stands for the value of a column.' }),
  columns: z
    .strictObject({
      exclude: z.array(z.string()).default([]).meta({ description: 'Columns that never leave the legacy database.' }),
    })
    .optional(),
  events: z.record(eventName, eventRule).meta({
    description:
      'Event → the row change it is made of. Every rule that matches a change gives one event, in the order of the file: an update of status and price can be both a status event and a details event.',
  }),
});

/** One entry of the tables section. */
export const tableEntry = z
  .union([z.literal('ignore'), mappedTable])
  .meta({ description: '"ignore" leaves a table out on purpose; a table not named here is counted as unmapped.' });

export type Literal = z.infer<typeof literal>;
export type Alternative = z.infer<typeof alternative>;
export type Pattern = z.infer<typeof pattern>;
export type EventRule = z.infer<typeof eventRule>;
export type MappedTable = z.infer<typeof mappedTable>;
export type TablesConfig = Readonly<Record<string, MappedTable | 'ignore'>>;
/** A contradiction inside the tables section, with the place it stands at. */
export interface MappingProblem {
  readonly path: readonly string[];
  readonly message: string;
}

/** Every contradiction that can be told without the database: excluded columns in use, one event name made in two tables twice. */
export function checkTables(tables: TablesConfig): MappingProblem[] {
  return Object.entries(tables).flatMap(([name, table]) => (table === 'ignore' ? [] : excludedInUse(name, table)));
}

function excludedInUse(name: string, table: MappedTable): MappingProblem[] {
  const excluded = new Set(table.columns?.exclude);
  return columnsUsed(table)
    .filter(({ column }) => excluded.has(column))
    .map(({ path, column }) => ({
      path: [name, ...path],
      message: `column ${column} is excluded, so it cannot be used here`,
    }));
}

/** Every column that a table's mapping names, with the place where it does. */
export function columnsUsed(table: MappedTable): { path: string[]; column: string }[] {
  const named = [
    ...keyColumns(table).map((column) => ({ path: ['key'], column })),
    ...[...table.stream.matchAll(/\{([^{}]+)\}/g)].map((match) => ({ path: ['stream'], column: match[1]! })),
  ];
  for (const [event, rule] of Object.entries(table.events)) {
    const at = (key: string, columns: readonly string[]) =>
      named.push(...columns.map((column) => ({ path: ['events', event, key], column })));
    at('before', Object.keys(rule.before ?? {}));
    at('after', Object.keys(rule.after ?? {}));
    at('changed', rule.changed ?? []);
    if (rule.data && rule.data !== '*') {
      at(
        'data',
        Object.values(rule.data).map((reference) => reference.replace(/^(before|after)\./, '')),
      );
    }
  }
  return named;
}

/** The columns that rules for updates look at; undefined when one of them takes every update, or there is none. */
export function watchedColumns(table: MappedTable): ReadonlySet<string> | undefined {
  const updates = Object.values(table.events).filter(({ op }) => op === 'u');
  const watched = updates.map(({ changed = [], before = {}, after = {} }) => [
    ...changed,
    ...Object.keys(before),
    ...Object.keys(after),
  ]);
  return watched.length === 0 || watched.some((columns) => columns.length === 0) ? undefined : new Set(watched.flat());
}

export function keyColumns(table: MappedTable): readonly string[] {
  return typeof table.key === 'string' ? [table.key] : table.key;
}
