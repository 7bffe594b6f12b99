import type { Json } from '../../contract/json.ts';
import { type Images, readCell } from './cell.ts';
import type { RowOp } from './row-change.ts';

/** What rows are found by. */
export interface JoinIndex {
  readonly table: string;
  readonly op: RowOp | undefined;
  readonly columns: readonly string[];
}

/** By what rows are found: values of the columns as one text, a number like its text. Undefined when one is NULL, which equals nothing. */
export function joinKey(images: Images, columns: readonly string[]): string | undefined {
  const values = columns.map((column) => readCell(images, column));
  return values.includes(null) ? undefined : JSON.stringify(values.map(spelled));
}

function spelled(value: Json): Json {
  return typeof value === 'number' ? String(value) : value;
}
