import { charsetOfCollation } from './charsets/collations.ts';
import { textDecoder } from './charsets/text-decoder.ts';
import { columnTypes, typeName } from './column-types.ts';
import type { Column } from './table-decoder.ts';
import type { ColumnHint, TableHints } from './table-hints.ts';
import type { MappedColumn, TableMap } from './table-map.ts';
import { StaleHints, undecodable } from './undecodable.ts';

const t = columnTypes;

/**
 * The columns of a table map, with what it does not tell taken from the catalogue. Throws BridgeError `binlog-undecodable`, as StaleHints
 * where a catalogue loaded anew could help. At the second asking the catalogue is as new as can be: a fixed-length
 * column of MariaDB that may be a UUID then stays open, and its cells cannot be read.
 */
export function resolveColumns(map: TableMap, hints: TableHints, secondAsking: boolean): readonly Column[] {
  const columns = describedColumns(map, hints, secondAsking);
  const names = new Set<string>();
  for (const { name } of columns) {
    if (names.has(name)) throw undecodable(`the map of ${map.schema}.${map.table} has two columns called ${name}`);
    names.add(name);
  }
  return columns;
}

function describedColumns(map: TableMap, hints: TableHints, secondAsking: boolean): readonly Column[] {
  const hinted = hints.of(map.schema, map.table);
  const named = map.columns.every(({ name }) => name !== undefined);
  if (!named) return unnamedColumns(map, hinted);
  const byName = new Map(hinted?.map((hint) => [hint.name, hint]));
  return map.columns.map((mapped) => {
    const hint = byName.get(mapped.name!);
    const fitting = hint && misfit(mapped, hint) === undefined ? hint : undefined;
    if (isHash(mapped, hinted !== undefined, hint !== undefined))
      return { ...columnOf(map, mapped, undefined, false), isInternal: true };
    const needed = isOldTemporal(mapped) || (hints.knowsAddresses && mayBeAddress(mapped) && !secondAsking);
    if (needed && !fitting) throw new StaleHints(map.schema, map.table, `nothing fits its column ${mapped.name}`);
    return columnOf(map, mapped, fitting, hints.knowsAddresses);
  });
}

function unnamedColumns(map: TableMap, hinted: readonly ColumnHint[] | undefined): readonly Column[] {
  const stale = (why: string) => new StaleHints(map.schema, map.table, why);
  if (!hinted) throw stale('there is no such table');
  if (hinted.length !== map.columns.length)
    throw stale(`it has ${hinted.length} columns, its rows have ${map.columns.length}`);
  return map.columns.map((mapped, index) => {
    const hint = hinted[index]!;
    const why = misfit(mapped, hint);
    if (why) throw stale(`its column ${hint.name} is ${hint.columnType}, its rows have ${why} there`);
    return columnOf(map, { ...mapped, name: hint.name }, hint, false);
  });
}

/** Types that may stand in the map for a column of that type in the catalogue. */
const typesOf: Readonly<Record<string, readonly number[]>> = {
  tinyint: [t.TINY],
  smallint: [t.SHORT],
  mediumint: [t.INT24],
  int: [t.LONG],
  bigint: [t.LONGLONG],
  decimal: [t.NEWDECIMAL],
  float: [t.FLOAT],
  double: [t.DOUBLE],
  bit: [t.BIT],
  year: [t.YEAR],
  date: [t.DATE, t.NEWDATE],
  time: [t.TIME, t.TIME2],
  datetime: [t.DATETIME, t.DATETIME2],
  timestamp: [t.TIMESTAMP, t.TIMESTAMP2],
  char: [t.STRING],
  binary: [t.STRING],
  uuid: [t.STRING],
  inet4: [t.STRING],
  inet6: [t.STRING],
  varchar: [t.VARCHAR, t.VARCHAR_COMPRESSED, t.VAR_STRING],
  varbinary: [t.VARCHAR, t.VARCHAR_COMPRESSED, t.VAR_STRING],
  enum: [t.ENUM],
  set: [t.SET],
  json: [t.JSON],
  vector: [t.VECTOR, t.VARCHAR],
};
const blobs = [t.BLOB, t.BLOB_COMPRESSED, t.TINY_BLOB, t.MEDIUM_BLOB, t.LONG_BLOB];
const sizesOfBlobs: Readonly<Record<string, number>> = { tiny: 1, '': 2, medium: 3, long: 4 };

