import { type Cell, Unreadable } from '../../../mapping/row-change.ts';
import type { CellCode } from './cell-code.ts';
import { dateDays, datetimeCount, timeMicros, zonedTimestamp } from './cells/debezium-temporal.ts';
import { textCell } from './cells/text.ts';
import { isAsciiCompatible } from './charsets/text-decoder.ts';
import { columnTypes } from './column-types.ts';
import type { Column } from './table-decoder.ts';

/** How a value becomes JSON text, as source text like that of CellCode, with `j` being `jsonOf`; `call` replaces the cell's where there is one. */
export interface JsonCode {
  readonly code: string;
  readonly call?: CellCode['call'];
}

const t = columnTypes;

/**
 * Spells a value as Debezium's connectors for MariaDB and MySQL do with `decimal.handling.mode=string`,
 * `time.precision.mode=adaptive_time_microseconds` and `binary.handling.mode=base64`: DATE as days since 1970, DATETIME as milliseconds or,
 * with more than three digits, microseconds, TIME as microseconds, TIMESTAMP as `2025-06-01T12:00:00.5Z`, BIT(1) as boolean, BIT(n) as bytes with the low one
 * first. What Debezium would lose is kept instead: a zero or partial date as its text, BIGINT UNSIGNED as the number that it is, YEAR 0 as 0;
 * and a value that cannot be told is `{"unreadable": reason}`.
 */
export function jsonCode(column: Column, cell: CellCode): JsonCode {
  const { type, metadata, charset } = column;
  switch (type) {
    case t.TINY:
    case t.SHORT:
    case t.INT24:
    case t.LONG:
    case t.LONGLONG:
    case t.YEAR:
      return { code: `(${cell.code})` };
    case t.NEWDECIMAL:
      return { code: `'"'+${cell.code}+'"'` };
    case t.DATE:
    case t.NEWDATE:
      return { code: 'f(b,p)', call: dateDays };
    case t.DATETIME2:
      return { code: `f(b,p,${metadata})`, call: datetimeCount };
    case t.TIME2:
      return { code: `f(b,p,${metadata})`, call: timeMicros };
    case t.TIMESTAMP2:
      return { code: `f(b,p,${metadata})`, call: zonedTimestamp };
    case t.BIT:
      return { code: 'f(b,p,e)', call: metadata === 1 ? boolean : reversedBytes };
    default:
      return isPlainText(column) && charset !== 'binary'
        ? { code: 'f(b,s,p,e)', call: quotedText(column) }
        : { code: `j(${cell.code})` };
  }
}

/** The JSON text of a cell that has no spelling of Debezium's own. */
export function jsonOf(cell: Cell): string {
  if (typeof cell === 'number') return Object.is(cell, -0) ? '-0' : `${cell}`;
  return JSON.stringify(cell instanceof Unreadable ? { unreadable: cell.reason } : cell);
}

const boolean = (bytes: Buffer, at: number) => (bytes[at] === 0 ? 'false' : 'true');

const reversedBytes = (bytes: Buffer, from: number, to: number) =>
  `"${Buffer.from(bytes.subarray(from, to)).reverse().toString('base64')}"`;

const plainTextTypes: ReadonlySet<number> = new Set([
  ...[t.STRING, t.VARCHAR, t.VAR_STRING, t.TINY_BLOB, t.MEDIUM_BLOB, t.LONG_BLOB, t.BLOB],
]);
const isPlainText = ({ type, charset, address, isVector }: Column) =>
  plainTextTypes.has(type) && charset !== undefined && address === undefined && !isVector && isAsciiCompatible(charset);

/** Longer texts are quoted by JSON.stringify, which then is the faster. */
const shortBytes = 256;

function quotedText(column: Column): (bytes: Buffer, latin1: string, from: number, to: number) => string {
  const read = textCell(column);
  // Optimization: text of printable ASCII without quotes, which most is, is taken over as it stands, with one look at each byte.
  return (bytes, latin1, from, to) => {
    if (latin1 === '' || to - from > shortBytes) return jsonOf(read(bytes, latin1, from, to));
    for (let at = from; at < to; at += 1) {
      const byte = bytes[at]!;
      if (byte > 0x7e || byte < 0x20 || byte === 0x22 || byte === 0x5c) return jsonOf(read(bytes, latin1, from, to));
    }
    return `"${latin1.substring(from, to)}"`;
  };
}
