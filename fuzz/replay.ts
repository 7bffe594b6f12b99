import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { startMariadb } from '../test/cdc-bridge/own-mariadb.ts';
import { startMysql } from '../test/real-parts/mysql.ts';
import { emptyServer, type FileVerdict, runFile, suiteDatabase } from './replay/run-suite.ts';
import { suiteFiles } from './replay/sql-suite.ts';

/**
 * `npm run fuzz -- replay --suite DIRECTORY [--server mariadb|mysql] [--only TEXT] [--url ROOT-URL]`: every `.sql` and `.test` file of the folder is run statement by
 * statement on a server of its own (or an EMPTY one at that URL: its databases are dropped!), its binlog read by our reader and replayed, and compared with SELECT
 * cell by cell whenever a table is about to go. Exits with 1 on any difference that the binlog does not announce.
 */
const { values } = parseArgs({
  options: {
    suite: { type: 'string' },
    server: { type: 'string', default: 'mariadb' },
    only: { type: 'string', default: '' },
    url: { type: 'string' },
  },
});
if (!values.suite) throw new Error('expected --suite DIRECTORY, a folder of .sql and .test files');
const files = suiteFiles(values.suite).filter((path) => path.includes(values.only));
let server = await start();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => server.stop().finally(() => process.exit(1)));
const sums: Record<string, number> = {};
let failures = 0;
try {
  for (const file of files) {
    await emptyServer(server.url).catch(startAnew);
    tell(await runFile(Object.assign(new URL(server.url), { pathname: `/${suiteDatabase}` }).href, reading(), file));
  }
} finally {
  await server.stop();
}
process.stdout.write(`${JSON.stringify({ files: files.length, failures, ...sums })}\n`);
process.exitCode = failures > 0 ? 1 : 0;

async function start(): Promise<{ url: string; stop(): Promise<void> }> {
  const { url, server } = values;
  if (url) return { url, stop: async () => {} };
  if (server === 'mysql') return startMysql();
  const started = await startMariadb();
  return { url: started.rootUrl, stop: () => started.stop() };
}

/** Some tests leave files in a database's folder, or end the server. One that is not ours we leave as it is. */
async function startAnew(cause: Error): Promise<void> {
  if (values.url) throw new Error('the databases of the server cannot be dropped', { cause });
  await server.stop();
  server = await start();
  await emptyServer(server.url);
}

function reading(): Parameters<typeof runFile>[1] {
  return {
    serverId: randomInt(100_000, 4_000_000_000),
    snapshotMode: 'never',
    snapshot: { chunkRows: 500, chunkMs: 100, pauseMs: 0 },
    maxEvent: 2 ** 30,
    maxHeld: 2 ** 26,
    undecodable: 'stop',
    keepRowChanges: false,
  } as Parameters<typeof runFile>[1];
}

function tell({ file, differences, stopped, ...numbers }: FileVerdict): void {
  for (const [name, count] of Object.entries(numbers)) sums[name] = (sums[name] ?? 0) + count;
  const failed = differences.length > 0 || stopped !== undefined;
  if (failed) failures += 1;
  process.stdout.write(`${failed ? 'DIFFERS' : 'same'} ${file} ${JSON.stringify(numbers)}\n`);
  if (stopped) process.stdout.write(`  stopped: ${stopped}\n`);
  for (const difference of differences.slice(0, 5))
    process.stdout.write(`  ${JSON.stringify(difference).slice(0, 600)}\n`);
}
