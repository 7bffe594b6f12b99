import type { LegacyDatabase } from '../legacy-database.ts';

/** A row of information_schema.COLUMNS. */
export interface ColumnFacts {
  readonly name: string;
  /** `varchar` */
  readonly type: string;
  /** `enum('a','b')`, `int(10) unsigned` */
  readonly declared: string;
  readonly charset: string | undefined;
  readonly collation: string | undefined;
  readonly fraction: number;
  readonly precision: number;
  readonly scale: number;
  /** Whether the binlog may leave it out of an image that is whole. */
  readonly generated: boolean;
}

/** The columns of a table in their order; none when there is no such table. */
export async function columnFacts(database: LegacyDatabase, table: string): Promise<ColumnFacts[]> {
  const rows = await database.query(
    `SELECT COLUMN_NAME AS name, DATA_TYPE AS type, COLUMN_TYPE AS declared, CHARACTER_SET_NAME AS charset, COLLATION_NAME AS collation,
            DATETIME_PRECISION AS fraction, NUMERIC_PRECISION AS digits, NUMERIC_SCALE AS scale, EXTRA AS extra
       FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`,
    [database.name, table],
  );
  return rows.map(({ name, type, declared, charset, collation, fraction, digits, scale, extra }) => ({
    name: String(name),
    type: String(type).toLowerCase(),
    declared: String(declared),
    charset: charset === null ? undefined : String(charset),
    collation: collation === null ? undefined : String(collation),
    fraction: Number(fraction ?? 0),
    precision: Number(digits ?? 0),
    scale: Number(scale ?? 0),
    generated: /\bgenerated\b/i.test(String(extra)) && !/default_generated/i.test(String(extra)),
  }));
}

/** A name as an SQL identifier. */
export function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}
