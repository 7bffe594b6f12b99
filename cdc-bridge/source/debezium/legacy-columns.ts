import { type ColumnTypes, readColumnType } from './column-type.ts';
import type { AskColumns } from './table-types.ts';

/** The legacy database, asked by SQL. */
export interface SqlPort {
  query(sql: string, values: readonly unknown[]): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/** Asks information_schema for the columns of a table as they are now. */
export function legacyColumns(sql: SqlPort, database: string): AskColumns {
  return async (table): Promise<ColumnTypes | undefined> => {
    const rows = await sql.query(
      'SELECT COLUMN_NAME AS name, COLUMN_TYPE AS type, IS_NULLABLE AS nullable FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?',
      [database, table],
    );
    if (rows.length === 0) return undefined;
    return new Map(
      rows.map(({ name, type, nullable }) => [String(name), readColumnType(String(type), nullable === 'YES')]),
    );
  };
}
