import type { LegacyColumn, LegacySchema, LegacyTable } from '../mapping/legacy-schema.ts';
import type { CatalogueDatabase } from './catalogue.ts';

type SqlRow = Readonly<Record<string, unknown>>;

const columnsQuery = `SELECT c.TABLE_NAME AS tableName, c.COLUMN_NAME AS name, c.DATA_TYPE AS type, c.COLUMN_TYPE AS fullType
  FROM information_schema.COLUMNS c JOIN information_schema.TABLES t USING (TABLE_SCHEMA, TABLE_NAME)
  WHERE c.TABLE_SCHEMA = ? AND t.TABLE_TYPE = 'BASE TABLE' ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION`;

const keysQuery = `SELECT TABLE_NAME AS tableName, COLUMN_NAME AS name FROM information_schema.STATISTICS
  WHERE TABLE_SCHEMA = ? AND INDEX_NAME = 'PRIMARY' ORDER BY TABLE_NAME, SEQ_IN_INDEX`;

const foreignKeysQuery = `SELECT TABLE_NAME AS tableName, COLUMN_NAME AS name, REFERENCED_TABLE_NAME AS parent
  FROM information_schema.KEY_COLUMN_USAGE
  WHERE TABLE_SCHEMA = ? AND REFERENCED_TABLE_SCHEMA = TABLE_SCHEMA ORDER BY TABLE_NAME, ORDINAL_POSITION`;

/** Reads the tables of the legacy database, their columns, primary keys and foreign keys. */
export async function readSchema(database: Pick<CatalogueDatabase, 'name' | 'query'>): Promise<LegacySchema> {
  const of = async (query: string) => byTable(await database.query(query, [database.name]));
  const [columns, keys, foreignKeys] = await Promise.all([of(columnsQuery), of(keysQuery), of(foreignKeysQuery)]);
  return [...columns].map(
    ([name, rows]): LegacyTable => ({
      name,
      columns: rows.map(column),
      key: (keys.get(name) ?? []).map((row) => String(row.name)),
      references: (foreignKeys.get(name) ?? []).map((row) => ({ column: String(row.name), table: String(row.parent) })),
    }),
  );
}

function byTable(rows: readonly SqlRow[]): Map<string, SqlRow[]> {
  const tables = new Map<string, SqlRow[]>();
  for (const row of rows) {
    const name = String(row.tableName);
    tables.set(name, [...(tables.get(name) ?? []), row]);
  }
  return tables;
}

function column({ name, type, fullType }: SqlRow): LegacyColumn {
  return { name: String(name), type: String(type).toLowerCase(), members: enumMembers(String(fullType)) };
}

/** `enum('a','it''s')` → `['a', "it's"]`; none for other types. */
function enumMembers(type: string): string[] {
  if (!/^enum\(/i.test(type)) return [];
  return [...type.matchAll(/'((?:[^']|'')*)'/g)].map(([, member]) => member!.replaceAll("''", "'"));
}
