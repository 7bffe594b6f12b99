import { type Connection, createConnection } from 'mysql2/promise';
import type { DatabaseConfig } from '../../cdc-bridge/config.ts';
import type { Difference } from '../../cdc-bridge/oracle/difference.ts';
import { type Checked, FollowedDatabase } from './followed-database.ts';
import { statementsIn } from './sql-suite.ts';

/** What one file of a suite came to. */
export interface FileVerdict extends Checked {
  readonly file: string;
  statements: number;
  /** Statements that the server refused, as suites mean many to be, or that lack what the test framework would put in. */
  refused: number;
  /** Statements that concern the server and not this database. */
  left: number;
  /** How the reading ended, when it did not reach the end of the file. */
  stopped?: string;
  differences: readonly Difference[];
}

/** Suites say `test` where they mean their database. */
export const suiteDatabase = 'test';

/**
 * Runs the statements of a file one by one in the empty database that the URL names, looks before the first that writes and compares before each that drops or alters
 * something, and at the end. Statements that concern the whole server are left out.
 */
export async function runFile(url: string, config: Omit<DatabaseConfig, 'url'>, file: string): Promise<FileVerdict> {
  const statements = statementsIn(file);
  const writer = new Writer(url);
  const followed = await FollowedDatabase.open({ ...config, url } as DatabaseConfig);
  const counts = { statements: 0, refused: 0, left: 0 };
  let stopped: string | undefined;
  try {
    for (const statement of statements) {
      if (concernsServer(statement)) {
        counts.left += 1;
        continue;
      }
      if (changesTables.test(statement)) await compare(followed, writer);
      else if (mayWrite.test(statement) && !followed.isFollowed) await followed.look();
      counts.statements += 1;
      if (!(await writer.run(statement))) counts.refused += 1;
    }
    await compare(followed, writer);
  } catch (error) {
    stopped = (error as Error).message;
  } finally {
    await writer.close();
    await followed.close();
  }
  return { file, ...counts, ...followed.checked, ...(stopped && { stopped }), differences: followed.differences };
}

/** What is not committed is nobody's to see; the statement that follows would commit it. */
async function compare(followed: FollowedDatabase, writer: Writer): Promise<void> {
  if (!followed.isFollowed) return;
  await writer.run('COMMIT');
  await followed.compare();
}

const changesTables = /^(\/\*!\d*\s*)?(create|drop|alter|rename|truncate|analyze|optimize|repair)\b(?!\s+temporary)/i;
const mayWrite =
  /^(\/\*!\d*\s*)?(insert|update|delete|replace|load|call|execute|with|begin|start|xa|do|select|binlog|handler|commit|set)\b/i;

const server = [
  /^(shutdown|restart|reset|purge|kill|grant|revoke|install|uninstall|clone|change|start\s+(slave|replica|all|group)|stop|help|flush|lock|backup|cache|load\s+index)\b/i,
  /^(create|drop|alter|rename)\s+(or\s+replace\s+)?(user|role|server|tablespace|undo|logfile|instance|resource|event|spatial)\b/i,
  /^set\s+(global|persist|password|role|default\s+role|@@global|@@persist)/i,
  /\b(global\s+\w+\s*=|@@global\.\w+\s*:?=|sql_log_bin|sql_log_off|binlog_format|gtid_next|gtid_purged|gtid_seq_no|gtid_domain_id|server_id\s*=|pseudo_|skip_replication|binlog_direct|session_track|log_bin_trust)/i,
  /\b(mysql|performance_schema|sys)\s*\.\s*\w+/i,
  /^use\s+`?(mysql|sys|performance_schema|information_schema)/i,
  /\binto\s+(outfile|dumpfile)\b/i,
  /\b(sleep|benchmark|get_lock|master_pos_wait|master_gtid_wait|wait_for_executed_gtid_set)\s*\(/i,
];

function concernsServer(statement: string): boolean {
  return (
    server.some((pattern) => pattern.test(statement)) && !/^create\s+(temporary\s+)?table|^insert/i.test(statement)
  );
}

/** A session that has all statements of a file; one that hangs is ended and begun anew. */
class Writer {
  readonly #url: string;
  #connection: Connection | undefined;

  constructor(url: string) {
    this.#url = url;
  }

  /** Whether the server took it. */
  async run(statement: string): Promise<boolean> {
    this.#connection ??= await connect(this.#url);
    try {
      await this.#connection.query({ sql: statement, timeout: statementMs });
      return true;
    } catch (error) {
      if ((error as { fatal?: boolean }).fatal) this.#forget();
      return false;
    }
  }

  async close(): Promise<void> {
    this.#forget();
  }

  #forget(): void {
    this.#connection?.destroy();
    this.#connection = undefined;
  }
}

const statementMs = 10_000;

/** Text goes as the bytes that the file has. */
async function connect(url: string): Promise<Connection> {
  const connection = await createConnection({ uri: url, charset: 'LATIN1_SWEDISH_CI' });
  connection.on('error', () => {});
  await connection.query('SET NAMES utf8mb4');
  await connection
    .query(
      'SET SESSION lock_wait_timeout = 2, SESSION innodb_lock_wait_timeout = 1, SESSION cte_max_recursion_depth = 1000',
    )
    .catch(() =>
      connection.query(
        'SET SESSION lock_wait_timeout = 2, SESSION innodb_lock_wait_timeout = 1, SESSION max_statement_time = 8',
      ),
    );
  return connection;
}

const system = new Set(['mysql', 'sys', 'performance_schema', 'information_schema']);

/** Drops every database that is not the server's own. Prepared transactions hold locks that no session can take away. */
export async function emptyServer(url: string): Promise<void> {
  const connection = await createConnection({ uri: url, dateStrings: true });
  try {
    await connection.query('SET SESSION foreign_key_checks = 0');
    const [prepared] = await connection.query('XA RECOVER');
    for (const { formatID, gtrid_length: length, data } of prepared as {
      formatID: number;
      gtrid_length: number;
      data: string;
    }[])
      await connection
        .query(`XA ROLLBACK '${data.slice(0, length)}', '${data.slice(length)}', ${formatID}`)
        .catch(() => {});
    const [found] = await connection.query('SHOW DATABASES');
    for (const { Database: name } of found as { Database: string }[])
      if (!system.has(name)) await connection.query(`DROP DATABASE \`${name.replaceAll('`', '``')}\``);
    await connection.query(`CREATE DATABASE ${suiteDatabase}`);
  } finally {
    connection.destroy();
  }
}
