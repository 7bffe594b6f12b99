import type { Json } from '../../contract/json.ts';
import { type Images, readCell, type Side } from './cell.ts';
import { compareNumbers } from './decimal.ts';
import type { Alternative, AnythingBut, Literal, Pattern } from './pattern-syntax.ts';

/** Whether a value fits. */
export type CellTest = (cell: Json) => boolean;

/** Whether the row on one side of a change fits: every column named must match one of its alternatives. Throws Unclear when it cannot be judged. */
export type RowTest = (images: Images) => boolean;

/** Undefined for a pattern that asks nothing. */
export function compilePattern(pattern: Pattern | undefined, side: Side): RowTest | undefined {
  const columns = Object.entries(pattern ?? {}).map(
    ([column, alternatives]) => [column, compileAlternatives(alternatives)] as const,
  );
  if (columns.length === 0) return undefined;
  return (images) => {
    for (const [column, test] of columns) if (!test(readCell(images, column, side))) return false;
    return true;
  };
}

/** Fits when one of the alternatives does. */
export function compileAlternatives(alternatives: readonly Alternative[]): CellTest {
  return anyOf(alternatives.map(compileAlternative));
}

function compileAlternative(alternative: Alternative): CellTest {
  if (alternative === null || typeof alternative !== 'object') return (cell) => equals(cell, alternative);
  if ('prefix' in alternative) return affix(alternative.prefix, startsWith);
  if ('suffix' in alternative) return affix(alternative.suffix, endsWith);
  if ('equals-ignore-case' in alternative) return equalsIgnoringCase(alternative['equals-ignore-case']);
  if ('wildcard' in alternative) return compileWildcard(alternative.wildcard);
  if ('anything-but' in alternative) return not(compileExcepted(alternative['anything-but']));
  if ('exists' in alternative) return (cell) => (cell !== null) === alternative.exists;
  return compileNumeric(alternative.numeric);
}

function compileExcepted(excepted: AnythingBut): CellTest {
  if (excepted === null || typeof excepted !== 'object') return (cell) => equals(cell, excepted);
  if (Array.isArray(excepted)) return (cell) => excepted.some((literal) => equals(cell, literal));
  if ('prefix' in excepted) return anyOf(listed(excepted.prefix).map(startsWith));
  if ('suffix' in excepted) return anyOf(listed(excepted.suffix).map(endsWith));
  if ('wildcard' in excepted) return anyOf(listed(excepted.wildcard).map(compileWildcard));
  return anyOf(listed(excepted['equals-ignore-case']).map(equalsIgnoringCase));
}

/** Values are equal as JSON; beyond that a number in the file equals the text of a DECIMAL or BIGINT of exactly the same value. */
function equals(cell: Json, literal: Literal): boolean {
  if (cell === literal) return true;
  if (typeof literal === 'number') return typeof cell === 'string' && compareNumbers(cell, literal) === 0;
  return typeof literal === 'boolean' && cell === Number(literal);
}

function startsWith(head: string): CellTest {
  return (cell) => typeof cell === 'string' && cell.startsWith(head);
}

function endsWith(tail: string): CellTest {
  return (cell) => typeof cell === 'string' && cell.endsWith(tail);
}

function affix(written: string | { 'equals-ignore-case': string }, test: (text: string) => CellTest): CellTest {
  if (typeof written === 'string') return test(written);
  const folded = test(fold(written['equals-ignore-case']));
  return (cell) => typeof cell === 'string' && folded(fold(cell));
}

function equalsIgnoringCase(text: string): CellTest {
  const folded = fold(text);
  return (cell) => typeof cell === 'string' && fold(cell) === folded;
}

/** Two letters are the same but for case when both of their cases are. */
function fold(text: string): string {
  return text.toUpperCase().toLowerCase();
}

/** Looks for the pieces between the stars from left to right, each at its first place: no backtracking, so time is linear in what is read. */
function compileWildcard(wildcard: string): CellTest {
  const [head = '', ...rest] = wildcardPieces(wildcard);
  const tail = rest.pop();
  if (tail === undefined) return (cell) => cell === head;
  return (cell) => {
    if (typeof cell !== 'string' || !cell.startsWith(head)) return false;
    let at = head.length;
    for (const piece of rest) {
      const found = cell.indexOf(piece, at);
      if (found < 0) return false;
      at = found + piece.length;
    }
    return cell.length - tail.length >= at && cell.endsWith(tail);
  };
}

/** The texts between the stars, with `\*` and `\\` undone. */
function wildcardPieces(wildcard: string): string[] {
  const pieces = [''];
  for (const [sign, escaped] of wildcard.matchAll(/\\([*\\])|[\s\S]/g)) {
    if (sign === '*') pieces.push('');
    else pieces[pieces.length - 1] += escaped ?? sign;
  }
  return pieces;
}

const comparisons: Readonly<Record<string, (order: number) => boolean>> = {
  '=': (order) => order === 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

function compileNumeric(parts: readonly (string | number)[]): CellTest {
  const bounds = parts.flatMap((sign, index) =>
    index % 2 === 0 ? [{ holds: comparisons[sign]!, bound: parts[index + 1]! }] : [],
  );
  return (cell) => {
    for (const { holds, bound } of bounds) {
      const order = compareNumbers(cell, bound);
      if (order === undefined || !holds(order)) return false;
    }
    return true;
  };
}

function anyOf(tests: readonly CellTest[]): CellTest {
  const [only] = tests;
  return tests.length === 1 ? only! : (cell) => tests.some((test) => test(cell));
}

function not(test: CellTest): CellTest {
  return (cell) => !test(cell);
}

function listed<T>(oneOrMore: T | readonly T[]): readonly T[] {
  return Array.isArray(oneOrMore) ? oneOrMore : [oneOrMore as T];
}
