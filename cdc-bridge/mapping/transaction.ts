import type { Images } from './cell.ts';
import { type JoinIndex, joinKey } from './join-key.ts';
import type { Row, RowChange, RowOp } from './row-change.ts';
import { Unclear } from './unclear.ts';

/** A change with its images as its table declares that they are read; or the half of one that moved a row to another key or stream. */
export interface ReadChange extends Images {
  readonly change: RowChange;
  readonly op: RowOp;
}

/** Reads the images of a change as its table declares. */
export type ReadImages = (change: RowChange) => ReadChange;

/** The rows of one transaction, as rules that look beyond their own row see them. */
export class Transaction {
  readonly #rows: readonly RowChange[];
  readonly #whole: boolean;
  readonly #read: ReadImages;
  readonly #kept: ReadonlySet<string>;
  #found: Map<JoinIndex, ReadonlyMap<string, Images>> | undefined;
  #shown: readonly RowChange[] | undefined;

  /** `kept` are the tables whose changes are stored to be mapped again. */
  constructor(rows: readonly RowChange[], whole: boolean, read: ReadImages, kept: ReadonlySet<string>) {
    this.#rows = rows;
    this.#whole = whole;
    this.#read = read;
    this.#kept = kept;
  }

  /** The last change of a row with this key. Throws Unclear `transaction-in-pieces` when not all rows are at hand. */
  last(index: JoinIndex, key: string): Images | undefined {
    this.#requireWhole();
    this.#found ??= new Map();
    let rows = this.#found.get(index);
    if (!rows) {
      rows = this.#indexed(index);
      this.#found.set(index, rows);
    }
    return rows.get(key);
  }

  /** The changes that would be there when it is mapped again, as frozen copies, in their order, for functions. Throws like `last`. */
  shown(): readonly RowChange[] {
    this.#requireWhole();
    this.#shown ??= Object.freeze(
      this.#rows.filter(({ table }) => this.#kept.has(table)).map((change) => this.show(this.#read(change))),
    );
    return this.#shown;
  }

  /** One change as a frozen copy. */
  show({ change, op, before, after }: ReadChange): RowChange {
    const { table, pos, row, traceparent, derived } = change;
    return Object.freeze({
      table,
      op,
      pos,
      row,
      ...(before && { before: frozen(before) }),
      ...(after && { after: frozen(after) }),
      ...(traceparent === undefined ? {} : { traceparent }),
      ...(derived && { derived }),
    });
  }

  #indexed(index: JoinIndex): ReadonlyMap<string, Images> {
    const rows = new Map<string, Images>();
    for (const change of this.#rows) {
      if (change.table !== index.table || (index.op !== undefined && change.op !== index.op)) continue;
      const images = this.#read(change);
      const key = joinKey(images, index.columns);
      if (key !== undefined) rows.set(key, images);
    }
    return rows;
  }

  #requireWhole(): void {
    if (!this.#whole) throw new Unclear('transaction-in-pieces', 'the transaction came in pieces');
  }
}

function frozen(row: Row): Row {
  return deepFrozen({ ...row });
}

function deepFrozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const member of Object.values(value)) deepFrozen(member);
  return Object.freeze(value);
}
