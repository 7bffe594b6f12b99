import type { Cell } from '../../../mapping/row-change.ts';
import { Unreadable } from '../../../mapping/row-change.ts';
import { addressTexts } from './cells/addresses.ts';
import { columnValue } from './cells/compressed.ts';
import { decimalFormat } from './cells/decimal.ts';
import { enumMember, setMembers } from './cells/members.ts';
import { bits, double, float, int64, uint64, vector } from './cells/numbers.ts';
import { type OldFormat, oldDatetime, oldTime, oldTimestamp } from './cells/old-temporal.ts';
import { date, datetime, fractionBytes, shortYear, time, timestamp, year } from './cells/temporal.ts';
import { textCell } from './cells/text.ts';
import { columnTypes, typeName } from './column-types.ts';
import { geometryCell } from './geometry.ts';
import { jsonText } from './json/json-text.ts';
import { base64 } from './slices.ts';
import type { Column } from './table-decoder.ts';
import { undecodable } from './undecodable.ts';

/**
 * How the value of a column is read, as source text over `b` (the bytes), `s` (the same bytes as latin1 text, or ''), `p` and `e` (where the
 * value begins and ends) and `f`, which is `call`.
 */
export interface CellCode {
  /** Bytes of every value; or bytes of the length that stands before it. */
  readonly size: { readonly fixed: number } | { readonly counted: 1 | 2 | 3 | 4 };
  readonly code: string;
  readonly call?: (...values: never[]) => unknown;
}

type ReadBytes = (bytes: Buffer, latin1: string, from: number, to: number) => Cell;

const t = columnTypes;
const int16 = 'b[p]|b[p+1]<<8';
const int24 = 'b[p]|b[p+1]<<8|b[p+2]<<16';
const int32 = `${int24}|b[p+3]<<24`;

/** Whole numbers: bytes, signed, unsigned. Optimization: read in place, without a call. */
const integers: ReadonlyMap<number, readonly [bytes: number, signed: string, unsigned: string]> = new Map([
  [t.TINY, [1, 'b[p]<<24>>24', 'b[p]']],
  [t.SHORT, [2, `(${int16})<<16>>16`, int16]],
  [t.INT24, [3, `(${int24})<<8>>8`, int24]],
  [t.LONG, [4, int32, `(${int32})>>>0`]],
]);

/** The way to read a column. Throws BridgeError `binlog-undecodable` for a type that this reader does not know, or lengths that it cannot have. */
export function cellCode(column: Column): CellCode {
  const { type, metadata, unsigned } = column;
  const integer = integers.get(type);
  if (integer) return { size: { fixed: integer[0] }, code: integer[unsigned ? 2 : 1] };
  switch (type) {
    case t.LONGLONG:
      return { size: { fixed: 8 }, code: 'f(b,p)', call: unsigned ? uint64 : int64 };
    case t.FLOAT:
      return { size: { fixed: 4 }, code: 'f(b,p)', call: float };
    case t.DOUBLE:
      return { size: { fixed: 8 }, code: 'f(b,p)', call: double };
    case t.NEWDECIMAL:
      return decimalCode(column);
    case t.YEAR:
      return { size: { fixed: 1 }, code: 'f(b[p])', call: column.isTwoDigitYear ? shortYear : year };
    case t.DATE:
    case t.NEWDATE:
      return { size: { fixed: 3 }, code: 'f(b,p)', call: date };
    case t.TIME2:
      return { size: { fixed: 3 + fractionOf(column) }, code: `f(b,p,${metadata})`, call: time };
    case t.DATETIME2:
      return { size: { fixed: 5 + fractionOf(column) }, code: `f(b,p,${metadata})`, call: datetime };
    case t.TIMESTAMP2:
      return { size: { fixed: 4 + fractionOf(column) }, code: `f(b,p,${metadata})`, call: timestamp };
    case t.TIME:
      return oldCode(column, oldTime);
    case t.DATETIME:
      return oldCode(column, oldDatetime);
    case t.TIMESTAMP:
      return oldCode(column, oldTimestamp);
    case t.BIT:
      return bounded(column, (metadata + 7) >> 3, 8, bits);
    case t.ENUM:
      return enumCode(column);
    case t.SET: {
      const members = column.members ?? [];
      return bounded(column, metadata, 8, (bytes: Buffer, from: number, to: number) =>
        setMembers(members, bytes, from, to),
      );
    }
    default:
      return countedCode(column);
  }
}

const maxPrecision = 65;

