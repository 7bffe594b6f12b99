import mysql, { type Connection, type Pool, type RowDataPacket } from 'mysql2/promise';
import { BridgeError } from '../errors.ts';
import type { ServerIdentity } from '../positions/cursor.ts';
import type { ConnectionSettings } from './connection-settings.ts';

export type SqlRow = Readonly<Record<string, unknown>>;

/** One connection of its own, for work that needs a session: a consistent snapshot. */
export interface Session {
  query(sql: string, values?: readonly unknown[]): Promise<SqlRow[]>;
  close(): void;
}

/** The legacy database asked by SQL, beside the binlog; the one door to mysql2. Lost connections throw BridgeError `legacy-unreachable`. */
export class LegacyDatabase {
  readonly identity: ServerIdentity;
  readonly version: string;
  readonly name: string;
  readonly #settings: ConnectionSettings;
  readonly #pool: Pool;

  private constructor(settings: ConnectionSettings, pool: Pool, identity: ServerIdentity, version: string) {
    this.#settings = settings;
    this.#pool = pool;
    this.identity = identity;
    this.version = version;
    this.name = settings.database;
  }

  static async connect(settings: ConnectionSettings): Promise<LegacyDatabase> {
    const pool = mysql.createPool({ ...settings, connectionLimit: 2 });
    try {
      const [row] = await query(pool, 'SELECT VERSION() AS version, @@GLOBAL.server_id AS id');
      const version = String(row!.version);
      const flavour = /mariadb/i.test(version) ? 'mariadb' : 'mysql';
      const id = flavour === 'mariadb' ? row!.id : (await query(pool, 'SELECT @@GLOBAL.server_uuid AS id'))[0]!.id;
      return new LegacyDatabase(settings, pool, { flavour, id: String(id) }, version);
    } catch (error) {
      await pool.end();
      throw error;
    }
  }

  query(sql: string, values: readonly unknown[] = []): Promise<SqlRow[]> {
    return query(this.#pool, sql, values);
  }

  /** Everything that is committed at this moment, as GTIDs. */
  async head(): Promise<string> {
    const variable = this.identity.flavour === 'mariadb' ? '@@GLOBAL.gtid_binlog_pos' : '@@GLOBAL.gtid_executed';
    const [row] = await this.query(`SELECT ${variable} AS head`);
    return `${this.identity.flavour}:${String(row!.head).replace(/\s/g, '')}`;
  }

  async session(): Promise<Session> {
    const connection = await mysql.createConnection({ ...this.#settings }).catch(refuse);
    connection.on('error', () => {});
    return { query: (sql, values = []) => query(connection, sql, values), close: () => connection.destroy() };
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}

async function query(on: Pool | Connection, sql: string, values: readonly unknown[] = []): Promise<SqlRow[]> {
  const [rows] = await on.query<RowDataPacket[]>(sql, [...values]).catch(refuse);
  return rows;
}

const connectionErrors = /^(E[A-Z]+|PROTOCOL_\w+|ER_CON_COUNT_ERROR|ER_CONNECTION_KILLED)$/;
const refusals = /^(ER_ACCESS_DENIED_ERROR|ER_DBACCESS_DENIED_ERROR|ER_BAD_DB_ERROR)$/;

/** A connection that cannot be made, or broke, is a state of the world; any other SQL error is passed on as it is. */
function refuse(error: Error & { code?: string; fatal?: boolean }): never {
  if (refusals.test(error.code ?? '')) {
    throw new BridgeError('legacy-refused', `legacy database: ${error.message}`, { cause: error });
  }
  if (!error.fatal && !connectionErrors.test(error.code ?? '')) throw error;
  throw new BridgeError('legacy-unreachable', `legacy database: ${error.message || error.code}`, { cause: error });
}
