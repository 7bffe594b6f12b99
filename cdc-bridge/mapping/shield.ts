import { createHmac } from 'node:crypto';
import { canonicalJson } from '../../contract/json.ts';
import type { ColumnsSection } from './columns-section.ts';
import { type Cell, type Row, type RowChange, Unreadable } from './row-change.ts';
import { columnsOf, type TablesConfig } from './table-mapping.ts';

/** Gives a change as it may be stored, logged and mapped. Not to be applied twice: a hash would be hashed again. */
export type Shield = (change: RowChange) => RowChange;

/** Gives the value that may leave in place of another. */
type Cover = (cell: Cell) => Cell;

/** Column → its cover; undefined for a column that does not leave. */
type Covers = ReadonlyMap<string, Cover | undefined>;

/**
 * The one gate that values pass before anything else sees them: excluded columns are not there behind it, masked ones have a fixed text, hashed
 * ones their HMAC-SHA-256 under `hashKey` (hex). A change of a table without such columns is given back as it is.
 */
export function compileShield(tables: TablesConfig, hashKey: string | undefined): Shield {
  const shielded = new Map<string, Covers>();
  for (const [name, table] of Object.entries(tables)) {
    const columns = columnsOf(table);
    const covers = columns && coversOf(columns, hashKey);
    if (covers && covers.size > 0) shielded.set(name, covers);
  }
  return (change) => {
    const covers = shielded.get(change.table);
    return covers ? new ShieldedChange(change, covers) : change;
  };
}

/** Tables with columns that may not leave as they are: SQL text about them may not either. */
export function shieldedTables(tables: TablesConfig): ReadonlySet<string> {
  const names = Object.keys(tables).filter((name) => {
    const columns = columnsOf(tables[name]);
    return columns !== undefined && coversOf(columns, undefined).size > 0;
  });
  return new Set(names);
}

function coversOf({ exclude, mask, hash }: ColumnsSection, hashKey: string | undefined): Covers {
  const key = hashKey ?? '';
  return new Map<string, Cover | undefined>([
    ...exclude.map((column) => [column, undefined] as const),
    ...Object.entries(mask).map(([column, text]) => [column, masked(text)] as const),
    ...hash.map((column) => [column, hashed(key)] as const),
  ]);
}

function masked(text: string): Cover {
  return (cell) => (cell === null ? null : text);
}

/** A number and its text have one hash: a large number is text in one row and a number in another. */
function hashed(key: string): Cover {
  return (cell) => {
    if (cell === null) return null;
    if (cell instanceof Unreadable) return new Unreadable('a hashed column whose value cannot be read exactly');
    const text = typeof cell === 'string' ? cell : canonicalJson(cell);
    return createHmac('sha256', key).update(text).digest('hex');
  };
}

/** A change behind the shield; its images are decoded and covered when they are first asked for. */
class ShieldedChange implements RowChange {
  readonly #change: RowChange;
  readonly #covers: Covers;
  #before: Row | undefined;
  #after: Row | undefined;

  constructor(change: RowChange, covers: Covers) {
    this.#change = change;
    this.#covers = covers;
  }
  get table() {
    return this.#change.table;
  }
  get op() {
    return this.#change.op;
  }
  get pos() {
    return this.#change.pos;
  }
  get row() {
    return this.#change.row;
  }
  get traceparent() {
    return this.#change.traceparent;
  }
  get derived() {
    return this.#change.derived;
  }
  get before() {
    this.#before ??= cover(this.#change.before, this.#covers);
    return this.#before;
  }
  get after() {
    this.#after ??= cover(this.#change.after, this.#covers);
    return this.#after;
  }
}

function cover(row: Row | undefined, covers: Covers): Row | undefined {
  if (!row) return undefined;
  const covered: Record<string, Cell> = {};
  for (const column in row) {
    const cell = row[column]!;
    if (!covers.has(column)) covered[column] = cell;
    else {
      const change = covers.get(column);
      if (change) covered[column] = change(cell);
    }
  }
  return covered;
}