function decimalCode(column: Column): CellCode {
  const [precision, scale] = [column.metadata >> 8, column.metadata & 0xff];
  if (precision > maxPrecision || scale > precision || precision === 0) throw impossible(column);
  const format = decimalFormat(precision, scale);
  return { size: { fixed: format.bytes }, code: 'f(b,p)', call: format.read };
}

function fractionOf(column: Column): number {
  if (column.metadata > 6) throw impossible(column);
  return fractionBytes(column.metadata);
}

function oldCode(column: Column, formatOf: (digits: number) => OldFormat): CellCode {
  const format = formatOf(column.oldSecondDigits ?? 0);
  return { size: { fixed: format.bytes }, code: 'f(b,p)', call: format.read };
}

function bounded(column: Column, bytes: number, most: number, call: NonNullable<CellCode['call']>): CellCode {
  if (bytes < 1 || bytes > most) throw impossible(column);
  return { size: { fixed: bytes }, code: 'f(b,p,e)', call };
}

function enumCode(column: Column): CellCode {
  const members = column.members ?? [];
  const call = (index: number) => enumMember(members, index);
  if (column.metadata === 1) return { size: { fixed: 1 }, code: 'f(b[p])', call };
  if (column.metadata === 2) return { size: { fixed: 2 }, code: `f(${int16})`, call };
  throw impossible(column);
}

function countedCode(column: Column): CellCode {
  const { type, metadata } = column;
  const call = readerOf(column);
  const isString = type === t.STRING || type === t.VARCHAR || type === t.VAR_STRING || type === t.VARCHAR_COMPRESSED;
  const counted = isString ? (metadata > 255 ? 2 : 1) : metadata;
  if (counted < 1 || counted > 4) throw impossible(column);
  return { size: { counted: counted as 1 | 2 | 3 | 4 }, code: 'f(b,s,p,e)', call };
}

function readerOf(column: Column): ReadBytes {
  const { name, type, charset, address, metadata } = column;
  switch (type) {
    case t.JSON:
      return jsonCell;
    case t.GEOMETRY:
      return (bytes, _latin1, from, to) => geometryCell(bytes.subarray(from, to));
    case t.VECTOR:
      return (bytes, _latin1, from, to) => vector(bytes, from, to);
    case t.BLOB_COMPRESSED:
    case t.VARCHAR_COMPRESSED:
      return compressedCell(charset === 'binary' ? binaryCell : textCell(column));
    case t.STRING:
      if (address === 'unknown') {
        const reason = `column ${name} may be a UUID or bytes: the table is no longer there to tell`;
        return () => new Unreadable(reason);
      }
      if (address) return (bytes, _latin1, from, to) => addressTexts[address](bytes.subarray(from, to));
      return charset === 'binary' ? fixedBytes(metadata) : textCell(column);
    case t.VARCHAR:
    case t.VAR_STRING:
    case t.TINY_BLOB:
    case t.MEDIUM_BLOB:
    case t.LONG_BLOB:
    case t.BLOB:
      if (column.isVector) return (bytes, _latin1, from, to) => vector(bytes, from, to);
      return charset === 'binary' ? binaryCell : textCell(column);
    default:
      throw undecodable(`column ${name} is of ${typeName(type)}, which is not known here`);
  }
}

const binaryCell: ReadBytes = (bytes, _latin1, from, to) => base64(bytes, from, to);

/** BINARY(n): zero bytes at its end are not in the binlog. */
function fixedBytes(length: number): ReadBytes {
  return (bytes, _latin1, from, to) => {
    if (to - from === length) return base64(bytes, from, to);
    const whole = Buffer.alloc(length);
    bytes.copy(whole, 0, from, to);
    return whole.toString('base64');
  };
}

function jsonCell(bytes: Buffer, _latin1: string, from: number, to: number): Cell {
  try {
    return jsonText(bytes, from, to);
  } catch (error) {
    return new Unreadable(`a JSON document that cannot be read: ${(error as Error).message}`);
  }
}

function compressedCell(read: ReadBytes): ReadBytes {
  return (bytes, _latin1, from, to) => {
    try {
      const value = columnValue(bytes.subarray(from, to));
      return read(value, '', 0, value.length);
    } catch (error) {
      return new Unreadable(`a compressed value that cannot be inflated: ${(error as Error).message}`);
    }
  };
}

function impossible({ name, type, metadata }: Column): Error {
  return undecodable(`column ${name} is of ${typeName(type)} with metadata ${metadata}, which cannot be`);
}

/** Reads the length that stands before a value, as source text over `b` and `p`. */
export const lengthCode: Readonly<Record<1 | 2 | 3 | 4, string>> = {
  1: 'b[p]',
  2: `(${int16})`,
  3: `(${int24})`,
  4: `((${int32})>>>0)`,
};
