import { canonicalJson, type Json } from '../../contract/json.ts';
import { type Cell, type Row, Unreadable } from './row-change.ts';
import { Unclear } from './unclear.ts';

/** The images of one change. */
export interface Images {
  readonly before?: Row | undefined;
  readonly after?: Row | undefined;
}

/** Which image is read: `current` is the row as it is now, or as it was when it is gone. */
export type Side = 'current' | 'before' | 'after';

/**
 * The value of a column. One that the image after an update lacks has not changed, so the image before tells it. Throws Unclear when no image has it
 * or when it cannot be told exactly; NULL is null.
 */
export function readCell({ before, after }: Images, column: string, side: Side = 'current'): Json {
  let cell = side === 'before' ? before?.[column] : after?.[column];
  if (cell === undefined && side !== 'before' && (after || side === 'current')) cell = before?.[column];
  return toldExactly(cell, column);
}

/** Whether an update gave a column another value. */
export function hasChanged({ before, after }: Images, column: string): boolean {
  const now = after?.[column];
  const was = before?.[column];
  // Optimization: most values are texts and numbers, and every rule for updates asks for some.
  if (isTextOrNumber(now) && isTextOrNumber(was)) return now !== was;
  if (now === was ? now !== undefined && !(now instanceof Unreadable) : now === undefined) return false;
  return !sameValue(toldExactly(was, column), toldExactly(now, column));
}

function isTextOrNumber(cell: Cell | undefined): boolean {
  return typeof cell === 'string' || typeof cell === 'number';
}

function toldExactly(cell: Cell | undefined, column: string): Json {
  if (cell === undefined) throw new Unclear('column-absent', `column ${column} is not in the row image`);
  if (typeof cell === 'object' && cell instanceof Unreadable)
    throw new Unclear('value-unreadable', `column ${column}: ${cell.reason}`);
  return cell;
}

/** Whether two values are the same. */
export function sameValue(a: Json, b: Json): boolean {
  if (a === b) return true;
  return typeof a === 'object' && typeof b === 'object' && canonicalJson(a) === canonicalJson(b);
}
