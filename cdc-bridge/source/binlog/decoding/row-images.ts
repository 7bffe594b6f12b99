import { type Cell, type Row, Unreadable } from '../../../mapping/row-change.ts';
import { partialJsonText } from './json/partial-json.ts';
import type { RowCode } from './row-code.ts';
import { latin1 } from './slices.ts';
import type { RowImages } from './table-decoder.ts';

/** Events up to this length are turned into text whole, once, for their cells to be pieces of. */
const maxSharedTextBytes = 65_536;

/** The bytes of one rows event, held by its rows. */
export class RowsBytes {
  readonly bytes: Buffer;
  #latin1: string | undefined;
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** All bytes as latin1 text; '' where that would keep too much memory for the sake of a few cells. */
  get latin1(): string {
    if (this.bytes.length > maxSharedTextBytes) return '';
    this.#latin1 ??= latin1(this.bytes, 0, this.bytes.length);
    return this.#latin1;
  }
}

/** Where an image stands and how it is read. */
export interface ImagePlace {
  readonly code: RowCode;
  readonly at: number;
}

/** A row of an insert. */
export class InsertedRow implements RowImages {
  readonly #rows: RowsBytes;
  readonly #code: RowCode;
  readonly #at: number;
  #after: Row | undefined;
  constructor(rows: RowsBytes, code: RowCode, at: number) {
    this.#rows = rows;
    this.#code = code;
    this.#at = at;
  }
  get after(): Row {
    this.#after ??= this.#code.decode(this.#rows.bytes, this.#rows.latin1, this.#at, undefined);
    return this.#after;
  }
  get afterJson(): string {
    return this.#code.json(this.#rows.bytes, this.#rows.latin1, this.#at, undefined);
  }
}

/** A row of a delete. */
export class DeletedRow implements RowImages {
  readonly #rows: RowsBytes;
  readonly #code: RowCode;
  readonly #at: number;
  #before: Row | undefined;
  constructor(rows: RowsBytes, code: RowCode, at: number) {
    this.#rows = rows;
    this.#code = code;
    this.#at = at;
  }
  get before(): Row {
    this.#before ??= this.#code.decode(this.#rows.bytes, this.#rows.latin1, this.#at, undefined);
    return this.#before;
  }
  get beforeJson(): string {
    return this.#code.json(this.#rows.bytes, this.#rows.latin1, this.#at, undefined);
  }
}

/** A row of an update. `partial` says which JSON columns of the image after hold changes instead of documents. */
export class UpdatedRow implements RowImages {
  readonly #rows: RowsBytes;
  readonly #from: ImagePlace;
  readonly #to: ImagePlace;
  readonly #partial: readonly boolean[] | undefined;
  #before: Row | undefined;
  #after: Row | undefined;
  constructor(rows: RowsBytes, from: ImagePlace, to: ImagePlace, partial: readonly boolean[] | undefined) {
    this.#rows = rows;
    this.#from = from;
    this.#to = to;
    this.#partial = partial;
  }
  get before(): Row {
    this.#before ??= this.#from.code.decode(this.#rows.bytes, this.#rows.latin1, this.#from.at, undefined);
    return this.#before;
  }
  get after(): Row {
    this.#after ??= this.#to.code.decode(this.#rows.bytes, this.#rows.latin1, this.#to.at, this.#changedJson());
    return this.#after;
  }
  get beforeJson(): string {
    return this.#from.code.json(this.#rows.bytes, this.#rows.latin1, this.#from.at, undefined);
  }
  get afterJson(): string {
    return this.#to.code.json(this.#rows.bytes, this.#rows.latin1, this.#to.at, this.#changedJson());
  }
  #changedJson(): (Cell | undefined)[] | undefined {
    return this.#partial && changedJson(this.#rows.bytes, this.#from, this.#to, this.#partial);
  }
}

/** The JSON cells that stand in the image after as changes of the image before. */
function changedJson(
  bytes: Buffer,
  from: ImagePlace,
  to: ImagePlace,
  partial: readonly boolean[],
): (Cell | undefined)[] {
  const before = from.code.jsonValues(bytes, from.at);
  const after = to.code.jsonValues(bytes, to.at);
  return partial.map((isPartial, place) => {
    const diffs = after[place];
    if (!isPartial || !diffs) return undefined;
    const document = before[place];
    if (!document) return new Unreadable('a change of a JSON document that is not in the image before');
    return applied(bytes.subarray(...document), bytes.subarray(...diffs));
  });
}

function applied(document: Buffer, diffs: Buffer): Cell {
  try {
    return partialJsonText(document, diffs);
  } catch (error) {
    return new Unreadable(`a change of a JSON document that cannot be read: ${(error as Error).message}`);
  }
}
