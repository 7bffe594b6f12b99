import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mysql, { type Connection } from 'mysql2/promise';
import { findDatabase } from '../../cli/database/find-database.ts';
import { freePort } from '../../test/free-port.ts';

/** The binlog events of one table, each from its header to its checksum. */
export interface RecordedBinlog {
  readonly bulk: readonly Buffer[];
  readonly singleRow: readonly Buffer[];
}

/** Ten columns, about 200 bytes a row, as in the comparison of docs/performance.md. */
const table = `CREATE TABLE orders (id BIGINT UNSIGNED PRIMARY KEY, customer INT UNSIGNED NOT NULL, status VARCHAR(20) NOT NULL,
  email VARCHAR(80) CHARACTER SET utf8mb4, address VARCHAR(120) CHARACTER SET utf8mb4, amount DECIMAL(12,2), quantity SMALLINT,
  note TEXT CHARACTER SET utf8mb4, created_at DATETIME(3) NOT NULL, updated_at TIMESTAMP NOT NULL)`;

const rowsOfStatement = 1_000;

function row(id: number): string {
  const second = String(id % 60).padStart(2, '0');
  const day = String(1 + (id % 28)).padStart(2, '0');
  const note = id % 5 === 0 ? 'NULL' : `'left with the neighbour at number ${id % 90}, bell is broken'`;
  const time = `2025-03-${day} 10:20:${second}`;
  return `(${id}, ${id % 10_000}, 'in_transit', 'customer${id % 10_000}@example.com', '${id % 500} Hauptstraße, 10115 Berlin', ${id % 1_000}.50, ${id % 9}, ${note}, '${time}.125', '${time}')`;
}

/** Writes rows into a MariaDB of its own, many in a statement and one in a transaction, and reads what stands in its binlog. */
export async function recordBinlog(bulkRows: number, singleRows: number): Promise<RecordedBinlog> {
  const data = mkdtempSync(join(tmpdir(), 'bench-decode-'));
  const database = await findDatabase({
    packages: '.data/packages',
    data,
    port: await freePort(),
    environment: {},
    report: () => {},
  });
  try {
    const connection = await mysql.createConnection({ uri: `${database.rootUrl}legacy`, charset: 'utf8mb4' });
    await connection.query(table);
    const bulk = await written(connection, data, async () => {
      for (let id = 0; id < bulkRows; id += rowsOfStatement) await insert(connection, id, rowsOfStatement);
    });
    const singleRow = await written(connection, data, async () => {
      for (let id = bulkRows; id < bulkRows + singleRows; id += 1) await insert(connection, id, 1);
    });
    await connection.end();
    return { bulk, singleRow };
  } finally {
    await database.stop();
    rmSync(data, { recursive: true, force: true });
  }
}

function insert(connection: Connection, from: number, count: number): Promise<unknown> {
  const rows = Array.from({ length: count }, (_, index) => row(from + index));
  return connection.query(`INSERT INTO orders VALUES ${rows.join(', ')}`);
}

async function written(connection: Connection, data: string, write: () => Promise<void>): Promise<Buffer[]> {
  await connection.query('FLUSH BINARY LOGS');
  await write();
  const [rows] = await connection.query<mysql.RowDataPacket[]>('SHOW MASTER STATUS');
  return eventsOf(readFileSync(join(data, 'data', rows[0]!.File)));
}

const magicBytes = 4;

function eventsOf(file: Buffer): Buffer[] {
  const events: Buffer[] = [];
  for (let at = magicBytes; at < file.length; ) {
    const length = file.readUInt32LE(at + 9);
    events.push(file.subarray(at, at + length));
    at += length;
  }
  return events;
}
