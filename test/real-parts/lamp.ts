import { type ExecFileOptions, execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../free-port.ts';
import { type Account, giveAll, unprivilegedAccount } from './account.ts';
import type { DebianTree } from './debian-tree.ts';
import {
  apacheConfiguration,
  type LampDatabase,
  type LampPorts,
  mediawikiAdditions,
  phpConfiguration,
  tracingPlugin,
  wordpressConfiguration,
} from './lamp-configuration.ts';
import { createLampDatabases } from './lamp-databases.ts';
import { bringLampPackages, lampEnvironment } from './lamp-packages.ts';
import type { RealPart } from './real-part.ts';
import { startTied, type TiedProcess } from './tied-process.ts';

const run = promisify(execFile);

/** Where an application is, and by which name and password its administrator logs in. */
export interface LampApplication {
  /** `http://127.0.0.1:20000`: what it takes for its own address. */
  readonly origin: string;
  /** The same on another port, with the lines of docs/rewriting.md: it takes for its address what is forwarded to it. */
  readonly awareOrigin: string;
  /** Of an account that may do anything, as what reads its binlog must. */
  readonly databaseUrl: string;
  readonly user: string;
  readonly password: string;
}

/** WordPress and MediaWiki as Debian packages them, with Apache and its PHP, on databases of their own. */
export interface RunningLamp extends RealPart {
  readonly wordpress: LampApplication;
  readonly mediawiki: LampApplication;
}

/** What every step of a start needs. */
interface Site {
  readonly tree: DebianTree;
  readonly home: string;
  readonly databaseUrl: string;
  readonly database: LampDatabase;
  readonly ports: LampPorts;
  readonly account: Account;
  /** The administrator's, of both applications. */
  readonly password: string;
}

/**
 * Brings the packages (60 MB), lays both applications out in a folder of their own, creates their databases on the server that `databaseUrl`
 * names (an account that may do anything), installs both and starts Apache on loopback. Throws RealPartUnavailable.
 */
export async function startLamp(databaseUrl: string): Promise<RunningLamp> {
  const account = await unprivilegedAccount('Apache');
  const home = mkdtempSync(join(tmpdir(), 'lamp-'));
  const databases = await createLampDatabases(databaseUrl);
  const remove = async () => {
    await databases.drop();
    rmSync(home, { recursive: true, force: true });
  };
  try {
    const tree = await bringLampPackages(home, account);
    const password = `Adm1n-${randomBytes(9).toString('hex')}`;
    return await startSite(
      { tree, home, databaseUrl, database: databases.database, ports: await freePorts(), account, password },
      remove,
    );
  } catch (error) {
    await remove();
    throw error;
  }
}

async function freePorts(): Promise<LampPorts> {
  const ports = new Set<number>();
  while (ports.size < 4) ports.add(await freePort());
  const [wordpress, mediawiki, awareWordpress, awareMediawiki] = [...ports] as [number, number, number, number];
  return { wordpress, mediawiki, awareWordpress, awareMediawiki };
}

async function startSite(site: Site, remove: () => Promise<void>): Promise<RunningLamp> {
  layOut(site);
  await installMediawiki(site);
  const server = await startApache(site);
  const stop = async () => {
    await server.stop();
    await remove();
  };
  try {
    await installWordpress(site);
    const { ports, password, databaseUrl, database } = site;
    const application = (port: number, awarePort: number, user: string, name: string) => ({
      origin: `http://127.0.0.1:${port}`,
      awareOrigin: `http://127.0.0.1:${awarePort}`,
      databaseUrl: Object.assign(new URL(databaseUrl), { pathname: `/${name}` }).href,
      user,
      password,
    });
    return {
      version: await versionsOf(site),
      wordpress: application(ports.wordpress, ports.awareWordpress, 'admin', database.wordpress),
      mediawiki: application(ports.mediawiki, ports.awareMediawiki, 'Admin', database.mediawiki),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** WordPress keeps its configuration and what is uploaded inside of its own folder, so it gets a copy; MediaWiki runs from where it is. */
function layOut({ tree, home, database, ports }: Site): void {
  for (const folder of ['run', 'tmp', 'mediawiki/images']) mkdirSync(join(home, folder), { recursive: true });
  const wordpress = join(home, 'wordpress');
  const all = { recursive: true, dereference: true };
  for (const part of ['/usr/share/wordpress', '/var/lib/wordpress']) cpSync(tree.file(part), wordpress, all);
  writeFileSync(join(wordpress, 'wp-config.php'), wordpressConfiguration(database));
  const plugin = tracingPlugin();
  mkdirSync(join(wordpress, dirname(plugin.path)), { recursive: true });
  writeFileSync(join(wordpress, plugin.path), plugin.code);
  writeFileSync(join(home, 'php.ini'), phpConfiguration(tree, home));
  writeFileSync(join(home, 'apache.conf'), apacheConfiguration(tree, home, ports));
}

async function installMediawiki({ tree, home, database, ports, password }: Site): Promise<void> {
  const folder = join(home, 'mediawiki');
  const options = {
    confpath: folder,
    dbtype: 'mysql',
    dbserver: `${database.host}:${database.port}`,
    dbname: database.mediawiki,
    dbuser: database.user,
    dbpass: database.password,
    server: `http://127.0.0.1:${ports.mediawiki}`,
    scriptpath: '',
    lang: 'en',
    pass: password,
  };
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const installer = join(tree.file('/usr/share/mediawiki'), 'maintenance', 'install.php');
  await php(tree, home, [installer, ...words, 'Wiki', 'Admin']);
  appendFileSync(join(folder, 'LocalSettings.php'), mediawikiAdditions(home));
}

async function startApache({ tree, home, account, ports }: Site): Promise<TiedProcess> {
  giveAll(home, account);
  return startTied({
    command: tree.file('/usr/sbin/apache2'),
    args: ['-f', join(home, 'apache.conf'), '-DFOREGROUND'],
    options: { ...account, cwd: home, env: lampEnvironment(tree) },
    stopSignal: 'SIGTERM',
    log: join(home, 'apache.log'),
    isReady: () => answers(`http://127.0.0.1:${ports.wordpress}/readme.html`),
    readyWithinMs: 30_000,
  });
}

/** As its administrator would in a browser. WordPress keeps the address at which it was asked as its own. */
async function installWordpress({ ports, password }: Site): Promise<void> {
  const form = new URLSearchParams({
    weblog_title: 'Shop',
    user_name: 'admin',
    admin_password: password,
    admin_password2: password,
    admin_email: 'admin@example.org',
    blog_public: '0',
  });
  const url = `http://127.0.0.1:${ports.wordpress}/wp-admin/install.php?step=2`;
  const answer = await fetch(url, { method: 'POST', body: form });
  const text = await answer.text();
  if (!text.includes('Success!'))
    throw new Error(`WordPress could not be installed (${answer.status}): ${text.slice(0, 2_000)}`);
}

async function versionsOf({ tree, home }: Site): Promise<string> {
  const apache = (await program(tree, '/usr/sbin/apache2', ['-v'], { cwd: home })).match(/Apache\/([\d.]+)/)?.[1];
  const phpVersion = await php(tree, home, ['-r', 'echo PHP_VERSION;']);
  const read = (path: string, pattern: RegExp) => pattern.exec(readFileSync(tree.file(path), 'utf8'))?.[1];
  const wordpress = read('/usr/share/wordpress/wp-includes/version.php', /\$wp_version = '([^']+)'/);
  const mediawiki = read('/usr/share/mediawiki/includes/Defines.php', /'MW_VERSION', '([^']+)'/);
  return `${wordpress} and ${mediawiki} on Apache ${apache}, PHP ${phpVersion}`;
}

/** Whichever of PHP's versions the packages brought, or the machine has. */
function php(tree: DebianTree, home: string, words: readonly string[]): Promise<string> {
  const name = tree.names('/usr/bin').find((each) => /^php\d+\.\d+$/.test(each)) ?? 'php';
  return program(tree, `/usr/bin/${name}`, ['-c', join(home, 'php.ini'), ...words], { cwd: home });
}

async function program(
  tree: DebianTree,
  path: string,
  words: readonly string[],
  options: ExecFileOptions,
): Promise<string> {
  const { stdout } = await run(tree.file(path), words, { ...options, env: lampEnvironment(tree), encoding: 'utf8' });
  return stdout as string;
}

function answers(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}
