import { readFile } from 'node:fs/promises';
import type { DatabaseAddress } from './config.ts';
import { type Connection, connect } from './database.ts';

const installLockSeconds = 60;

/**
 * Creates the database and its tables when they are missing, and seeds them once. May run again and at the same time as
 * another. The seed is one transaction that ends with the users, so one that broke off is not there, and data deleted
 * since then does not come back.
 */
export async function install(address: DatabaseAddress): Promise<void> {
  await createDatabase(address);
  const connection = await connect(address, { multipleStatements: true });
  try {
    await connection.query('SELECT GET_LOCK(?, ?)', [lockName(address), installLockSeconds]);
    await connection.query(await readSql('schema.sql'));
    if (!(await isSeeded(connection))) await seed(connection);
  } finally {
    await connection.end();
  }
}

/**
 * Done only when the database is missing: an account without the right to create one may still use one that is there.
 */
async function createDatabase(address: DatabaseAddress): Promise<void> {
  try {
    await (await connect(address)).end();
  } catch (error) {
    if ((error as { code?: string }).code !== 'ER_BAD_DB_ERROR') throw error;
    const connection = await connect({ ...address, database: '' });
    await connection.query('CREATE DATABASE IF NOT EXISTS ?? CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci', [
      address.database,
    ]);
    await connection.end();
  }
}

async function isSeeded(connection: Connection): Promise<boolean> {
  const [users] = await connection.query('SELECT 1 FROM users LIMIT 1');
  return (users as unknown[]).length > 0;
}

async function seed(connection: Connection): Promise<void> {
  await connection.query('START TRANSACTION');
  await connection.query(await readSql('seed.sql'));
  await connection.query('COMMIT');
}

function lockName({ database }: DatabaseAddress): string {
  return `install-${database}`.slice(0, 64);
}

function readSql(file: string): Promise<string> {
  return readFile(new URL(file, import.meta.url), 'utf8');
}
