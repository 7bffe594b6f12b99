import type { Cell, Row } from '../../../mapping/row-change.ts';
import { type CellCode, cellCode, lengthCode } from './cell-code.ts';
import { columnTypes } from './column-types.ts';
import { jsonCode, jsonOf } from './debezium-json.ts';
import type { Column } from './table-decoder.ts';

/** Functions made for the row images of one table with the same columns present. */
export interface RowCode {
  /** Whether an image takes no byte at all, because no column is present. */
  readonly isEmpty: boolean;
  /** Position behind the image that begins at `at`; beyond the end, or NaN, where the bytes end inside it. */
  skip(bytes: Buffer, at: number): number;
  /**
   * The image that begins at `at`; `skip` must have found its end inside the bytes. `latin1` is the whole of the bytes as latin1 text, or ''.
   * `json` has the cells of JSON columns, by their place among all JSON columns of the table, that are not to be read from the image.
   */
  decode(bytes: Buffer, latin1: string, at: number, json: readonly (Cell | undefined)[] | undefined): Row;
  /** The same image as the text of a JSON object, spelled as in debezium-json.ts. */
  json(bytes: Buffer, latin1: string, at: number, json: readonly (Cell | undefined)[] | undefined): string;
  /** Position and end of the values of the JSON columns, by their place among all JSON columns; undefined where absent or NULL. */
  jsonValues(bytes: Buffer, at: number): readonly (readonly [from: number, to: number] | undefined)[];
}

interface PresentColumn {
  readonly column: Column;
  readonly cell: CellCode;
  /** Place of its null bit. */
  readonly place: number;
  /** Place among the JSON columns of the table; -1 for others. */
  readonly jsonPlace: number;
}

/**
 * Makes the code for the columns whose bit is set in `present`, the low bit first.
 *
 * Optimization: the source text of a function is written for each table and compiled, because reading each row by a loop over its columns,
 * with a decision by type at each, costs several times more. Nothing that a server sends becomes source text: names enter as JSON string
 * literals, everything else is numbers that we computed and functions passed in.
 *
 *     image = one null bit a present column, the low bit first · values of those that are not NULL
 */
export function makeRowCode(columns: readonly Column[], present: Buffer): RowCode {
  const found = presentColumns(columns, present);
  const calls = found.map(({ cell }) => cell.call);
  const make = new Function('calls', 'bareObject', source(found)) as (
    calls: readonly unknown[],
    bareObject: object,
  ) => Omit<RowCode, 'isEmpty' | 'json'>;
  let made: RowCode['json'] | undefined;
  const json: RowCode['json'] = (bytes, latin1, at, partial) => {
    made ??= makeJson(found);
    return made(bytes, latin1, at, partial);
  };
  return { isEmpty: found.length === 0, json, ...make(calls, Object.freeze(Object.create(null))) };
}

function makeJson(columns: readonly PresentColumn[]): RowCode['json'] {
  const codes = columns.map(({ column, cell }) => ({ call: cell.call, ...jsonCode(column, cell) }));
  const declarations = codes.map(({ call }, place) => (call ? `const f${place}=calls[${place}];` : ''));
  const first = columns.findIndex(isShown);
  const members = columns.map((column, index) => {
    if (!isShown(column)) return passed(column);
    const { cell, place, jsonPlace } = column;
    const key = JSON.stringify(`${index === first ? '{' : ','}${JSON.stringify(column.column.name)}:`);
    const read = codes[place]!.code.replaceAll('f(', `f${place}(`);
    const value = jsonPlace < 0 ? read : `q===undefined||q[${jsonPlace}]===undefined?${read}:j(q[${jsonPlace}])`;
    return `t+=${key};if(${notNull(column)}){${bounds(cell)}t+=${value};p=e}else t+='null';`;
  });
  const text = `'use strict';
${declarations.join('\n')}
return function json(b,s,p,q){${nullBytes(columns)}let e=0;let t='${first < 0 ? '{' : ''}';
${members.join('\n')}
return t+'}'}`;
  const make = new Function('calls', 'j', text) as (calls: readonly unknown[], j: typeof jsonOf) => RowCode['json'];
  return make(
    codes.map(({ call }) => call),
    jsonOf,
  );
}

