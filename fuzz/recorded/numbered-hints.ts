import { columnTypes } from '../../cdc-bridge/source/binlog/decoding/column-types.ts';
import { type ColumnHint, noHints, type TableHints } from '../../cdc-bridge/source/binlog/decoding/table-hints.ts';
import { type Flavour, type MappedColumn, parseTableMap } from '../../cdc-bridge/source/binlog/decoding/table-map.ts';

const t = columnTypes;

const dataTypes: Readonly<Record<number, string>> = {
  [t.TINY]: 'tinyint',
  [t.SHORT]: 'smallint',
  [t.INT24]: 'mediumint',
  [t.LONG]: 'int',
  [t.LONGLONG]: 'bigint',
  [t.NEWDECIMAL]: 'decimal',
  [t.FLOAT]: 'float',
  [t.DOUBLE]: 'double',
  [t.BIT]: 'bit',
  [t.YEAR]: 'year',
  [t.DATE]: 'date',
  [t.NEWDATE]: 'date',
  [t.TIME]: 'time',
  [t.TIME2]: 'time',
  [t.DATETIME]: 'datetime',
  [t.DATETIME2]: 'datetime',
  [t.TIMESTAMP]: 'timestamp',
  [t.TIMESTAMP2]: 'timestamp',
  [t.STRING]: 'binary',
  [t.VARCHAR]: 'varbinary',
  [t.VAR_STRING]: 'varbinary',
  [t.ENUM]: 'enum',
  [t.SET]: 'set',
  [t.JSON]: 'json',
};
const blobTypes = ['', 'tinyblob', 'blob', 'mediumblob', 'longblob'];
const isBlob = new Set<number>([t.BLOB, t.BLOB_COMPRESSED]);
const maxMembers = 64;

/**
 * What a table must look like for its rows to fit it: of a recording whose server is gone nobody knows names, character sets and members, so
 * columns are numbered, text is bytes, and members are their numbers.
 */
export function numberedHints(tableMapBody: Buffer, flavour: Flavour): TableHints {
  const { columns } = parseTableMap(tableMapBody, flavour);
  const hints = columns.map((column, index) => numberedHint(column, index));
  return { ...noHints, of: () => hints };
}

function numberedHint({ type, metadata }: MappedColumn, index: number): ColumnHint {
  const dataType = (isBlob.has(type) ? blobTypes[metadata] : dataTypes[type]) ?? 'geometry';
  return {
    name: `@${index + 1}`,
    dataType,
    columnType: dataType,
    charset: undefined,
    octets: metadata,
    precision: type === t.BIT ? metadata : metadata >> 8,
    scale: metadata & 0xff,
    secondDigits: metadata,
    unsigned: false,
    members: Array.from({ length: maxMembers }, (_, member) => String(member + 1)),
    address: undefined,
  };
}