/** What the map has instead of this column of the catalogue; undefined where they go together. */
function misfit({ type, metadata }: MappedColumn, hint: ColumnHint): string | undefined {
  const blob = /^(tiny|medium|long|)(blob|text)$/.exec(hint.dataType);
  const types = blob ? blobs : (typesOf[hint.dataType] ?? [t.GEOMETRY]);
  if (!(types as readonly number[]).includes(type)) return typeName(type);
  if (blob && sizesOfBlobs[blob[1]!] !== metadata) return `${typeName(type)} of ${metadata} length bytes`;
  const expected = expectedMetadata(type, hint);
  return expected === undefined || expected === metadata ? undefined : `${typeName(type)} with metadata ${metadata}`;
}

function expectedMetadata(type: number, hint: ColumnHint): number | undefined {
  if (type === t.NEWDECIMAL) return ((hint.precision ?? 0) << 8) | (hint.scale ?? 0);
  if (type === t.BIT) return hint.precision;
  if (type === t.TIME2 || type === t.DATETIME2 || type === t.TIMESTAMP2) return hint.secondDigits ?? 0;
  return type === t.VARCHAR && hint.dataType !== 'vector' ? hint.octets : undefined;
}

const isOldTemporal = ({ type }: MappedColumn) => type === t.TIME || type === t.DATETIME || type === t.TIMESTAMP;

const hashName = /^DB_ROW_HASH_\d+$/;

/** MariaDB's UNIQUE over long text stands in the binlog as a number that the catalogue does not have. */
const isHash = ({ type, name }: MappedColumn, tableIsKnown: boolean, columnIsKnown: boolean) =>
  type === t.LONGLONG && hashName.test(name!) && (!tableIsKnown || !columnIsKnown);

const addressLengths = new Set([4, 16]);
const mayBeAddress = ({ type, metadata, collation }: MappedColumn) =>
  type === t.STRING &&
  addressLengths.has(metadata) &&
  (collation === undefined || charsetOfCollation(collation) === 'binary');

/** Types that are text or bytes, or have members that are. */
const hasCharset = ({ type }: MappedColumn) =>
  type === t.ENUM ||
  type === t.SET ||
  type === t.STRING ||
  type === t.VAR_STRING ||
  type === t.VARCHAR ||
  type === t.VARCHAR_COMPRESSED ||
  (blobs as readonly number[]).includes(type);

function columnOf(map: TableMap, mapped: MappedColumn, hint: ColumnHint | undefined, mayBeOpen: boolean): Column {
  const { type, metadata, nullable, visible = true } = mapped;
  const charset = hasCharset(mapped) ? charsetOf(map, mapped, hint) : undefined;
  const address = mayBeAddress(mapped) ? (hint ? hint.address : mayBeOpen ? 'unknown' : undefined) : undefined;
  return {
    name: mapped.name!,
    type,
    metadata,
    nullable,
    visible,
    unsigned: mapped.unsigned ?? hint?.unsigned ?? false,
    ...(charset && { charset }),
    ...((type === t.ENUM || type === t.SET) && { members: membersOf(map, mapped, hint, charset!) }),
    ...(address && { address }),
    ...(hint?.columnType === 'year(2)' && { isTwoDigitYear: true }),
    ...(isOldTemporal(mapped) && { oldSecondDigits: hint?.secondDigits ?? 0 }),
    ...(hint?.dataType === 'vector' && type === t.VARCHAR && { isVector: true }),
  };
}

function charsetOf(
  { schema, table }: TableMap,
  { name, collation }: MappedColumn,
  hint: ColumnHint | undefined,
): string {
  if (collation === undefined && !hint)
    throw new StaleHints(schema, table, `the character set of its column ${name} is not known`);
  if (collation === undefined) return hint!.charset ?? 'binary';
  const charset = charsetOfCollation(collation);
  if (charset) return charset;
  throw undecodable(`column ${name} of ${schema}.${table} has collation ${collation}, which is not known here`);
}

function membersOf(
  { schema, table }: TableMap,
  { name, members }: MappedColumn,
  hint: ColumnHint | undefined,
  charset: string,
): readonly string[] {
  if (!members) {
    if (hint?.members) return hint.members;
    throw new StaleHints(schema, table, `the members of its column ${name} are not known`);
  }
  const decode = charset === 'binary' ? undefined : textDecoder(charset);
  return members.map((member) => {
    const text = decode ? decode(member, 0, member.length) : member.toString('latin1');
    if (typeof text === 'string') return text;
    throw undecodable(`a member of column ${name} of ${schema}.${table} is no text of ${charset}`);
  });
}