function presentColumns(columns: readonly Column[], present: Buffer): PresentColumn[] {
  const found: PresentColumn[] = [];
  let jsonColumns = 0;
  columns.forEach((column, index) => {
    const jsonPlace = column.type === columnTypes.JSON ? jsonColumns++ : -1;
    if ((present[index >> 3]! & (1 << (index & 7))) !== 0)
      found.push({ column, cell: cellCode(column), place: found.length, jsonPlace });
  });
  return found;
}

function source(columns: readonly PresentColumn[]): string {
  const shown = columns.filter(isShown);
  const values = shown.map(({ place }) => `v${place}`).join(',');
  return `'use strict';
${columns.map(({ cell, place }) => (cell.call ? `const f${place}=calls[${place}];` : '')).join('\n')}
// A row inherits nothing, so that a column that is not in the image is undefined whatever its name.
function Row(${values}){${shown.map(({ column, place }) => `this[${JSON.stringify(column.name)}]=v${place};`).join('')}}
Row.prototype=bareObject;
function skip(b,p){${skipSource(columns)}return p}
function decode(b,s,p,q){${nullBytes(columns)}let e=0;
${columns.map(decodeSource).join('\n')}
return new Row(${values})}
function jsonValues(b,p){const r=[];${nullBytes(columns)}
${columns.map((column) => `if(${notNull(column)}){${advance(column)}}`).join('\n')}
return r}
return {skip,decode,jsonValues};`;
}

/** Optimization: a row without NULL, which most are, is passed over without looking at each bit, and neighbours of fixed length at once. */
function skipSource(columns: readonly PresentColumn[]): string {
  if (columns.length === 0) return '';
  const bytes = Array.from({ length: (columns.length + 7) >> 3 }, (_, index) => {
    const used = Math.min(8, columns.length - index * 8);
    return used === 8 ? `n${index}` : `n${index}&${(1 << used) - 1}`;
  });
  const careful = columns.map((column) => `if(${notNull(column)})${step(column.cell)};`).join('');
  return `${nullBytes(columns)}if((${bytes.join('|')})===0){${plainSteps(columns)}}else{${careful}}`;
}

function plainSteps(columns: readonly PresentColumn[]): string {
  let steps = '';
  let fixed = 0;
  for (const { cell } of columns) {
    if ('fixed' in cell.size) {
      fixed += cell.size.fixed;
      continue;
    }
    steps += `p+=${fixed};${step(cell)};`;
    fixed = 0;
  }
  return `${steps}p+=${fixed};`;
}

function step({ size }: CellCode): string {
  return 'fixed' in size ? `p+=${size.fixed}` : `p+=${size.counted}+${lengthCode[size.counted]}`;
}

function nullBytes(columns: readonly PresentColumn[]): string {
  const length = (columns.length + 7) >> 3;
  const reads = Array.from({ length }, (_, index) => `const n${index}=b[p+${index}];`);
  return `${reads.join('')}p+=${length};`;
}

const notNull = ({ place }: PresentColumn) => `(n${place >> 3}&${1 << (place & 7)})===0`;

/** Sets `p` to where the value begins and `e` to where it ends. */
function bounds({ size }: CellCode): string {
  if ('fixed' in size) return `e=p+${size.fixed};`;
  return `e=p+${size.counted}+${lengthCode[size.counted]};p+=${size.counted};`;
}

function decodeSource(column: PresentColumn): string {
  if (!isShown(column)) return passed(column);
  const { cell, place, jsonPlace } = column;
  const read = cell.code.replaceAll('f(', `f${place}(`);
  const value = jsonPlace < 0 ? read : `q===undefined||q[${jsonPlace}]===undefined?${read}:q[${jsonPlace}]`;
  return `let v${place}=null;if(${notNull(column)}){${bounds(cell)}v${place}=${value};p=e}`;
}

const isShown = ({ column }: PresentColumn) => column.isInternal !== true;
const passed = (column: PresentColumn) => `if(${notNull(column)}){${step(column.cell)}}`;

function advance({ cell, jsonPlace }: PresentColumn): string {
  return jsonPlace < 0 ? `${step(cell)};` : `let e=0;${bounds(cell)}r[${jsonPlace}]=[p,e];p=e;`;
}
