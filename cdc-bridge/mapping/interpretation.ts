import type { ColumnsSection } from './columns-section.ts';
import { parseExactJson } from './exact-json.ts';
import { type Cell, type Row, Unreadable } from './row-change.ts';

/** Gives a row with its bytes read as text and its JSON as values, as declared. */
export type Interpretation = (row: Row) => Row;

type Reading = (cell: Cell) => Cell;

/** Undefined where nothing is declared. What cannot be read as declared is Unreadable: it parks the change that needs it, not the others. */
export function compileInterpretation(columns: ColumnsSection | undefined): Interpretation | undefined {
  if (!columns) return undefined;
  const readings = new Map<string, Reading>();
  const encodings = [...columns.utf8.map((column) => [column, 'utf8'] as const), ...Object.entries(columns.encoding)];
  for (const [column, encoding] of encodings) readings.set(column, textReading(encoding));
  for (const column of columns.json) {
    const text = readings.get(column);
    readings.set(column, text ? (cell) => jsonReading(text(cell)) : jsonReading);
  }
  return readings.size === 0 ? undefined : (row) => interpret(row, readings);
}

function interpret(row: Row, readings: ReadonlyMap<string, Reading>): Row {
  const read: Record<string, Cell> = { ...row };
  for (const [column, reading] of readings) {
    const cell = row[column];
    if (cell !== undefined && cell !== null && !(cell instanceof Unreadable)) read[column] = reading(cell);
  }
  return read;
}

/** What Windows-1252 has at 0x80 to 0x9F; the five that it leaves open are control characters. */
const windows1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

/** Gives bytes as text; throws TypeError when they are none. */
type Decode = (bytes: Buffer) => string;

/** `latin1` is Windows-1252, to MySQL as to the WHATWG's Encoding Standard; some versions of Node take it for ISO 8859-1. */
function compileDecode(encoding: string): Decode {
  const decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
  if (decoder.encoding !== 'windows-1252' && decoder.encoding !== 'latin1') return (bytes) => decoder.decode(bytes);
  return (bytes) => bytes.toString('latin1').replace(/[\x80-\x9f]/g, (sign) => windows1252[sign.charCodeAt(0) - 0x80]!);
}

/** Binary columns come as base64. */
function textReading(encoding: string): Reading {
  const decode = compileDecode(encoding);
  return (cell) => {
    if (typeof cell !== 'string') return new Unreadable(`declared as ${encoding}, but it holds no bytes`);
    try {
      return decode(Buffer.from(cell, 'base64'));
    } catch {
      return new Unreadable(`its bytes are not ${encoding}`);
    }
  };
}

function jsonReading(cell: Cell): Cell {
  if (typeof cell !== 'string') return cell;
  try {
    return parseExactJson(cell);
  } catch {
    return new Unreadable('its text is not JSON');
  }
}
