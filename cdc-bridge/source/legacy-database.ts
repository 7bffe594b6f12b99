import { connect } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import type { Connection as WrappedConnection } from 'mysql2';
import mysql, { type Connection, type ConnectionOptions, type Pool, type RowDataPacket } from 'mysql2/promise';
import { formatSourcePosition, type SourcePosition } from '../../contract/source-position.ts';
import { BridgeError, type BridgeErrorCode } from '../errors.ts';
import type { ServerIdentity } from '../positions/cursor.ts';
import { ed25519Signature } from './binlog/connection/ed25519.ts';
import { type ConnectionSettings, type Credentials, readCredentials } from './connection-settings.ts';

export type SqlRow = Readonly<Record<string, unknown>>;

/** One connection of its own, for work that needs a session: a consistent snapshot. */
export interface Session {
  query(sql: string, values?: readonly unknown[]): Promise<SqlRow[]>;
  /** Row by row, for more of them than memory holds: the server waits while nobody takes. */
  stream(sql: string): AsyncIterable<SqlRow>;
  close(): void;
}

/** A pool, and what its connections prove themselves with. */
interface OpenPool {
  readonly pool: Pool;
  readonly credentials: Credentials;
}

/**
 * The legacy database asked by SQL, beside the binlog; the one door to mysql2. Password and certificates are read anew for every session,
 * and for the pool when the server refuses those that it had. Lost connections throw BridgeError `legacy-unreachable`.
 */
export class LegacyDatabase {
  readonly identity: ServerIdentity;
  readonly version: string;
  readonly name: string;
  readonly #settings: ConnectionSettings;
  #open: OpenPool;

  private constructor(settings: ConnectionSettings, open: OpenPool, identity: ServerIdentity, version: string) {
    this.#settings = settings;
    this.#open = open;
    this.identity = identity;
    this.version = version;
    this.name = settings.database;
  }

  static async connect(settings: ConnectionSettings): Promise<LegacyDatabase> {
    const open = openPool(settings, await readCredentials(settings));
    try {
      const [row] = await query(open.pool, settings, 'SELECT VERSION() AS version, @@GLOBAL.server_id AS id');
      const version = String(row!.version);
      const flavour = /mariadb/i.test(version) ? 'mariadb' : 'mysql';
      const id = flavour === 'mariadb' ? row!.id : await serverUuid(open.pool, settings);
      return new LegacyDatabase(settings, open, { flavour, id: String(id) }, version);
    } catch (error) {
      await open.pool.end();
      throw error;
    }
  }

