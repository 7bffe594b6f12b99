/** What the engines are asked of; LegacyDatabase is one. */
interface EnginesDatabase {
  readonly name: string;
  query(sql: string, values?: readonly unknown[]): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

const transactionalOfTables = `SELECT t.TABLE_NAME AS name, e.TRANSACTIONS = 'YES' AS transactional FROM information_schema.TABLES t
  JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE WHERE t.TABLE_SCHEMA = ?`;

/** Which tables of the database follow a ROLLBACK, as they are now. The binlog does not tell. */
export class TableEngines {
  readonly #database: EnginesDatabase;
  #transactional: ReadonlyMap<string, boolean> = new Map();

  private constructor(database: EnginesDatabase) {
    this.#database = database;
  }

  static async load(database: EnginesDatabase): Promise<TableEngines> {
    const engines = new TableEngines(database);
    await engines.reload();
    return engines;
  }

  async reload(): Promise<void> {
    const rows = await this.#database.query(transactionalOfTables, [this.#database.name]);
    this.#transactional = new Map(rows.map(({ name, transactional }) => [String(name), Number(transactional) === 1]));
  }

  /** Whether the table's rows stay when their transaction is rolled back, as MyISAM's do; undefined for a table that is not there. */
  staysOnRollback(table: string): boolean | undefined {
    const transactional = this.#transactional.get(table);
    return transactional === undefined ? undefined : !transactional;
  }
}
