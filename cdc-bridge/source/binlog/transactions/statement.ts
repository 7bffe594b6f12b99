import { isTraceparent } from '../../../../contract/traceparent.ts';

/** A logged statement without comments before it, without what only says under which settings it runs, and without the semicolon. */
export function bareStatement(sql: string): string {
  return sql
    .replace(/^(\s|\/\*(?!!)[\s\S]*?\*\/|--[^\n]*\n|#[^\n]*\n)+/, '')
    .replace(/^\/\*!\d*\s*/, '')
    .replace(/^set\s+statement\s[\s\S]*?\sfor\s+(?=[a-z])/i, '')
    .replace(/;?\s*$/, '');
}

const writing = /^(insert|update|delete|replace|load|with|select|call|do)\b/i;
const creatingFromSelect = /^create\s+(or\s+replace\s+)?table\b.*\bselect\b/is;

/** Whether a logged statement may have written rows that are in the binlog as nothing but this text. A function that writes is logged as SELECT. */
export function writesRows(statement: string): boolean {
  return writing.test(statement) || creatingFromSelect.test(statement.replace(/'(?:[^'\\]|\\.|'')*'/gs, "''"));
}

/** Whether a statement may have changed what columns a table has. */
export function changesSchema(statement: string): boolean {
  return /^(create|alter|drop|rename|truncate)\b/i.test(statement);
}

const space = new Set([...' \t\r\n;'].map((character) => character.charCodeAt(0)));
const slash = '/'.charCodeAt(0);

/**
 * The traceparent of a sqlcommenter comment. Only the comment that ends the statement counts: text before it can be a user's.
 * https://google.github.io/sqlcommenter/spec/
 */
export function traceparentOf(sql: Buffer): string | undefined {
  let end = sql.length;
  while (end > 0 && space.has(sql[end - 1]!)) end--;
  if (sql[end - 1] !== slash) return undefined;
  const begin = sql.lastIndexOf('/*', end - 1);
  if (begin < 0 || sql.toString('latin1', end - 2, end) !== '*/') return undefined;
  const comment = sql.toString('latin1', begin + 2, end - 2);
  const value = /(?:^|[,\s])traceparent='([^']*)'/.exec(comment)?.[1];
  return isTraceparent(value) ? value : undefined;
}
