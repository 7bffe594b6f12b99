import type { Json, JsonObject } from '../../contract/json.ts';
import { type Cell, type Row, Unreadable } from '../mapping/row-change.ts';

/** How a cell that cannot be told is kept and shown. No cell of a table looks like it: theirs are no objects but geometries. */
const unreadable = '$unreadable';

/** A row as JSON; equal rows give equal text, since columns keep the order of the table. */
export function storedRow(row: Row): JsonObject {
  return Object.fromEntries(Object.entries(row).map(([column, cell]) => [column, storedCell(cell)]));
}

function storedCell(cell: Cell): Json {
  return cell instanceof Unreadable ? { [unreadable]: cell.reason } : cell;
}

/** Whether two cells are the same value. Two that cannot be told are not. */
export function sameCell(replayed: Json, selected: Json): boolean {
  if (replayed === selected) return true;
  if (typeof replayed !== 'object' || replayed === null || unreadable in replayed) return false;
  return JSON.stringify(replayed) === JSON.stringify(selected);
}

/** The cells that name a row, as text; undefined when the image does not have them all. */
export function keyText(row: JsonObject, key: readonly string[]): string | undefined {
  const cells = key.map((column) => row[column]);
  return cells.includes(undefined) ? undefined : JSON.stringify(cells);
}

/** The whole row as text, whatever order its columns came in. */
export function wholeText(row: JsonObject): string {
  return JSON.stringify(Object.fromEntries(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1))));
}
