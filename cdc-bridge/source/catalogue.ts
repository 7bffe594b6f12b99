import type { ColumnHint, TableHints } from './binlog/decoding/table-hints.ts';

/** One row of information_schema. */
type SqlRow = Readonly<Record<string, unknown>>;

/** What the catalogue asks; LegacyDatabase is one. */
export interface CatalogueDatabase {
  readonly name: string;
  readonly identity: { readonly flavour: 'mariadb' | 'mysql' };
  query(sql: string, values?: readonly unknown[]): Promise<readonly SqlRow[]>;
}

const columnsOfDatabase = `SELECT TABLE_NAME AS tableName, COLUMN_NAME AS name, DATA_TYPE AS dataType, COLUMN_TYPE AS columnType,
  CHARACTER_SET_NAME AS charset, CHARACTER_OCTET_LENGTH AS octets, NUMERIC_PRECISION AS numericPrecision, NUMERIC_SCALE AS scale,
  DATETIME_PRECISION AS secondDigits FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? ORDER BY TABLE_NAME, ORDINAL_POSITION`;

/** The tables of one database as information_schema has them: what the binlog's table maps do not tell. Held in memory, loaded at once. */
export class Catalogue implements TableHints {
  readonly knowsAddresses: boolean;
  readonly #database: CatalogueDatabase;
  #tables: ReadonlyMap<string, readonly ColumnHint[]> = new Map();
  #generation = 0;

  private constructor(database: CatalogueDatabase) {
    this.#database = database;
    this.knowsAddresses = database.identity.flavour === 'mariadb';
  }

  static async load(database: CatalogueDatabase): Promise<Catalogue> {
    const catalogue = new Catalogue(database);
    await catalogue.reload();
    return catalogue;
  }

  get generation(): number {
    return this.#generation;
  }

  of(schema: string, table: string): readonly ColumnHint[] | undefined {
    return schema === this.#database.name ? this.#tables.get(table) : undefined;
  }

  /** Loads all tables anew. To be called after DDL, and when StaleHints is thrown. */
  async reload(): Promise<void> {
    const tables = new Map<string, ColumnHint[]>();
    for (const row of await this.#database.query(columnsOfDatabase, [this.#database.name])) {
      const table = String(row.tableName);
      tables.set(table, [...(tables.get(table) ?? []), hintOf(row)]);
    }
    this.#tables = tables;
    this.#generation += 1;
  }
}

const addresses = new Set(['uuid', 'inet4', 'inet6']);

function hintOf(row: SqlRow): ColumnHint {
  const dataType = String(row.dataType).toLowerCase();
  const columnType = String(row.columnType);
  const number = (value: unknown) => (value === null ? undefined : Number(value));
  return {
    name: String(row.name),
    dataType,
    columnType,
    charset: row.charset === null ? undefined : String(row.charset),
    octets: number(row.octets),
    precision: number(row.numericPrecision),
    scale: number(row.scale),
    secondDigits: number(row.secondDigits),
    unsigned: /\bunsigned\b/i.test(columnType),
    members: dataType === 'enum' || dataType === 'set' ? declaredMembers(columnType) : undefined,
    address: addresses.has(dataType) ? (dataType as 'uuid' | 'inet4' | 'inet6') : undefined,
  };
}

/** What stands behind a backslash for a character; any other stands for itself. */
const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', 0: '\0' };

/** The members in `enum('a','it''s','back\\slash')`, as both servers write them: quotes doubled, backslash and line ends escaped. */
export function declaredMembers(columnType: string): string[] {
  return [...columnType.matchAll(/'((?:[^'\\]|''|\\.)*)'/gs)].map((match) =>
    match[1]!.replace(/''|\\(.)/gs, (_, escaped?: string) =>
      escaped === undefined ? "'" : (escapes[escaped] ?? escaped),
    ),
  );
}
