import type { LegacyColumn, LegacySchema, LegacyTable } from './legacy-schema.ts';
import { type CoChanges, type SuggestedAggregate, suggestAggregates } from './suggested-aggregates.ts';
import { commonPrefix, eventWords, hyphenated, singular } from './suggestion-words.ts';

/** A table entry as it would be written, and why. */
export interface SuggestedTable {
  readonly name: string;
  readonly because: string | undefined;
  readonly entry: Readonly<Record<string, unknown>>;
}

/** A capability as it would be written. */
export interface SuggestedCapability {
  readonly name: string;
  readonly tables: readonly SuggestedTable[];
}

/** Tables that hold no business: of the application's own machinery. */
const machinery =
  /(^|_)(sessions?|cache|caches|migrations?|jobs?|queues?|logs?|views|counters?|locks?|transients?|tokens?)$/i;
/** Columns that nobody else should have. */
const secrets = /passw|secret|token|salt|hash$/i;
/** Columns that a database or a framework keeps by itself. */
const clocks = /^(updated|modified|changed|last_changed)(_?(at|on|date|time))?$|_touched$/i;
const clockTypes = /^(timestamp|datetime|int|bigint|varbinary|binary)$/;
const states = /(^|_)(status|state|stage|phase)$|(Status|State|Stage|Phase)$/;
const bytes = /^(varbinary|binary)$/;
const unfitForKey =
  /^(.*blob|.*text|.*binary|bit|float|double|json|geometry|point|linestring|polygon|multi\w+|geo\w+)$/;
const unreferable = /[.\s{}]/;

/**
 * Proposes capabilities, aggregates and first rules for tables that nothing maps: a stream for each row of a head table, in which the rows of its
 * parts have their events too; one event for each value of a column that looks like a status; machinery, secrets and clocks left out.
 */
export function suggestMapping(schema: LegacySchema, coChanges: CoChanges): SuggestedCapability[] {
  const prefix = commonPrefix(schema.map(({ name }) => name));
  const business = schema.filter((table) => reasonAgainst(table) === undefined);
  const capabilities = suggestAggregates(business, prefix, coChanges).map((aggregate) =>
    capabilityOf(aggregate, prefix),
  );
  const left = schema.flatMap((table): SuggestedTable[] => {
    const reason = reasonAgainst(table);
    return reason === undefined ? [] : [{ name: table.name, because: undefined, entry: { ignore: reason } }];
  });
  return left.length === 0 ? capabilities : [...capabilities, { name: 'left-out', tables: left }];
}

function reasonAgainst({ name, key, columns }: LegacyTable): string | undefined {
  if (machinery.test(name)) return 'looks like machinery of the application';
  if (key.length === 0) return 'has no primary key to name its rows by';
  const unfit = columns.find(
    (column) => key.includes(column.name) && (unfitForKey.test(column.type) || unreferable.test(column.name)),
  );
  return unfit && `its key ${unfit.name} (${unfit.type}) cannot name a stream`;
}

function capabilityOf({ root, parts }: SuggestedAggregate, prefix: string): SuggestedCapability {
  const noun = eventWords(singular(root.name.slice(prefix.length)));
  const stream = `${noun}-${root.key.map((column) => `{${column}}`).join('-')}`;
  const tables = parts.map(({ table, column, because }) => ({
    name: table.name,
    because: `part of ${root.name}: ${because}`,
    entry: entryOf(table, prefix, root.key.length === 1 ? `${noun}-{${column}}` : ownStream(table, prefix)),
  }));
  return {
    name: eventWords(root.name.slice(prefix.length)),
    tables: [{ name: root.name, because: undefined, entry: entryOf(root, prefix, stream) }, ...tables],
  };
}

function ownStream(table: LegacyTable, prefix: string): string {
  return `${eventWords(singular(table.name.slice(prefix.length)))}-${table.key.map((column) => `{${column}}`).join('-')}`;
}

