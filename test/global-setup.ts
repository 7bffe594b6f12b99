import { findDatabase } from '../cli/database/find-database.ts';
import { freePort } from './free-port.ts';

/**
 * One real MariaDB for all integration tests: a server of this machine, or Debian's package, started privately below `.data/test`.
 * TEST_DB_URL names an account that may do anything; given from outside it is used as it is.
 */
export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (process.env.TEST_DB_URL) return undefined;
  const started = Date.now();
  const database = await findDatabase('.data/test', await freePort(), {}, (doing) =>
    console.log(`database    ${doing}`),
  );
  console.log(`database    ${database.choice}, ${((Date.now() - started) / 1000).toFixed(1)} s`);
  process.env.TEST_DB_URL = database.rootUrl;
  return () => database.stop();
}
