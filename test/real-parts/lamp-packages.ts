import { execFile } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Account } from './account.ts';
import { bringDebianPackages, copyTree, type DebianTree } from './debian-tree.ts';
import { RealPartUnavailable } from './real-part.ts';

const packages = [
  'apache2',
  'libapache2-mod-php',
  'php-cli',
  ...['mysql', 'gd', 'curl', 'intl', 'mbstring', 'xml'].map((extension) => `php-${extension}`),
  'wordpress',
  'wordpress-theme-*',
  'mediawiki',
];

/**
 * Apache, PHP, WordPress and MediaWiki as Debian packages them (60 MB), where the account can run them: in place, or copied into `home` when a
 * folder above shuts the account out. Throws RealPartUnavailable.
 */
export async function bringLampPackages(home: string, account: Account): Promise<DebianTree> {
  const tree = await bringDebianPackages('lamp', packages);
  chmodSync(home, 0o755);
  try {
    const options = { ...account, cwd: home, env: lampEnvironment(tree) };
    await promisify(execFile)(tree.file('/usr/sbin/apache2'), ['-v'], options);
    return tree;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'EACCES') throw new RealPartUnavailable(`Debian's Apache does not run on this machine: ${message}`);
  }
  return copyTree(tree, join(home, 'packages'));
}

/** All of it: an Apache that runs beside others must not take their environment for its own. No folder is searched for PHP's settings. */
export function lampEnvironment({ libraries }: DebianTree): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, LD_LIBRARY_PATH: libraries, PHP_INI_SCAN_DIR: '' };
}
