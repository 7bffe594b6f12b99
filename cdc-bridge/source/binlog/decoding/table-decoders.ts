import { ByteCursor } from './byte-cursor.ts';
import { columnTypes } from './column-types.ts';
import { resolveColumns } from './columns.ts';
import { makeRowCode, type RowCode } from './row-code.ts';
import { DeletedRow, InsertedRow, RowsBytes, UpdatedRow } from './row-images.ts';
import { parseRowsEvent, type RowsEvent } from './rows-event.ts';
import { latin1 } from './slices.ts';
import type { Column, RowImages, TableDecoder } from './table-decoder.ts';
import type { TableHints } from './table-hints.ts';
import { type Flavour, parseTableMap, type TableMap } from './table-map.ts';
import { StaleHints, undecodable } from './undecodable.ts';

/** Before the names stand the table's id and flags, which change while the table stays the same. */
const idAndFlagsBytes = 8;

/** Tables whose decoders are kept at once; a server with more makes each again now and then. */
const maxDecoders = 10_000;

/** Sets of present columns for which a table's code is kept: one, or with binlog_row_image=MINIMAL a few. */
const maxImages = 256;

/**
 * The decoder of each table, made when its map is first seen and kept by the bytes of the map. The hints are asked at that moment; when they
 * have been loaded anew since, decoders are made again.
 */
export class TableDecoders {
  readonly #hints: TableHints;
  readonly #flavour: Flavour;
  readonly #made = new Map<string, MappedTable>();
  /** By the low bits of the table's id: the last map with it. Optimization: comparing bytes is cheaper than making a key of them. */
  readonly #latest = new Map<number, { readonly body: Buffer; readonly decoder: MappedTable }>();
  #askedAnew = new Set<string>();
  #generation: number;

  /** `flavour` is that of the server that wrote the binlog. */
  constructor(hints: TableHints, flavour: Flavour) {
    this.#hints = hints;
    this.#flavour = flavour;
    this.#generation = hints.generation;
  }

  /**
   * `body` is a table map event after its 19-byte header, checksum cut off. Throws BridgeError `binlog-undecodable`; a StaleHints among them
   * is worth loading the hints anew and asking once more, see there.
   */
  for(body: Buffer): TableDecoder {
    if (this.#generation !== this.#hints.generation) this.#forget();
    const id = body.length > idAndFlagsBytes ? body.readUInt32LE(0) : 0;
    const latest = this.#latest.get(id);
    if (latest?.body.equals(body)) return latest.decoder;
    const decoder = this.#find(body);
    this.#latest.set(id, { body: Buffer.from(body), decoder });
    return decoder;
  }

  #find(body: Buffer): MappedTable {
    const key = body.toString('latin1', idAndFlagsBytes);
    const made = this.#made.get(key);
    if (made) return made;
    const decoder = this.#make(key, parseTableMap(body, this.#flavour));
    if (this.#made.size >= maxDecoders || this.#latest.size >= maxDecoders) this.#forget();
    this.#made.set(key, decoder);
    return decoder;
  }

  #forget(): void {
    this.#generation = this.#hints.generation;
    this.#made.clear();
    this.#latest.clear();
  }

  #make(key: string, map: TableMap): MappedTable {
    try {
      const decoder = new MappedTable(map, resolveColumns(map, this.#hints, this.#askedAnew.has(key)));
      this.#askedAnew.delete(key);
      return decoder;
    } catch (error) {
      if (error instanceof StaleHints) this.#askedAnew.add(key);
      throw error;
    }
  }
}

class MappedTable implements TableDecoder {
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly Column[];
  readonly primaryKey: readonly string[] | undefined;
  readonly #codes = new Map<string, RowCode>();
  readonly #jsonColumns: number;
  /** For messages. */
  readonly #name: string;

  constructor(map: TableMap, columns: readonly Column[]) {
    this.schema = map.schema;
    this.table = map.table;
    this.#name = `${map.schema}.${map.table}`;
    this.columns = columns;
    this.primaryKey = map.primaryKey?.map((place) => columns[place]!.name);
    this.#jsonColumns = columns.filter(({ type }) => type === columnTypes.JSON).length;
  }

  rows(eventType: number, body: Buffer): readonly RowImages[] {
    const event = parseRowsEvent(eventType, body, this.#name, this.columns.length);
    const code = this.#code(body, event.present);
    if (event.presentAfter) return this.#updates(event, code, this.#code(body, event.presentAfter));
    const Image = event.kind === 'write' ? InsertedRow : DeletedRow;
    const rows = new RowsBytes(event.bytes);
    const images: RowImages[] = [];
    if (code.isEmpty) images.push(new Image(rows, code, event.from));
    for (let at = event.from; at < event.bytes.length; ) {
      images.push(new Image(rows, code, at));
      at = this.#behind(code, event.bytes, at);
    }
    return images;
  }

  #updates(event: RowsEvent, code: RowCode, codeAfter: RowCode): readonly RowImages[] {
    const { bytes } = event;
    const rows = new RowsBytes(bytes);
    const images: RowImages[] = [];
    for (let at = event.from; at < bytes.length; ) {
      const before = { code, at };
      const middle = code.isEmpty ? at : this.#behind(code, bytes, at);
      const { partial, from } =
        event.kind === 'update' ? { partial: undefined, from: middle } : this.#options(bytes, middle);
      images.push(new UpdatedRow(rows, before, { code: codeAfter, at: from }, partial));
      at = codeAfter.isEmpty && from > at ? from : this.#behind(codeAfter, bytes, from);
    }
    return images;
  }

  /** Before an image after of a partial update: packed options · where the first bit is set, one bit a JSON column: those that hold changes. */
  #options(bytes: Buffer, at: number): { partial: readonly boolean[] | undefined; from: number } {
    const cursor = new ByteCursor(bytes, `rows of ${this.#name}`, at);
    if ((cursor.packed() & 1) === 0) return { partial: undefined, from: cursor.at };
    const bits = cursor.bytes((this.#jsonColumns + 7) >> 3);
    const partial = Array.from(
      { length: this.#jsonColumns },
      (_, place) => (bits[place >> 3]! & (1 << (place & 7))) !== 0,
    );
    return { partial, from: cursor.at };
  }

  /** Where the image at `at` ends: always further on, and not beyond the end. */
  #behind(code: RowCode, bytes: Buffer, at: number): number {
    const next = code.skip(bytes, at);
    if (next > at && next <= bytes.length) return next;
    throw undecodable(`a row of ${this.#name} does not end where its event ends`);
  }

  #code(body: Buffer, present: number): RowCode {
    const key = latin1(body, present, present + ((this.columns.length + 7) >> 3));
    let code = this.#codes.get(key);
    if (!code) {
      code = makeRowCode(this.columns, Buffer.from(key, 'latin1'));
      if (this.#codes.size >= maxImages) this.#codes.clear();
      this.#codes.set(key, code);
    }
    return code;
  }
}
