import { appendFileSync, rmSync } from 'node:fs';
import { findDatabase } from '../cli/database/find-database.ts';
import { freePort } from './free-port.ts';

/**
 * One real MariaDB for all integration tests of a run: a server of this machine, or Debian's package, started privately with data of
 * its own below `.data/test`. TEST_DB_URL names an account that may do anything; given from outside it is used as it is.
 */
export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (process.env.TEST_DB_URL) return undefined;
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
