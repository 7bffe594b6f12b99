/** A table as a statement names it. */
export interface TableName {
  /** Absent when the statement leaves it to the session's default. */
  readonly schema?: string;
  /** `*` for every table of the schema. */
  readonly table: string;
}

const identifier = '(?:`(?:[^`]|``)+`|[\\w$\\u0080-\\uffff]+)';
const table = `${identifier}(?:\\s*\\.\\s*${identifier})?`;
const statement = (start: string) => new RegExp(`^${start.replaceAll(' ', '\\s+')}`, 'is');

/** Statement → the places in it that name the tables whose rows go without row events. */
const clearing: readonly { readonly pattern: RegExp; readonly named: (match: RegExpExecArray) => string[] }[] = [
  { pattern: statement(`truncate (?:table )?(${table})`), named: ([, name]) => [name!] },
  {
    pattern: statement(`drop tables? (?:if exists )?(${table}(?:\\s*,\\s*${table})*)`),
    named: ([, names]) => names!.split(','),
  },
  { pattern: statement('rename tables? (?:if exists )?(.*)$'), named: ([, pairs]) => pairs!.split(/,|\sto\s/i) },
  { pattern: statement(`create or replace table (?:if not exists )?(${table})`), named: ([, name]) => [name!] },
  {
    pattern: statement(
      `alter (?:online )?(?:ignore )?table (?:if exists )?(${table}).*\\brename (?!column\\b|index\\b|key\\b)(?:to |as |=\\s*)?(${table})`,
    ),
    named: ([, name, renamed]) => [name!, renamed!],
  },
  {
    pattern: statement(
      `alter (?:online )?(?:ignore )?table (?:if exists )?(${table}).*\\b(?:drop|truncate|exchange|discard) (?:partition|tablespace)\\b`,
    ),
    named: ([, name]) => [name!],
  },
  { pattern: statement(`drop (?:database|schema) (?:if exists )?(${identifier})`), named: ([, name]) => [`${name}.*`] },
];

/**
 * The tables that a statement empties, drops or gives another name, which the binlog tells only as its text; none for any other statement.
 * Temporary tables are none: their rows were never in the binlog.
 */
export function clearedTables(sql: string): TableName[] {
  for (const { pattern, named } of clearing) {
    const match = pattern.exec(sql);
    if (match) return named(match).map(tableName);
  }
  return [];
}

const nameParts = new RegExp(`^\\s*(${identifier})(?:\\s*\\.\\s*(${identifier}|\\*))?`);

function tableName(text: string): TableName {
  const [, first = '', second] = nameParts.exec(text) ?? [];
  return second === undefined ? { table: unquoted(first) } : { schema: unquoted(first), table: unquoted(second) };
}

function unquoted(name: string): string {
  return name.startsWith('`') ? name.slice(1, -1).replaceAll('``', '`') : name;
}
