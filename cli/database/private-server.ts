import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createConnection } from 'mysql2/promise';
import { type Child, startChild } from '../../runtime/child-process.ts';
import { readIfThere, secretFile } from '../data-directory.ts';
import { endProcess, isProcess } from '../processes.ts';
import { type ServerBinary, serverEnvironment, shareDirectory } from './server-binary.ts';

/** A MariaDB or MySQL server of our own, on loopback, with row binlog; its data below `directory`. */
export interface PrivateServer {
  readonly rootUrl: string;
  /** An account that may read every table and the binlog, for the bridge. */
  readonly bridgeUrl: string;
  /** An account that owns the database `legacy`, for the legacy application. */
  readonly applicationUrl: string;
  readonly pid: number;
  /** Whether it was running already, left over from a start that was killed. */
  readonly reused: boolean;
  stop(): Promise<void>;
}

/**
 * Starts the server (after laying out its data on the first start) and resolves when it answers queries. One that a killed start left
 * running on this data is taken over, at the port that it has.
 */
export async function startPrivateServer(
  binary: ServerBinary,
  directory: string,
  port: number,
): Promise<PrivateServer> {
  mkdirSync(join(directory, 'tmp'), { recursive: true });
  const secret = secretFile(directory, 'password');
  const left = await leftRunning(directory, secret);
  if (left) return left;
  if (!existsSync(join(directory, 'data'))) await layOutData(binary, directory);
  const urls = accountUrls(port, secret);
  const child = await launch(binary, directory, port, secret);
  await untilAnswering(urls.rootUrl, child, directory);
  return { ...urls, pid: child.pid, reused: false, stop: () => child.stop(30_000) };
}

const pidPath = (directory: string) => join(directory, 'data', 'server.pid');
const portPath = (directory: string) => join(directory, 'port');

function accountUrls(port: number, secret: string): Pick<PrivateServer, 'rootUrl' | 'bridgeUrl' | 'applicationUrl'> {
  const url = (user: string, database = '') => `mysql://${user}:${secret}@127.0.0.1:${port}/${database}`;
  return { rootUrl: url('root'), bridgeUrl: url('bridge', 'legacy'), applicationUrl: url('legacy', 'legacy') };
}

/** The server still running on this data. One that does not answer is ended, since two cannot share the data. */
async function leftRunning(directory: string, secret: string): Promise<PrivateServer | undefined> {
  const pid = Number(readIfThere(pidPath(directory)));
  if (!pid || !(await isProcess(pid, pidPath(directory)))) return undefined;
  const urls = accountUrls(Number(readIfThere(portPath(directory))), secret);
  if (await answers(urls.rootUrl)) return { ...urls, pid, reused: true, stop: () => endProcess(pid) };
  await endProcess(pid);
  return undefined;
}

/** Makes the system tables in a folder beside and moves it into place, so that a start that was cut off leaves nothing half-made. */
async function layOutData(binary: ServerBinary, directory: string): Promise<void> {
  const fresh = join(directory, 'data.partial');
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh);
  if (binary.flavour === 'mysql')
    await runToEnd(binary, [...commonOptions(binary, fresh), '--initialize-insecure'], '');
  else await runToEnd(binary, [...commonOptions(binary, fresh), '--bootstrap'], bootstrapStatements(binary));
  renameSync(fresh, join(directory, 'data'));
}

/** What mariadb-install-db feeds to the server; the bootstrap mode reads one statement a line. */
function bootstrapStatements(binary: ServerBinary): string {
  const share = shareDirectory(binary);
  const files = [
    'mysql_system_tables.sql',
    'mysql_performance_tables.sql',
    'mysql_system_tables_data.sql',
    'maria_add_gis_sp_bootstrap.sql',
  ];
  const statements = files
    .map((file) => join(share, file))
    .filter(existsSync)
    .map((file) => readFileSync(file, 'utf8'));
  return ['create database if not exists mysql;', 'use mysql;', ...statements].join('\n');
}

function commonOptions(binary: ServerBinary, data: string): string[] {
  return [
    '--no-defaults',
    ...runAs(),
    ...places(binary),
    `--datadir=${data}`,
    // One of its own: a server that starts removes every temporary table from it, those of another server too.
    `--tmpdir=${join(dirname(data), 'tmp')}`,
    ...(binary.flavour === 'mariadb' ? ['--innodb-log-file-size=16M'] : mysqlAlone),
  ];
}

