import { ByteCursor } from './byte-cursor.ts';
import { characterTypes, columnTypes, numericTypes } from './column-types.ts';
import { undecodable } from './undecodable.ts';

/** What a table map says of one column. What the server left out (binlog_row_metadata) is undefined. */
export interface MappedColumn {
  /** The real type: ENUM and SET stand in the map behind STRING. */
  readonly type: number;
  readonly metadata: number;
  readonly nullable: boolean;
  name?: string;
  unsigned?: boolean;
  /** Number of the collation. */
  collation?: number;
  /** Bytes in the column's character set. */
  members?: readonly Buffer[];
  visible?: boolean;
}

/** The maps of MariaDB and MySQL differ in which columns count as character columns. */
export type Flavour = keyof typeof characterTypes;

/** A table as its map describes it. */
export interface TableMap {
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly MappedColumn[];
  /** Places of the primary key's columns, in its order; undefined where the map does not tell. */
  readonly primaryKey: readonly number[] | undefined;
}

/** A table of 4096 columns is the most that either server allows. */
const maxColumns = 4096;

/**
 * Reads the body of a table map event, checksum cut off:
 *
 *     6 table id · 2 flags · 1 length, schema, 0 · 1 length, table, 0 · packed count · count types
 *     · packed length, metadata of each type · one null bit a column · optional metadata: (1 kind · packed length · value)*
 *
 * https://dev.mysql.com/doc/dev/mysql-server/latest/classmysql_1_1binlog_1_1event_1_1Table__map__event.html
 * `flavour` is that of the server that wrote it. Throws BridgeError `binlog-undecodable`.
 */
export function parseTableMap(body: Buffer, flavour: Flavour): TableMap {
  const cursor = new ByteCursor(body, 'a table map');
  cursor.skip(8);
  const schema = name(cursor);
  const table = name(cursor);
  const count = cursor.packed();
  if (count > maxColumns) throw undecodable(`the map of ${schema}.${table} has ${count} columns`);
  const types = cursor.bytes(count);
  const metadata = cursor.part(cursor.packed(), `the types in the map of ${schema}.${table}`);
  const described = [...types].map((type) => describedType(type, metadata));
  const nullBits = cursor.bytes((count + 7) >> 3);
  const columns = described.map((column, index) => ({ ...column, nullable: lowBit(nullBits, index) }));
  return { schema, table, columns, primaryKey: optionalMetadata(cursor, columns, flavour) };
}

function name(cursor: ByteCursor): string {
  const text = cursor.bytes(cursor.byte()).toString('utf8');
  cursor.skip(1);
  return text;
}

const lowBit = (bits: Buffer, index: number) => (bits[index >> 3]! & (1 << (index & 7))) !== 0;

/** Of these types the map has that many bytes of metadata; of all others none. */
const metadataBytes: ReadonlyMap<number, number> = new Map([
  ...[4, 5, 17, 18, 19, 140, 242, 245, 249, 250, 251, 252, 255].map((type) => [type, 1] as const),
  ...[15, 16, 141, 246, 247, 248, 253, 254].map((type) => [type, 2] as const),
]);

function describedType(type: number, cursor: ByteCursor): { type: number; metadata: number } {
  const length = metadataBytes.get(type) ?? 0;
  if (length === 0) return { type, metadata: 0 };
  if (length === 1) return { type, metadata: cursor.byte() };
  const [first, second] = cursor.bytes(2) as unknown as [number, number];
  if (type === columnTypes.STRING) return describedString(first, second);
  if (type === columnTypes.NEWDECIMAL) return { type, metadata: (first << 8) | second };
  if (type === columnTypes.BIT) return { type, metadata: second * 8 + first };
  return { type, metadata: (second << 8) | first };
}

/** The first byte is the real type; where a length above 255 would not fit, two bits of it stand inverted in that type. */
function describedString(first: number, second: number): { type: number; metadata: number } {
  if ((first & 0x30) !== 0x30) return { type: first | 0x30, metadata: second | (((first & 0x30) ^ 0x30) << 4) };
  return { type: first, metadata: second };
}

