import type { Json } from '../../contract/json.ts';
import { type Row, Unreadable } from './row-change.ts';
import { Unclear } from './unclear.ts';

/** The value of a column. Throws Unclear when it is not in the row image or cannot be told exactly; NULL is null. */
export function readCell(row: Row, column: string): Json {
  const cell = row[column];
  if (cell === undefined) throw new Unclear('column-absent', `column ${column} is not in the row image`);
  if (cell instanceof Unreadable) throw new Unclear('value-unreadable', `column ${column}: ${cell.reason}`);
  return cell;
}