/** MySQL wants neither the folder for exports that its package would make (Debian: /var/lib/mysql-files) nor a second port. */
const mysqlAlone = ['--secure-file-priv=NULL', '--mysqlx=OFF'];

/** Where the program's own files are; one that has them elsewhere than beside itself (a wrapper script) knows the place. */
function places(binary: ServerBinary): string[] {
  const share = shareDirectory(binary);
  const charsets = join(share, 'charsets');
  if (!existsSync(charsets)) return [];
  return [`--basedir=${binary.basedir}`, `--lc-messages-dir=${share}`, `--character-sets-dir=${charsets}`];
}

/** A server started by root must be told that this is meant. */
const runAs = () => (process.getuid?.() === 0 ? ['--user=root'] : []);

async function launch(binary: ServerBinary, directory: string, port: number, secret: string): Promise<Child> {
  const data = join(directory, 'data');
  const accounts = join(directory, 'accounts.sql');
  writeFileSync(accounts, accountStatements(binary, secret), { mode: 0o600 });
  writeFileSync(portPath(directory), `${port}\n`);
  const log = openSync(join(directory, 'server.log'), 'a');
  const options = [
    ...commonOptions(binary, data),
    `--init-file=${accounts}`,
    '--bind-address=127.0.0.1',
    `--port=${port}`,
    '--socket=server.sock',
    `--pid-file=${pidPath(directory)}`,
    '--skip-name-resolve',
    '--server-id=1',
    '--log-bin=binlog',
    '--binlog-format=ROW',
    '--binlog-row-image=FULL',
    '--binlog-row-metadata=FULL',
    '--innodb-flush-log-at-trx-commit=2',
    '--sync-binlog=0',
    ...(binary.flavour === 'mysql'
      ? ['--gtid-mode=ON', '--enforce-gtid-consistency=ON', '--binlog-rows-query-log-events=ON']
      : []),
  ];
  return startChild(binary.path, options, {
    stdio: ['ignore', log, log],
    cwd: data,
    env: serverEnvironment(binary.libraryPath),
  });
}

/** To learn a snapshot's position, MySQL needs a moment's lock (RELOAD). */
const bridgeExtras = { mariadb: 'binlog monitor', mysql: 'replication client, reload' };

/** Runs at every start, so that a changed password file is followed. One statement a line. */
function accountStatements({ flavour }: ServerBinary, secret: string): string {
  const account = (user: string) => [
    `create user if not exists ${user}@'127.0.0.1' identified by '${secret}';`,
    `alter user ${user}@'127.0.0.1' identified by '${secret}';`,
  ];
  return [
    `alter user root@localhost identified by '${secret}';`,
    ...['root', 'legacy', 'bridge'].flatMap(account),
    "grant all on *.* to root@'127.0.0.1' with grant option;",
    'create database if not exists legacy character set utf8mb4;',
    "grant all on legacy.* to legacy@'127.0.0.1';",
    `grant select, replication slave, ${bridgeExtras[flavour]} on *.* to bridge@'127.0.0.1';`,
  ]
    .join('\n')
    .concat('\n');
}

async function untilAnswering(rootUrl: string, child: Child, directory: string): Promise<void> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await delay(20)) {
    if (child.process.exitCode !== null) break;
    if (await answers(rootUrl)) return;
  }
  await child.stop();
  const said = readFileSync(join(directory, 'server.log'), 'utf8')
    .split('\n')
    .filter((line) => /error/i.test(line));
  throw new Error(
    `the database server did not come up; its log ${join(directory, 'server.log')} says:\n${said.slice(-5).join('\n')}`,
  );
}

async function answers(rootUrl: string): Promise<boolean> {
  try {
    const connection = await createConnection({ uri: rootUrl, connectTimeout: 2_000 });
    await connection.end();
    return true;
  } catch {
    return false;
  }
}

async function runToEnd(binary: ServerBinary, options: readonly string[], input: string): Promise<void> {
  const child = spawn(binary.path, options, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: serverEnvironment(binary.libraryPath),
  });
  let said = '';
  child.stdout.on('data', (chunk) => (said += chunk));
  child.stderr.on('data', (chunk) => (said += chunk));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  if (code !== 0)
    throw new Error(
      `${binary.path} could not lay out its data (code ${code}):\n${said.split('\n').slice(-6).join('\n')}`,
    );
}

/** Whether a Docker engine answers; the client alone is not enough. */
export function dockerAnswers(): Promise<boolean> {
  return new Promise((resolve) => execFile('docker', ['info'], { timeout: 5_000 }, (error) => resolve(!error)));
}
