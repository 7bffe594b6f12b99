import { type Connection, type ConnectionOptions, createConnection, type ResultSetHeader } from 'mysql2/promise';
import type { DatabaseAddress } from './config.ts';
import { withTraceparent } from './sqlcommenter.ts';

export type { Connection };

/** A value that may stand for a `?` in SQL text. */
export type SqlValue = string | number | null;

/** A row as the text protocol gives it, with dates and decimals as text. */
export type Row = Record<string, string | number | null>;

/** How long one statement may take before its request fails. PHP's max_execution_time is 30 s too. */
const statementTimeoutMs = 30_000;
const connectTimeoutMs = 5_000;

/**
 * One request's connection, as `mysql_connect` gives a PHP script: autocommit, one statement at a time, closed at the
 * request's end. The text protocol is used throughout, so that a write's comment reaches the binlog.
 */
export class Database {
  readonly #connection: Connection;
  readonly #traceparent: string | undefined;

  constructor(connection: Connection, traceparent: string | undefined) {
    this.#connection = connection;
    this.#traceparent = traceparent;
  }

  rows<T = Row>(sql: string, values: readonly SqlValue[] = []): Promise<T[]> {
    return this.#run(sql, values) as Promise<T[]>;
  }

  async row<T = Row>(sql: string, values: readonly SqlValue[] = []): Promise<T | undefined> {
    return (await this.rows<T>(sql, values))[0];
  }

  /** Runs one INSERT, UPDATE or DELETE, which commits by itself. `matched` counts rows found, changed or not. */
  async write(sql: string, values: readonly SqlValue[] = []): Promise<{ insertId: number; matched: number }> {
    const result = (await this.#run(withTraceparent(sql, this.#traceparent), values)) as ResultSetHeader;
    return { insertId: result.insertId, matched: result.affectedRows };
  }

  async #run(sql: string, values: readonly SqlValue[]): Promise<unknown> {
    try {
      const [result] = await this.#connection.query({ sql, values: [...values], timeout: statementTimeoutMs });
      return result;
    } catch (error) {
      // The driver still waits for the late answer and would keep everything after it, the goodbye too, in its queue.
      if ((error as { code?: string }).code === 'PROTOCOL_SEQUENCE_TIMEOUT') this.#connection.destroy();
      throw error;
    }
  }
}

/** Opens a connection for `work` and closes it afterwards, however `work` ends. Rejects with the driver's error. */
export async function withDatabase<T>(
  address: DatabaseAddress,
  traceparent: string | undefined,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const connection = await connect(address);
  try {
    return await work(new Database(connection, traceparent));
  } finally {
    await connection.end().catch(() => connection.destroy());
  }
}

/**
 * A connection with what such applications live on: `sql_mode=''`, which takes zero dates and cuts what is too long,
 * and dates as text.
 */
export async function connect(address: DatabaseAddress, options: ConnectionOptions = {}): Promise<Connection> {
  const connection = await createConnection({
    ...address,
    charset: 'utf8mb4_general_ci',
    dateStrings: true,
    stringifyObjects: true,
    connectTimeout: connectTimeoutMs,
    ...options,
  });
  // A server that goes away between two statements is reported here; without a listener it would end the process. The
  // next statement fails.
  connection.on('error', () => {});
  try {
    await connection.query({ sql: "SET SESSION sql_mode = ''", timeout: connectTimeoutMs });
    return connection;
  } catch (error) {
    connection.destroy();
    throw error;
  }
}
