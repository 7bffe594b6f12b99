import { canonicalJson, type Json } from '../../contract/json.ts';
import { readCell } from './cell.ts';
import type { Row } from './row-change.ts';
import type { Alternative, Literal, Pattern } from './table-mapping.ts';

/** Whether a row matches: every column named must match one of its alternatives. Throws Unclear when a column cannot be judged. */
export type RowTest = (row: Row) => boolean;

export function compilePattern(pattern: Pattern): RowTest {
  const columns = Object.entries(pattern).map(
    ([column, alternatives]) => [column, alternatives.map(compileAlternative)] as const,
  );
  return (row) =>
    columns.every(([column, tests]) => {
      const cell = readCell(row, column);
      return tests.some((test) => test(cell));
    });
}

function compileAlternative(alternative: Alternative): (cell: Json) => boolean {
  if (alternative === null || typeof alternative !== 'object') return (cell) => equals(cell, alternative);
  if ('prefix' in alternative) return (cell) => typeof cell === 'string' && cell.startsWith(alternative.prefix);
  if ('anything-but' in alternative) return (cell) => !alternative['anything-but'].some((value) => equals(cell, value));
  if ('exists' in alternative) return (cell) => (cell !== null) === alternative.exists;
  return compileNumeric(alternative.numeric);
}

/** Values are equal as JSON; beyond that a number in the file equals the text of a DECIMAL or BIGINT of the same value. */
function equals(cell: Json, literal: Literal): boolean {
  if (typeof literal === 'number' && typeof cell === 'string') return asNumber(cell) === literal;
  if (typeof literal === 'boolean' && typeof cell === 'number') return cell === Number(literal);
  return canonicalJson(cell) === canonicalJson(literal);
}

const comparisons: Record<string, (a: number, b: number) => boolean> = {
  '=': (a, b) => a === b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};

function compileNumeric(parts: readonly (string | number)[]): (cell: Json) => boolean {
  return (cell) => {
    const value = asNumber(cell);
    if (value === undefined) return false;
    for (let i = 0; i < parts.length; i += 2) {
      if (!comparisons[parts[i]!]!(value, parts[i + 1] as number)) return false;
    }
    return true;
  };
}

function asNumber(cell: Json): number | undefined {
  if (typeof cell === 'number') return cell;
  return typeof cell === 'string' && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(cell) ? Number(cell) : undefined;
}