const kinds = {
  signedness: 1,
  defaultCollation: 2,
  collations: 3,
  names: 4,
  setMembers: 5,
  enumMembers: 6,
  simplePrimaryKey: 8,
  primaryKeyWithPrefix: 9,
  enumAndSetDefaultCollation: 10,
  enumAndSetCollations: 11,
  visibility: 12,
} as const;

/** Fills the columns in; gives the primary key. Kinds that are not known here are of no use to us and passed over. */
function optionalMetadata(
  cursor: ByteCursor,
  columns: readonly MappedColumn[],
  flavour: Flavour,
): readonly number[] | undefined {
  const numeric = columns.filter(({ type }) => numericTypes.has(type));
  const character = columns.filter(({ type }) => characterTypes[flavour].has(type));
  const enums = columns.filter(({ type }) => type === columnTypes.ENUM);
  const sets = columns.filter(({ type }) => type === columnTypes.SET);
  const members = columns.filter(({ type }) => type === columnTypes.ENUM || type === columnTypes.SET);
  let primaryKey: readonly number[] | undefined;
  while (cursor.left > 0) {
    const kind = cursor.byte();
    const value = cursor.part(cursor.packed(), `kind ${kind} of a table map's metadata`);
    switch (kind) {
      case kinds.signedness:
        readBits(value, numeric, (column, unsigned) => (column.unsigned = unsigned));
        break;
      case kinds.visibility:
        readBits(value, columns, (column, visible) => (column.visible = visible));
        break;
      case kinds.names:
        readEach(value, columns, (column) => (column.name = value.packedBytes().toString('utf8')));
        break;
      case kinds.defaultCollation:
        readDefaultCollation(value, character);
        break;
      case kinds.enumAndSetDefaultCollation:
        readDefaultCollation(value, members);
        break;
      case kinds.collations:
        readEach(value, character, (column) => (column.collation = value.packed()));
        break;
      case kinds.enumAndSetCollations:
        readEach(value, members, (column) => (column.collation = value.packed()));
        break;
      case kinds.setMembers:
        readEach(value, sets, (column) => (column.members = readMembers(value)));
        break;
      case kinds.enumMembers:
        readEach(value, enums, (column) => (column.members = readMembers(value)));
        break;
      case kinds.simplePrimaryKey:
        primaryKey = readPrimaryKey(value, columns, false);
        break;
      case kinds.primaryKeyWithPrefix:
        primaryKey = readPrimaryKey(value, columns, true);
        break;
    }
  }
  return primaryKey;
}

function readEach(value: ByteCursor, columns: readonly MappedColumn[], read: (column: MappedColumn) => void): void {
  for (const column of columns) read(column);
  if (value.left > 0) throw undecodable(`a table map describes more than its ${columns.length} columns of that kind`);
}

/** One bit a column, the highest first. */
function readBits(
  value: ByteCursor,
  columns: readonly MappedColumn[],
  set: (column: MappedColumn, bit: boolean) => void,
): void {
  const bits = value.bytes((columns.length + 7) >> 3);
  columns.forEach((column, index) => {
    set(column, (bits[index >> 3]! & (0x80 >> (index & 7))) !== 0);
  });
}

/** One collation for all, then pairs of place and collation for those that have another. */
function readDefaultCollation(value: ByteCursor, columns: readonly MappedColumn[]): void {
  const byDefault = value.packed();
  for (const column of columns) column.collation = byDefault;
  while (value.left > 0) columnAt(columns, value.packed()).collation = value.packed();
}

function readMembers(value: ByteCursor): Buffer[] {
  const members: Buffer[] = [];
  for (let count = value.packed(); count > 0; count -= 1) members.push(value.packedBytes());
  return members;
}

function readPrimaryKey(value: ByteCursor, columns: readonly MappedColumn[], prefixed: boolean): number[] {
  const places: number[] = [];
  while (value.left > 0) {
    const place = value.packed();
    columnAt(columns, place);
    places.push(place);
    if (prefixed) value.packed();
  }
  return places;
}

function columnAt(columns: readonly MappedColumn[], place: number): MappedColumn {
  const column = columns[place];
  if (!column) throw undecodable(`a table map describes column ${place} of ${columns.length}`);
  return column;
}
