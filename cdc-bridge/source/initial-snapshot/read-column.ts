import type { Cell } from '../../mapping/row-change.ts';
import { shortestFloat, vector } from '../binlog/decoding/cells/numbers.ts';
import { geometryCell } from '../binlog/decoding/geometry.ts';
import { type ColumnFacts, quoted } from './column-facts.ts';

/** A column as it is selected, and what makes a cell of what the driver gives; absent where that is a cell already. */
export interface ReadColumn {
  readonly name: string;
  readonly select: string;
  readonly cell?: (value: unknown) => Cell;
}

const geometries = /^(geometry|point|linestring|polygon|multi\w+|geom\w+)$/;
const bytes = /^(.*blob|.*binary)$/;

/**
 * Reads every type in the spelling that the binlog is decoded to. What the driver would parse less exactly (doubles, from 16 digits on) or the
 * server pads (ZEROFILL) is asked for in another form.
 */
export function readColumn({ name, type, declared }: ColumnFacts): ReadColumn {
  const column = quoted(name);
  if (type === 'double') return { name, select: exactDouble(column, declared), cell: nullOr(Number) };
  if (type === 'float') return { name, select: `CAST(${column} * 1e0 AS CHAR)`, cell: nullOr(floatCell) };
  if (type === 'bit' || /zerofill/i.test(declared)) return { name, select: `${column} + 0` };
  if (bytes.test(type)) return { name, select: column, cell: nullOr((value) => (value as Buffer).toString('base64')) };
  if (geometries.test(type))
    return { name, select: `HEX(${column})`, cell: nullOr((hex) => geometryCell(fromHex(hex))) };
  if (type === 'vector') return { name, select: `HEX(${column})`, cell: nullOr(vectorCell) };
  if (type === 'enum' || type === 'set') return { name, select: column, cell: memberText };
  return { name, select: column };
}

/**
 * What is stored, and not what `DOUBLE(20,5)` shows of it. MySQL gives an expression fewer characters than 17 digits with sign and exponent may
 * need, so one that shows everything is asked for as it is.
 */
function exactDouble(column: string, declared: string): string {
  return declared.includes('(') ? `CAST(${column} * 1e0 AS CHAR)` : `CAST(${column} AS CHAR)`;
}

/** Members of character set binary come as bytes. */
function memberText(value: unknown): Cell {
  return Buffer.isBuffer(value) ? value.toString('latin1') : (value as Cell);
}

function floatCell(value: unknown): Cell {
  return shortestFloat(Number(value));
}

function nullOr(read: (value: unknown) => Cell): (value: unknown) => Cell {
  return (value) => (value === null ? null : read(value));
}

function vectorCell(hex: unknown): Cell {
  const buffer = fromHex(hex);
  return vector(buffer, 0, buffer.length);
}

function fromHex(text: unknown): Buffer {
  return Buffer.from(String(text), 'hex');
}