  async query(sql: string, values: readonly unknown[] = []): Promise<SqlRow[]> {
    const asked = this.#open;
    try {
      return await query(asked.pool, this.#settings, sql, values);
    } catch (error) {
      if (!concernsCredentials(error) || !(await this.#renew(asked))) throw error;
      return query(this.#open.pool, this.#settings, sql, values);
    }
  }

  /**
   * Everything that is committed at this moment, as a position of the kind asked for. Where none is asked for: by GTIDs, or by the end of the
   * binlog where MySQL does not give every transaction a GTID.
   */
  async head(kind?: SourcePosition['kind']): Promise<string> {
    const byFile = kind === undefined ? !(await this.#givesGtids()) : kind === 'file';
    if (byFile) return this.#binlogEnd();
    const variable = this.identity.flavour === 'mariadb' ? '@@GLOBAL.gtid_binlog_pos' : '@@GLOBAL.gtid_executed';
    const [row] = await this.query(`SELECT ${variable} AS head`);
    return `${this.identity.flavour}:${String(row!.head).replace(/\s/g, '')}`;
  }

  async #givesGtids(): Promise<boolean> {
    if (this.identity.flavour === 'mariadb') return true;
    const [row] = await this.query('SELECT @@GLOBAL.gtid_mode AS mode');
    return row!.mode === 'ON';
  }

  /** MySQL spells the question in another way since 8.2. */
  async #binlogEnd(): Promise<string> {
    const [row] = await this.query('SHOW BINARY LOG STATUS').catch((error: { code?: string }) => {
      if (error.code !== 'ER_PARSE_ERROR') throw error;
      return this.query('SHOW MASTER STATUS');
    });
    const { File: file, Position: offset } = row!;
    return formatSourcePosition({ kind: 'file', server: this.identity.id, file: String(file), offset: Number(offset) });
  }

  async session(): Promise<Session> {
    const settings = this.#settings;
    const options = driverOptions(settings, await readCredentials(settings));
    const connection = await mysql.createConnection(options).catch((error) => refuse(error, settings));
    connection.on('error', () => {});
    return {
      query: (sql, values = []) => query(connection, settings, sql, values),
      stream: (sql) => stream(connection, settings, sql),
      close: () => connection.destroy(),
    };
  }

  async close(): Promise<void> {
    await this.#open.pool.end();
  }

  /** Whether there is now another pool than `refused`: its files hold something else by now, or another query has seen that before. */
  async #renew(refused: OpenPool): Promise<boolean> {
    const credentials = await readCredentials(this.#settings);
    if (this.#open !== refused) return true;
    if (isDeepStrictEqual(credentials, refused.credentials)) return false;
    this.#open = openPool(this.#settings, credentials);
    // Its connections are refused or idle: how their end goes changes nothing.
    refused.pool.end().catch(() => {});
    return true;
  }
}

const poolSize = 2;

/** What the driver is told so that it gives every value as exact text, instants in UTC. */
const exactValues = {
  dateStrings: true,
  jsonStrings: true,
  supportBigNumbers: true,
  timezone: 'Z',
  charset: 'utf8mb4',
} as const;

function openPool(settings: ConnectionSettings, credentials: Credentials): OpenPool {
  const pool = mysql.createPool({ ...driverOptions(settings, credentials), connectionLimit: poolSize });
  return { pool, credentials };
}

function driverOptions(settings: ConnectionSettings, { password, tls }: Credentials): ConnectionOptions {
  const { host, port, socketPath, user, database, connectTimeoutMs } = settings;
  return {
    ...(socketPath === undefined ? { host, port } : { socketPath }),
    user,
    password,
    database,
    connectTimeout: connectTimeoutMs,
    ...exactValues,
    authPlugins: {
      client_ed25519: () => (scramble) => ed25519Signature(Buffer.from(password), scramble.subarray(0, 32)),
    },
    ...(tls ? tlsOptions(settings, tls) : {}),
  };
}

/** The driver verifies the name that it connects to: for another one, it is given that name and a socket that goes to the host. */
function tlsOptions({ host, port }: ConnectionSettings, tls: NonNullable<Credentials['tls']>): ConnectionOptions {
  const { servername, verify, ...material } = tls;
  const ssl = { ...material, rejectUnauthorized: verify !== 'none', verifyIdentity: verify === 'identity' };
  if (servername === undefined || servername === host) return { ssl, enableCleartextPlugin: true };
  return { ssl, enableCleartextPlugin: true, host: servername, stream: () => connect({ host, port, noDelay: true }) };
}

async function serverUuid(pool: Pool, settings: ConnectionSettings): Promise<unknown> {
  const [row] = await query(pool, settings, 'SELECT @@GLOBAL.server_uuid AS id');
  return row!.id;
}

async function query(
  on: Pool | Connection,
  settings: ConnectionSettings,
  sql: string,
  values: readonly unknown[] = [],
): Promise<SqlRow[]> {
  const [rows] = await on.query<RowDataPacket[]>(sql, [...values]).catch((error) => refuse(error, settings));
  return rows;
}

/** Rows that the driver has read ahead. */
const rowsAhead = 500;

/** The driver's promises know no streams; what they wrap does. */
interface Wrapping {
  readonly connection: WrappedConnection;
}

async function* stream(on: Connection, settings: ConnectionSettings, sql: string): AsyncGenerator<SqlRow> {
  const { connection } = on as Connection & Wrapping;
  try {
    for await (const row of connection.query(sql).stream({ highWaterMark: rowsAhead })) yield row as SqlRow;
  } catch (error) {
    refuse(error as Error, settings);
  }
}

const credentialCodes = new Set<BridgeErrorCode>(['legacy-refused', 'password-refused', 'legacy-tls']);

function concernsCredentials(error: unknown): boolean {
  return error instanceof BridgeError && credentialCodes.has(error.code);
}

const connectionErrors = /^(E[A-Z]+|PROTOCOL_\w+|ER_CON_COUNT_ERROR|ER_CONNECTION_KILLED)$/;
const tlsErrors = /^(HANDSHAKE_\w*SSL\w*|ER_SECURE_TRANSPORT_REQUIRED|ERR_(SSL|TLS|OSSL)\w*|\w*CERT\w*|EPROTO)$/;
const passwordErrors = /^ER_ACCESS_DENIED(_NO_PASSWORD)?_ERROR$/;
const refusals =
  /^(ER_ACCESS_DENIED\w*|ER_DBACCESS_DENIED_ERROR|ER_BAD_DB_ERROR|ER_HOST_NOT_PRIVILEGED|AUTH_SWITCH_PLUGIN_ERROR)$/;

/** A connection that cannot be made, or broke, is a state of the world; any other SQL error is passed on as it is. */
function refuse(error: Error & { code?: string; fatal?: boolean }, { passwordFile }: ConnectionSettings): never {
  const code = meaningOf(error.code ?? '', error.fatal === true, passwordFile !== undefined);
  if (code === undefined) throw error;
  throw new BridgeError(code, `legacy database: ${error.message || error.code}`, { cause: error });
}

function meaningOf(code: string, isFatal: boolean, passwordFromFile: boolean): BridgeErrorCode | undefined {
  if (tlsErrors.test(code)) return 'legacy-tls';
  if (passwordErrors.test(code) && passwordFromFile) return 'password-refused';
  if (refusals.test(code)) return 'legacy-refused';
  return isFatal || connectionErrors.test(code) ? 'legacy-unreachable' : undefined;
}
