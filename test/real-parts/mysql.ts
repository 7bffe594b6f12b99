import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createConnection } from 'mysql2/promise';
import { freePort } from '../free-port.ts';
import { bringFromSuite, type DebianTree } from './debian-tree.ts';
import { type RealPart, RealPartUnavailable } from './real-part.ts';
import { startTied } from './tied-process.ts';

const run = promisify(execFile);

/** A MySQL on loopback with a row-format binlog and GTIDs, its data deleted when it stops. */
export interface RunningMysql extends RealPart {
  /** `mysql://root:…@127.0.0.1:20000/`, an account that may do anything. */
  readonly url: string;
}

/**
 * Starts the newest MySQL that Debian's sid has (60 MB), on any machine with apt. Later arguments win over the first:
 * `startMysql(['--binlog-row-metadata=MINIMAL'])`. Durability is off: a test's data may be lost. Throws RealPartUnavailable.
 */
export async function startMysql(args: readonly string[] = []): Promise<RunningMysql> {
  const program = programIn(await bringFromSuite('sid', 'mysql', ['mysql-server-core']));
  const version = await versionOf(program);
  const home = mkdtempSync(join(tmpdir(), 'mysql-'));
  try {
    return { version, ...(await startIn(home, program, args)) };
  } catch (error) {
    rmSync(home, { recursive: true, force: true });
    throw error;
  }
}

/** How a program of another Debian than the machine's is run, and the options that say where its files are. */
interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly places: readonly string[];
}

/** By its own dynamic linker and C library, so that it asks nothing of the machine's. */
function programIn(tree: DebianTree): Program {
  const folder = tree.libraries.split(':')[0] ?? '';
  const linker = readdirSync(folder || tree.directory).find((name) => /^ld-linux.*\.so\.\d+$/.test(name));
  if (!linker) throw new RealPartUnavailable('the Debian packages of MySQL hold no dynamic linker');
  const share = join(tree.directory, 'usr', 'share', 'mysql');
  return {
    command: join(folder, linker),
    args: ['--library-path', tree.libraries, join(tree.directory, 'usr', 'sbin', 'mysqld')],
    places: [
      `--basedir=${join(tree.directory, 'usr')}`,
      `--lc-messages-dir=${share}`,
      `--character-sets-dir=${join(share, 'charsets')}`,
      `--plugin-dir=${join(tree.directory, 'usr', 'lib', 'mysql', 'plugin')}`,
    ],
  };
}

async function versionOf({ command, args }: Program): Promise<string> {
  try {
    const { stdout } = await run(command, [...args, '--no-defaults', '--version']);
    return /Ver (\S+)/.exec(stdout)?.[1] ?? stdout.trim();
  } catch (error) {
    throw new RealPartUnavailable(`Debian's MySQL does not run on this machine: ${(error as Error).message}`);
  }
}

async function startIn(
  home: string,
  program: Program,
  args: readonly string[],
): Promise<Pick<RunningMysql, 'url' | 'stop'>> {
  const common = [...program.args, '--no-defaults', ...program.places, ...optionsIn(home)];
  await run(program.command, [...common, '--initialize-insecure']);
  const password = randomBytes(12).toString('hex');
  const accounts = join(home, 'accounts.sql');
  writeFileSync(accounts, accountStatements(password), { mode: 0o600 });
  const port = await freePort();
  const url = `mysql://root:${password}@127.0.0.1:${port}/`;
  const server = await startTied({
    command: program.command,
    args: [...common, `--init-file=${accounts}`, `--port=${port}`, ...serving, ...args],
    options: { cwd: home },
    stopSignal: 'SIGTERM',
    log: join(home, 'mysql.log'),
    isReady: () => answers(url),
    readyWithinMs: 60_000,
  });
  return {
    url,
    async stop() {
      await server.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** MySQL wants neither the folder for exports that its package would make nor a second port; one started by root must be told so. */
function optionsIn(home: string): string[] {
  mkdirSync(join(home, 'tmp'), { recursive: true });
  return [
    `--datadir=${join(home, 'data')}`,
    `--tmpdir=${join(home, 'tmp')}`,
    '--secure-file-priv=NULL',
    '--mysqlx=OFF',
    '--innodb-redo-log-capacity=32M',
    ...(process.getuid?.() === 0 ? ['--user=root'] : []),
  ];
}

const serving = [
  '--bind-address=127.0.0.1',
  '--socket=server.sock',
  '--skip-name-resolve',
  '--server-id=1',
  '--log-bin=binlog',
  '--binlog-format=ROW',
  '--binlog-row-image=FULL',
  '--binlog-row-metadata=FULL',
  '--binlog-rows-query-log-events=ON',
  '--gtid-mode=ON',
  '--enforce-gtid-consistency=ON',
  '--innodb-flush-log-at-trx-commit=2',
  '--sync-binlog=0',
];

/** One statement a line. What they write is no part of any test, so it stays out of the binlog. */
function accountStatements(password: string): string {
  const statements = [
    'set session sql_log_bin = 0',
    `alter user root@localhost identified by '${password}'`,
    `create user root@'127.0.0.1' identified by '${password}'`,
    "grant all on *.* to root@'127.0.0.1' with grant option",
  ];
  return statements.map((statement) => `${statement};\n`).join('');
}

async function answers(url: string): Promise<boolean> {
  try {
    const connection = await createConnection({ uri: url, connectTimeout: 2_000 });
    await connection.end();
    return true;
  } catch {
    return false;
  }
}
