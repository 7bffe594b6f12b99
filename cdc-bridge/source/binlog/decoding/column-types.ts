/** Type codes of the row format. https://dev.mysql.com/doc/dev/mysql-server/latest/field__types_8h.html, MariaDB: sql/field.h */
export const columnTypes = {
  TINY: 1,
  SHORT: 2,
  LONG: 3,
  FLOAT: 4,
  DOUBLE: 5,
  TIMESTAMP: 7,
  LONGLONG: 8,
  INT24: 9,
  DATE: 10,
  TIME: 11,
  DATETIME: 12,
  YEAR: 13,
  NEWDATE: 14,
  VARCHAR: 15,
  BIT: 16,
  TIMESTAMP2: 17,
  DATETIME2: 18,
  TIME2: 19,
  /** MariaDB: COMPRESSED columns. */
  BLOB_COMPRESSED: 140,
  VARCHAR_COMPRESSED: 141,
  /** MySQL 9. */
  VECTOR: 242,
  JSON: 245,
  NEWDECIMAL: 246,
  ENUM: 247,
  SET: 248,
  TINY_BLOB: 249,
  MEDIUM_BLOB: 250,
  LONG_BLOB: 251,
  BLOB: 252,
  VAR_STRING: 253,
  STRING: 254,
  GEOMETRY: 255,
} as const;

const t = columnTypes;

/** Those of which the map's SIGNEDNESS has a bit. */
export const numericTypes: ReadonlySet<number> = new Set([
  ...[t.TINY, t.SHORT, t.INT24, t.LONG, t.LONGLONG, t.NEWDECIMAL, t.FLOAT, t.DOUBLE, t.YEAR],
]);

const texts = [
  ...[t.STRING, t.VAR_STRING, t.VARCHAR, t.VARCHAR_COMPRESSED],
  ...[t.TINY_BLOB, t.MEDIUM_BLOB, t.LONG_BLOB, t.BLOB, t.BLOB_COMPRESSED],
];

/** Those of which the map tells a collation among the character columns, by the server that wrote it; bytes are among them. */
export const characterTypes: Readonly<Record<'mariadb' | 'mysql', ReadonlySet<number>>> = {
  mariadb: new Set([...texts, t.GEOMETRY]),
  mysql: new Set([...texts, t.VECTOR]),
};

const names = new Map<number, string>(Object.entries(columnTypes).map(([name, code]) => [code, name]));

/** `VARCHAR`, or the number of a type that is not known here. */
export function typeName(type: number): string {
  return names.get(type) ?? `type ${type}`;
}
