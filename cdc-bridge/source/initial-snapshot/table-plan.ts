import { BridgeError } from '../../errors.ts';
import { keyColumns, type MappedTable } from '../../mapping/table-mapping.ts';
import type { LegacyDatabase } from '../legacy-database.ts';
import { type ColumnFacts, columnFacts, quoted } from './column-facts.ts';
import { type KeyColumn, keyColumn } from './key-column.ts';
import { KeyOrder, type Place } from './key-order.ts';
import { type ReadColumn, readColumn } from './read-column.ts';

/** How one table is read: its columns, the key it is walked by, and what is known of its size beforehand. */
export interface TablePlan {
  readonly table: string;
  readonly columns: readonly ReadColumn[];
  readonly key: readonly KeyColumn[];
  readonly order: KeyOrder;
  /** The unique index of the key, which the server is held to. */
  readonly index: string;
  /** Columns that every whole row image of the binlog has. */
  readonly whole: readonly string[];
  /** Columns that can be long, so that rows are measured before they are read. */
  readonly long: readonly string[];
  /** The server's estimate. */
  readonly rows: number;
}

/** Throws BridgeError `preflight-failed` when the table, or a unique index on its key, is not there any more. */
export async function planTable(database: LegacyDatabase, table: string, mapped: MappedTable): Promise<TablePlan> {
  const facts = await columnFacts(database, table);
  const excluded = new Set(mapped.columns?.exclude);
  const kept = facts.filter(({ name }) => !excluded.has(name));
  const key = keyColumns(mapped).map((name) => keyColumn(found(facts, table, name)));
  return {
    table,
    columns: kept.map(readColumn),
    key,
    order: new KeyOrder(key, database),
    index: await uniqueIndex(database, table, key),
    whole: kept.filter(({ generated }) => !generated).map(({ name }) => name),
    long: kept.filter(({ type }) => longTypes.test(type)).map(({ name }) => name),
    rows: await estimatedRows(database, table),
  };
}

const longTypes = /^(text|blob|mediumtext|mediumblob|longtext|longblob|json|geometry|.*polygon|.*linestring|vector)$/;

function found(facts: readonly ColumnFacts[], table: string, name: string): ColumnFacts {
  const column = facts.find((candidate) => candidate.name === name);
  if (!column) throw changed(`table ${table} has no column ${name}, which its mapping names as key`);
  return column;
}

async function uniqueIndex(database: LegacyDatabase, table: string, key: readonly KeyColumn[]): Promise<string> {
  const rows = await database.query(
    'SELECT INDEX_NAME AS name, COLUMN_NAME AS col FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND NON_UNIQUE = 0',
    [database.name, table],
  );
  const wanted = key.map(({ name }) => name);
  const columnsOf = (index: unknown) => rows.filter(({ name }) => name === index).map(({ col }) => String(col));
  const index = rows.find(({ name }) => sameColumns(columnsOf(name), wanted))?.name;
  if (index === undefined) throw changed(`table ${table} has no unique index on (${wanted.join(', ')})`);
  return String(index);
}

function sameColumns(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((column) => b.includes(column));
}

async function estimatedRows(database: LegacyDatabase, table: string): Promise<number> {
  const [row] = await database.query(
    'SELECT TABLE_ROWS AS estimate FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?',
    [database.name, table],
  );
  return Number(row?.estimate ?? 0);
}

function changed(what: string): BridgeError {
  return new BridgeError('preflight-failed', `the legacy database changed after it was checked: ${what}`);
}

/** The rows beyond a place, in key order; all rows without one. */
export function beyond(key: readonly KeyColumn[], place: Place | undefined): { where: string; values: unknown[] } {
  const values: unknown[] = [];
  return { where: place ? `WHERE ${later(key, place, values)}` : '', values };
}

/** `a >= x AND (a > x OR (a = x AND b > y))`: the first term lets the server begin at that place of the index. */
function later(key: readonly KeyColumn[], place: Place, values: unknown[]): string {
  const [{ expression, placeholder, parameter }, ...others] = key as [KeyColumn, ...KeyColumn[]];
  const value = parameter(place[0]!);
  values.push(value);
  if (others.length === 0) return `${expression} > ${placeholder}`;
  values.push(value, value);
  const rest = later(others, place.slice(1), values);
  return `${expression} >= ${placeholder} AND (${expression} > ${placeholder} OR (${expression} = ${placeholder} AND ${rest}))`;
}

/** The rows at these places; there is one at least. */
export function anyOf(key: readonly KeyColumn[], places: readonly Place[]): { where: string; values: unknown[] } {
  const values: unknown[] = [];
  const row = `(${key.map(({ expression, placeholder }) => `${expression} = ${placeholder}`).join(' AND ')})`;
  for (const place of places) values.push(...key.map(({ parameter }, index) => parameter(place[index]!)));
  return { where: places.map(() => row).join(' OR '), values };
}

export function orderBy(key: readonly KeyColumn[]): string {
  return `ORDER BY ${key.map(({ name }) => quoted(name)).join(', ')}`;
}
