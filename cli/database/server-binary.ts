import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

/** A MariaDB or MySQL server program and where its own files are. */
export interface ServerBinary {
  readonly flavour: 'mariadb' | 'mysql';
  readonly path: string;
  /** `10.11.19-MariaDB…` as the program says. */
  readonly version: string;
  /** The folder above bin or sbin. */
  readonly basedir: string;
  /** Libraries that stand beside an unpacked program rather than in the system. */
  readonly libraryPath?: string;
}

const names = ['mariadbd', 'mysqld'];
/** Folders that servers are installed into and that an ordinary user's PATH leaves out. */
const besidePath = [
  '/usr/sbin',
  '/usr/local/sbin',
  '/usr/libexec',
  '/usr/local/mysql/bin',
  '/opt/homebrew/opt/mariadb/bin',
  '/opt/homebrew/opt/mysql/bin',
];

/** The first server program of this machine, in PATH and then where servers usually are. */
export function findServerBinary(path = process.env.PATH ?? ''): ServerBinary | undefined {
  for (const folder of [...path.split(delimiter), ...besidePath]) {
    for (const name of names) {
      const candidate = join(folder, name);
      if (isExecutable(candidate)) return describeBinary(candidate);
    }
  }
  return undefined;
}

/** Asks the program what it is. Throws when it does not run, with what it said. */
export function describeBinary(path: string, libraryPath?: string): ServerBinary {
  const real = realpathSync(path);
  const said = execFileSync(real, ['--no-defaults', '--version'], {
    encoding: 'utf8',
    env: serverEnvironment(libraryPath),
  });
  const version = /Ver (\S+)/.exec(said)?.[1] ?? said.trim();
  return {
    flavour: /mariadb/i.test(said) ? 'mariadb' : 'mysql',
    path: real,
    version,
    basedir: dirname(dirname(real)),
    libraryPath,
  };
}

export function serverEnvironment(libraryPath: string | undefined): NodeJS.ProcessEnv {
  return libraryPath ? { ...process.env, LD_LIBRARY_PATH: libraryPath } : { ...process.env };
}

/** Folder with `mysql_system_tables.sql`, error messages and character sets. */
export function shareDirectory({ basedir }: ServerBinary): string {
  const candidates = ['share/mysql', 'share/mariadb', 'share'].map((folder) => join(basedir, folder));
  return candidates.find((folder) => existsSync(join(folder, 'charsets'))) ?? candidates[0]!;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
