import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import type { BridgeCost } from './bridge/bridge-process.ts';
import { type LegacyRows, startLegacyRows } from './bridge/legacy-rows.ts';
import { startHelper } from './helper-process.ts';
import type { Report } from './report.ts';

const transactionRows = 1_000_000;
const largeRowBytes = 40 * 1024 * 1024;

/** What is written, and how many events it comes to. */
interface Large {
  readonly name: string;
  readonly events: number;
  write(legacy: LegacyRows): Promise<void>;
}

const works: readonly Large[] = [
  { name: 'nothing', events: 0, write: async () => {} },
  {
    name: 'one transaction of 1,000,000 rows',
    events: transactionRows,
    write: (legacy) => legacy.insert(transactionRows, transactionRows),
  },
  { name: 'one row of 40 MiB', events: 1, write: writeLargeRow },
];

/** The most memory that the bridge's process holds while something very large comes through. */
export async function measureBridgeMemory(): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-bridge-memory-'));
  try {
    const rows: (string | number)[][] = [];
    for (const [index, work] of works.entries()) rows.push(await measure(work, join(folder, String(index))));
    const columns = ['what comes through', 'MiB', 'µs a row'];
    const title = 'The most memory that the bridge’s process held (VmHWM)';
    return { bench: 'bridge-memory', tables: [{ title, columns, rows }] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure({ name, events, write }: Large, folder: string): Promise<(string | number)[]> {
  const legacy = await startLegacyRows(join(folder, 'database'));
  try {
    await runBridge(legacy, folder, 'start');
    await write(legacy);
    cpSync(join(folder, 'start'), join(folder, 'run'), { recursive: true });
    const cost = await runBridge(legacy, folder, 'run');
    if (cost.events !== events) throw new Error(`expected ${events} events, found ${cost.events}`);
    return [name, cost.peakMebibytes, events > 1 ? cost.cpuMicroseconds / events : ''];
  } finally {
    await legacy.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runBridge({ url }: LegacyRows, folder: string, name: string): Promise<BridgeCost> {
  const program = new URL('./bridge/bridge-process.ts', import.meta.url);
  const helper = await startHelper(program, [url, `sqlite:${join(folder, name, 'log.db')}`, 'never', 'drop']);
  const cost = await helper.ask<BridgeCost>({});
  await helper.stop();
  return cost;
}

/** A session takes the largest packet from when it was opened. */
async function writeLargeRow({ connection, url }: LegacyRows): Promise<void> {
  await connection.query('SET GLOBAL max_allowed_packet = 1073741824');
  await connection.query('ALTER TABLE orders ADD COLUMN scan LONGTEXT');
  const writer = await mysql.createConnection({ uri: url });
  await writer.query(
    `INSERT INTO orders (customer_id, reference, receiver, city, status, price, ordered_at, scan)
     VALUES (1, 'a', 'b', 'c', 'new', 1, NOW(6), REPEAT('0123456789abcdef', ${largeRowBytes / 16}))`,
  );
  await writer.end();
}