function entryOf(table: LegacyTable, prefix: string, stream: string): SuggestedTable['entry'] {
  const noun = eventWords(singular(table.name.slice(prefix.length)));
  const identity = new Set([...table.key, ...[...stream.matchAll(/\{([^}]+)\}/g)].map(([, column]) => column!)]);
  const sections = columnSections(table, identity);
  const left = new Set([...(sections.exclude ?? []), ...Object.keys(sections.ignore ?? {})]);
  const told = table.columns.filter(({ name }) => !left.has(name));
  const [only] = table.key;
  return {
    key: table.key.length === 1 ? only : table.key,
    stream,
    ...(Object.keys(sections).length > 0 && { columns: sections }),
    ...(told.every(({ name }) => table.key.includes(name)) && { ignore: { u: 'nothing but its key is told' } }),
    events: eventsOf(noun, told, table.key),
  };
}

interface Sections {
  exclude?: string[];
  ignore?: Record<string, string>;
  utf8?: string[];
  json?: string[];
}

function columnSections({ columns }: LegacyTable, identity: ReadonlySet<string>): Sections {
  const free = columns.filter(({ name }) => !identity.has(name));
  const names = (wanted: (column: LegacyColumn) => boolean) => free.filter(wanted).map(({ name }) => name);
  const exclude = names(({ name }) => secrets.test(name));
  const ignored = free
    .filter(({ name }) => !exclude.includes(name))
    .flatMap(({ name, type }): [string, string][] => {
      if (unreferable.test(name)) return [[name, 'its name cannot be written in a rule']];
      return clocks.test(name) && clockTypes.test(type) ? [[name, 'a clock']] : [];
    });
  const ignore = Object.fromEntries(ignored);
  const rest = (wanted: (column: LegacyColumn) => boolean) =>
    names((column) => wanted(column) && !exclude.includes(column.name) && !Object.hasOwn(ignore, column.name));
  const utf8 = rest(({ type }) => bytes.test(type));
  const json = rest(({ type }) => type === 'json');
  return {
    ...(exclude.length > 0 && { exclude }),
    ...(ignored.length > 0 && { ignore }),
    ...(utf8.length > 0 && { utf8 }),
    ...(json.length > 0 && { json }),
  };
}

function eventsOf(noun: string, columns: readonly LegacyColumn[], key: readonly string[]): Record<string, unknown> {
  const data = payload(columns);
  const status = columns.find(({ name, members }) => members.length > 1 && states.test(name) && !key.includes(name));
  const others = columns.filter(({ name }) => name !== status?.name && !key.includes(name)).map(({ name }) => name);
  return {
    [`${noun}-imported`]: { op: 'r', data },
    [`${noun}-created`]: { op: 'c', data },
    ...(status && transitions(noun, status)),
    ...(others.length > 0 && { [`${noun}-changed`]: { op: 'u', changed: others, data } }),
    [`${noun}-deleted`]: { op: 'd' },
  };
}

/** One event for each value that a status may take. A value that an event is named after already gets a longer name. */
function transitions(noun: string, { name, members }: LegacyColumn): Record<string, unknown> {
  const taken = new Set(['imported', 'created', 'changed', 'deleted']);
  const data = { [hyphenated(name)]: name, [`previous-${hyphenated(name)}`]: `before.${name}` };
  return Object.fromEntries(
    members.map((member) => {
      const word = hyphenated(member);
      const event = taken.has(word) ? `${noun}-${hyphenated(name)}-${word}` : `${noun}-${word}`;
      taken.add(word);
      return [event, { op: 'u', changed: { [name]: { to: [member] } }, data }];
    }),
  );
}

/** Payload key → column; columns whose names come to the same words are told apart by a number. */
function payload(columns: readonly LegacyColumn[]): Record<string, string> {
  const data: Record<string, string> = {};
  for (const { name } of columns) {
    const words = hyphenated(name);
    let key = words;
    for (let n = 2; Object.hasOwn(data, key); n++) key = `${words}-${n}`;
    data[key] = name;
  }
  return data;
}
