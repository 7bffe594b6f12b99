import { appendFileSync, rmSync } from 'node:fs';
import { findDatabase } from '../cli/database/find-database.ts';
import { freePort } from './free-port.ts';
import { shareMysql } from './real-parts/shared-mysql.ts';

/** The databases of all integration tests of a run: a MariaDB from the start, a MySQL when the first suite asks for it. */
export default async function setup(): Promise<() => Promise<void>> {
  const stops = [await shareMysql(), await shareMariadb()];
  return async () => {
    await Promise.all(stops.map((stop) => stop()));
  };
}

/**
 * One real MariaDB: a server of this machine, or Debian's package, started privately with data of its own below `.data/test`. TEST_DB_URL
 * names an account that may do anything; given from outside it is used as it is.
 */
async function shareMariadb(): Promise<() => Promise<void>> {
  if (process.env.TEST_DB_URL) return async () => {};
  const started = Date.now();
  const data = `.data/test/database-${process.pid}`;
  const report = (doing: string) => console.log(`database    ${doing}`);
  const database = await findDatabase({
    packages: '.data/packages',
    data,
    port: await freePort(),
    environment: {},
    report,
  });
  const line = { name: 'legacy database', version: database.choice, seconds: (Date.now() - started) / 1000 };
  appendFileSync(process.env.REAL_PARTS_REPORT!, `${JSON.stringify(line)}\n`);
  process.env.TEST_DB_URL = database.rootUrl;
  return async () => {
    await database.stop();
    rmSync(data, { recursive: true, force: true });
  };
}
