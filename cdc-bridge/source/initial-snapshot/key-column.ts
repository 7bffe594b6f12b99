import type { Cell } from '../../mapping/row-change.ts';
import { type ColumnFacts, quoted } from './column-facts.ts';

/** A key column's value as rows are ordered by it, fit for a cursor: ENUM and SET as their numbers, bytes as base64. */
export type OrderValue = string | number;

/** One column of the key by which a table is walked. */
export interface KeyColumn {
  readonly name: string;
  /** What rows are ordered and compared by: the column, or its number. */
  readonly expression: string;
  /** SQL with one `?` that gives an order value in the column's own type, character set and collation. */
  readonly placeholder: string;
  /** How two values compare: here, as numbers or bytes or text that sorts, or by the server where it alone knows. */
  readonly compares: 'numbers' | 'bytes' | 'text' | 'on-the-server';
  orderValue(cell: Cell): OrderValue;
  /** What is given for the placeholder. */
  parameter(value: OrderValue): string | number | Buffer;
}

const integers = /^(tinyint|smallint|mediumint|int|bigint|bit)$/;
const texts = /^(char|varchar|tinytext|text|mediumtext|longtext)$/;
const bytes = /^(binary|varbinary|tinyblob|blob|mediumblob|longblob)$/;

/** Throws RangeError for a type that rows cannot be walked by; preflight refuses those. */
export function keyColumn(facts: ColumnFacts): KeyColumn {
  const { type } = facts;
  if (integers.test(type)) return integerColumn(facts);
  if (type === 'year') return column(facts, 'numbers', '?');
  if (type === 'enum') return memberColumn(facts, (members, cell) => members.indexOf(String(cell)) + 1);
  if (type === 'set') return memberColumn(facts, setNumber);
  if (texts.test(type)) return textColumn(facts);
  if (bytes.test(type)) return bytesColumn(facts);
  if (type === 'decimal')
    return column(facts, 'on-the-server', `CAST(? AS DECIMAL(${facts.precision},${facts.scale}))`);
  if (type === 'date') return column(facts, 'text', 'CAST(? AS DATE)');
  if (type === 'datetime' || type === 'timestamp')
    return column(facts, 'text', `CAST(? AS DATETIME(${facts.fraction}))`);
  if (type === 'time') return column(facts, 'on-the-server', `CAST(? AS TIME(${facts.fraction}))`);
  if (/^(uuid|inet4|inet6)$/.test(type)) return column(facts, 'on-the-server', `CAST(? AS ${type.toUpperCase()})`);
  throw new RangeError(`column ${facts.name} has type ${type}: rows cannot be walked in its order`);
}

/** Whether rows can be walked in the order of such a column. */
export function isWalkable(type: string): boolean {
  return !/^(float|double|json|geometry|point|linestring|polygon|multi.*|geom.*|vector)$/.test(type);
}

function column({ name }: ColumnFacts, compares: KeyColumn['compares'], placeholder: string): KeyColumn {
  return {
    name,
    expression: quoted(name),
    placeholder,
    compares,
    orderValue: (cell) => cell as OrderValue,
    parameter: (value) => value,
  };
}

function integerColumn(facts: ColumnFacts): KeyColumn {
  const unsigned = facts.type === 'bit' || /unsigned/i.test(facts.declared);
  return column(facts, 'numbers', `CAST(? AS ${unsigned ? 'UNSIGNED' : 'SIGNED'})`);
}

function textColumn(facts: ColumnFacts): KeyColumn {
  return column(facts, 'on-the-server', `CONVERT(? USING ${facts.charset}) COLLATE ${facts.collation}`);
}

/** BINARY(n) is filled up with zero bytes, which its comparison does not tell from missing ones. */
function bytesColumn(facts: ColumnFacts): KeyColumn {
  const decoded = (value: OrderValue) => Buffer.from(String(value), 'base64');
  return { ...column(facts, 'bytes', '?'), parameter: decoded };
}

/** ENUM and SET are ordered by their numbers, not by their text. */
function memberColumn(facts: ColumnFacts, numberOf: (members: readonly string[], cell: Cell) => number): KeyColumn {
  const members = membersOf(facts.declared);
  return {
    ...column(facts, 'numbers', 'CAST(? AS UNSIGNED)'),
    expression: `(${quoted(facts.name)} + 0)`,
    orderValue: (cell) => numberOf(members, cell),
  };
}

function setNumber(members: readonly string[], cell: Cell): number {
  const chosen = new Set(String(cell).split(','));
  return members.reduce((sum, member, index) => (chosen.has(member) ? sum + 2 ** index : sum), 0);
}

/** `enum('a','it''s')` → its members. */
export function membersOf(declared: string): string[] {
  return [...declared.matchAll(/'((?:[^']|'')*)'/g)].map(([, member]) => member!.replaceAll("''", "'"));
}
