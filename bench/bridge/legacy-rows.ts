import { rmSync } from 'node:fs';
import mysql, { type Connection } from 'mysql2/promise';
import { type FoundDatabase, findDatabase } from '../../cli/database/find-database.ts';
import { freePort } from '../../test/free-port.ts';

/** A private database with one table of ten columns, about 200 bytes a row. */
export interface LegacyRows {
  readonly url: string;
  readonly connection: Connection;
  /** What is committed now, as text of contract/source-position.ts. */
  position(): Promise<string>;
  /** Adds rows, `perTransaction` of them in each transaction. */
  insert(rows: number, perTransaction: number): Promise<void>;
  stop(): Promise<void>;
}

const table = `CREATE TABLE orders (
  id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, customer_id INT UNSIGNED NOT NULL, reference CHAR(36) NOT NULL,
  receiver VARCHAR(80) NOT NULL, city VARCHAR(60) NOT NULL, status ENUM('new','paid','sent') NOT NULL,
  price DECIMAL(10,2) NOT NULL, weight DOUBLE, ordered_at DATETIME(6) NOT NULL, changed_at TIMESTAMP NULL)`;

/** Rows of one statement: a transaction of more has several. */
const rowsPerStatement = 1_000;

/** Starts the database below `folder`. */
export async function startLegacyRows(folder: string): Promise<LegacyRows> {
  const found: FoundDatabase = await findDatabase({
    packages: '.data/packages',
    data: folder,
    port: await freePort(),
    environment: {},
    report: () => {},
  });
  const url = Object.assign(new URL(found.rootUrl!), { pathname: '/bench' }).href;
  const admin = await mysql.createConnection({ uri: found.rootUrl! });
  await admin.query('CREATE DATABASE bench CHARACTER SET utf8mb4');
  await admin.end();
  const connection = await mysql.createConnection({ uri: url, timezone: 'Z' });
  await connection.query(table);
  let written = 0;
  return {
    url,
    connection,
    async position() {
      const [rows] = await connection.query('SELECT @@GLOBAL.gtid_binlog_pos AS gtids');
      return `mariadb:${(rows as { gtids: string }[])[0]!.gtids}`;
    },
    async insert(rows, perTransaction) {
      for (let done = 0; done < rows; done += perTransaction) {
        await connection.beginTransaction();
        for (let left = Math.min(perTransaction, rows - done); left > 0; left -= rowsPerStatement) {
          const values = Array.from({ length: Math.min(left, rowsPerStatement) }, (_, index) => order(written + index));
          written += values.length;
          await connection.query(
            'INSERT INTO orders (customer_id, reference, receiver, city, status, price, weight, ordered_at, changed_at) VALUES ?',
            [values],
          );
        }
        await connection.commit();
      }
    },
    async stop() {
      await connection.end();
      await found.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function order(n: number): unknown[] {
  const reference = `${String(n).padStart(8, '0')}-5f6c-4f0e-8a54-5d0b9d5e8a3a`;
  const receiver = `Receiver number ${n} of the bench, at the far end of the street`;
  return [
    n % 5_000,
    reference,
    receiver,
    `City ${n % 300}`,
    ['new', 'paid', 'sent'][n % 3],
    (n % 10_000) / 100,
    n / 7,
    '2026-03-04 05:06:07.123456',
    '2026-03-04 05:06:07',
  ];
}
