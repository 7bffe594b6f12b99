import { z } from 'zod';
import { duration } from '../../runtime/config-values.ts';
import { type ColumnsSection, columnsSection } from './columns-section.ts';
import { changes, eventName, eventRule, mappingModule } from './event-rule.ts';
import { pattern } from './pattern-syntax.ts';
import type { RowOp } from './row-change.ts';

/** How the tables section of a capability is written: which table, which key, which row change is which event. */
const reason = z.string().min(1);

const ignoredRows = z
  .strictObject({
    row: pattern.optional().meta({ description: 'What the row is now, or was when it is gone.' }),
    changed: changes.optional(),
    reason,
  })
  .refine(
    ({ row = {}, changed }) => Object.keys(row).length > 0 || changed !== undefined,
    'expected a column under row or changed, or the reason alone in place of the list',
  );

const group = z
  .strictObject({
    request: duration.meta({
      description:
        'Changes of one request are one act: those of one traceparent; else of one connection, where the binlog tells it, or of one row, with no longer pause than this between them.',
    }),
  })
  .meta({ description: 'What belongs together beyond the transaction; their events carry the same group.' });

const mappedTable = z
  .strictObject({
    key: z
      .union([z.string(), z.array(z.string()).nonempty()])
      .meta({ description: 'The column, or columns, that name a row: the primary key or a unique one.' }),
    stream: z
      .string()
      .regex(/^[^{}]*(\{[^{}]+\}[^{}]*)+$/, 'expected a name with at least one {column}, such as "shipment-{id}"')
      .meta({ description: 'The stream that a row belongs to; {column} stands for the value of a column.' }),
    columns: columnsSection.optional(),
    ignore: z
      .partialRecord(z.enum(['c', 'u', 'd', 'r']), z.union([reason, z.array(ignoredRows).nonempty()]))
      .optional()
      .meta({
        description:
          'What is left out on purpose: operation → the reason, or a list of {row, changed, reason}, which rows or changes and why. One of them that no rule matches is then not counted as unmapped.',
      }),
    group: group.optional(),
    events: z.record(eventName, eventRule).default({}).meta({
      description:
        'Event, or the name of a rule that says under event which one it gives → the row change it is made of. Every rule that matches a change gives one event, in the order of the file: an update of status and price can be both a status event and a details event.',
    }),
    use: mappingModule.optional().meta({
      description:
        'A function, as FILE#NAME with the file relative to this one, that is given every change of the table (c, u, d) and its transaction and returns the events; they come after those of the rules.',
    }),
    sees: z.array(z.string()).nonempty().optional().meta({
      description:
        "Tables whose rows of the same transaction this table's functions are shown too, beside those that are mapped or joined. They are kept like these, so that the change can be mapped again.",
    }),
  })
  .superRefine(({ events, use, ignore = {} }, context) => {
    for (const [op, left] of Object.entries(ignore))
      if (op !== 'u' && typeof left !== 'string' && left.some(({ changed }) => changed !== undefined))
        context.addIssue({ code: 'custom', path: ['ignore', op], message: `op ${op} has no "changed" to look at` });
    if (Object.keys(events).length === 0 && use === undefined)
      context.addIssue({
        code: 'custom',
        path: ['events'],
        message: 'expected at least one event, or a function under use',
      });
  });

const ignoredTable = z.union([
  z.literal('ignore'),
  z.strictObject({ ignore: reason, columns: columnsSection.optional() }),
]);

/** One entry of the tables section. */
export const tableEntry = z.union([ignoredTable, mappedTable]).meta({
  description:
    '"ignore", or {ignore: the reason}, leaves a table out on purpose; a table not named here is counted as unmapped.',
});

export type MappedTable = z.infer<typeof mappedTable>;
export type IgnoredTable = z.infer<typeof ignoredTable>;
export type TableEntry = MappedTable | IgnoredTable;
export type TablesConfig = Readonly<Record<string, TableEntry>>;

/** Whether an entry maps its table, rather than leaving it out on purpose. */
export function isMapped(entry: TableEntry | undefined): entry is MappedTable {
  return entry !== undefined && entry !== 'ignore' && 'key' in entry;
}

/** The tables that give events, in the order of the configuration. */
export function mappedTables(tables: TablesConfig): [name: string, table: MappedTable][] {
  return Object.entries(tables).filter((entry): entry is [string, MappedTable] => isMapped(entry[1]));
}

export function keyColumns(table: MappedTable): readonly string[] {
  return typeof table.key === 'string' ? [table.key] : table.key;
}

/** The columns in the braces of a stream's name. */
export function streamColumns(table: MappedTable): string[] {
  return [...table.stream.matchAll(/\{([^{}]+)\}/g)].map(([, column]) => column!);
}

/** Names of the rules for an operation, as they stand in event ids. */
export function ruleNames(table: MappedTable, op: RowOp): string[] {
  return Object.entries(table.events)
    .filter(([, rule]) => rule.op === op)
    .map(([name, { use }]) => (use === undefined ? name : functionRule(name, 0)));
}

/** How the event at `index` of what a function returned is named in event ids. */
export function functionRule(name: string, index: number): string {
  return `${name}#${index}`;
}

/** The columns section of a table, which an ignored one may have too: a rule may join it. */
export function columnsOf(entry: TableEntry | undefined): ColumnsSection | undefined {
  return entry === undefined || entry === 'ignore' ? undefined : entry.columns;
}

/** The tables whose changes are needed to map a transaction again: those that are mapped, and those that their rules join or functions see. */
export function keptTables(tables: TablesConfig): ReadonlySet<string> {
  const names = mappedTables(tables).flatMap(([name, { events, sees = [] }]) => [
    name,
    ...sees,
    ...Object.values(events).flatMap(({ join = {} }) => Object.values(join).map(({ table }) => table)),
  ]);
  return new Set(names);
}
