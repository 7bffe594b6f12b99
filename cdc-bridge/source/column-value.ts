import type { Json } from '../../contract/json.ts';
import { type Cell, Unreadable } from '../mapping/row-change.ts';

/**
 * One spelling of a column's value, the same whether it was read from the binlog or with SELECT: whole numbers as numbers while they are
 * safe, beyond that as text; DECIMAL, dates and times as the exact text that SELECT shows (TIMESTAMP in UTC); NULL as null; bytes as base64.
 */
export function fromBinlog(columnType: string, value: unknown, isText: boolean): Cell {
  const type = /^[a-z]*/.exec(columnType.toLowerCase())![0];
  if (value === undefined)
    return type === 'enum' ? '' : new Unreadable(`a value of type ${columnType} that the reader does not know`);
  if (type === 'float' && typeof value === 'number') return Number(value.toPrecision(floatDigits));
  if (type === 'year') return value === 1900 ? 0 : plain(type, value);
  if (type === 'time' && typeof value === 'string' && value.startsWith('-')) return negativeTime(value);
  if (isText && Buffer.isBuffer(value)) return new Unreadable('text in a character set that the reader does not know');
  return plain(type, value);
}

/** The same for a value that mysql2 read as text protocol with `dateStrings`, `supportBigNumbers` and `jsonStrings`. */
export function fromSelect(columnType: string, value: unknown): Cell {
  return plain(columnType.toLowerCase(), value);
}

/** What SELECT shows of a FLOAT: FLT_DIG, https://mariadb.com/kb/en/float/. */
const floatDigits = 6;

function plain(type: string, value: unknown): Cell {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'string') return type === 'json' ? parsedJson(value) : value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (Buffer.isBuffer(value)) return value.toString('base64');
  return new Unreadable(`a value of type ${type} cannot be written as JSON`);
}

function parsedJson(text: string): Cell {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return new Unreadable('a JSON document that does not parse');
  }
}

/**
 * The reader forgets to carry when it negates a TIME: `-01:00:00` comes as `-00:63:64`, which packed as hour, 6 bits of minutes and
 * 6 bits of seconds is the right number. With a fraction the parts are negated apart, so the value is lost.
 */
function negativeTime(text: string): Cell {
  const match = /^-(\d+):(\d+):(\d+)$/.exec(text);
  if (!match) return new Unreadable('a negative TIME with a fraction');
  const packed = Number(match[1]) * 4096 + Number(match[2]) * 64 + Number(match[3]);
  const two = (part: number) => String(part).padStart(2, '0');
  return `-${two(packed >> 12)}:${two((packed >> 6) & 63)}:${two(packed & 63)}`;
}
