import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describeBinary, type ServerBinary } from './server-binary.ts';

const run = promisify(execFile);

/** Whether this machine has Debian's tools to fetch and unpack packages. Neither needs root. */
export async function hasDebianTools(): Promise<boolean> {
  return Promise.all([run('apt-get', ['--version']), run('dpkg-deb', ['--version'])]).then(
    () => true,
    () => false,
  );
}

/** The server unpacked earlier by `unpackMariadb`, if it is there. */
export function unpackedMariadb(directory: string): ServerBinary | undefined {
  const path = join(directory, 'usr', 'sbin', 'mariadbd');
  return existsSync(path) ? describeBinary(path, libraryPath(directory)) : undefined;
}

/** Fetches MariaDB's server package (7 MB) and unpacks it into `directory`. */
export async function unpackMariadb(directory: string): Promise<ServerBinary> {
  await unpackDebianPackage('mariadb-server-core', directory);
  return describeBinary(join(directory, 'usr', 'sbin', 'mariadbd'), libraryPath(directory));
}

/** Fetches one package and those it needs, less the packages of mere configuration (mariadb-common, nginx-common); see `unpackDebianPackages`. */
export function unpackDebianPackage(name: string, directory: string): Promise<void> {
  return unpackDebianPackages([name], directory, (each) => !each.endsWith('-common'));
}

/**
 * Fetches packages with those that they need and this machine lacks, as far as `isNeeded`, and unpacks them into `directory`: nothing is
 * installed, no root is needed. A name may be a pattern (`wordpress-theme-*`). Package lists are fetched into a private folder when the
 * system's are missing or old.
 */
export function unpackDebianPackages(
  names: readonly string[],
  directory: string,
  isNeeded: (name: string) => boolean = () => true,
): Promise<void> {
  return unpackInto(directory, (scratch) => download(names, isNeeded, scratch));
}

/**
 * The same from a suite of Debian that need not be this machine's (`sid`), with everything that the packages need, down to the C library:
 * such a program runs by the dynamic linker that is unpacked beside it. Needs Debian's archive key, which every Debian has.
 */
export function unpackFromSuite(suite: string, names: readonly string[], directory: string): Promise<void> {
  return unpackInto(directory, (scratch) => downloadFromSuite(suite, names, scratch));
}

/** What `fetch` puts into the folder `debs` of the scratch folder that it is given is unpacked; `directory` appears when it is whole. */
async function unpackInto(directory: string, fetch: (scratch: string) => Promise<void>): Promise<void> {
  const scratch = `${directory}.${process.pid}`;
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(join(scratch, 'debs'), { recursive: true });
  await fetch(scratch);
  for (const file of readdirSync(join(scratch, 'debs')).filter((name) => name.endsWith('.deb'))) {
    await run('dpkg-deb', ['-x', join(scratch, 'debs', file), join(scratch, 'root')]);
  }
  rmSync(directory, { recursive: true, force: true });
  renameSync(join(scratch, 'root'), directory);
  rmSync(scratch, { recursive: true, force: true });
}

async function download(names: readonly string[], isNeeded: (name: string) => boolean, scratch: string): Promise<void> {
  const cwd = join(scratch, 'debs');
  try {
    await run('apt-get', ['download', ...(await wanted(names, isNeeded, []))], { cwd });
  } catch {
    const options = privateLists(scratch);
    await run('apt-get', [...options, 'update'], { cwd });
    await run('apt-get', [...options, 'download', ...(await wanted(names, isNeeded, options))], { cwd });
  }
}

const archiveKey = '/usr/share/keyrings/debian-archive-keyring.gpg';

async function downloadFromSuite(suite: string, names: readonly string[], scratch: string): Promise<void> {
  const sources = join(scratch, 'sources.list');
  const installed = join(scratch, 'status');
  writeFileSync(sources, `deb [signed-by=${archiveKey}] ${await debianMirror()} ${suite} main\n`);
  writeFileSync(installed, '');
  const set = {
    'Dir::Etc::SourceList': sources,
    'Dir::Etc::SourceParts': '-',
    'Dir::State::Status': installed,
    // The account that apt would download as cannot see the folder; what it downloads is verified by its checksums in any case.
    ...(process.getuid?.() === 0 ? { 'APT::Sandbox::User': 'root' } : {}),
  };
  const options = [
    ...privateLists(scratch),
    ...Object.entries(set).flatMap(([key, value]) => ['-o', `${key}=${value}`]),
  ];
  const cwd = join(scratch, 'debs');
  await run('apt-get', [...options, 'update'], { cwd });
  await run('apt-get', [...options, 'download', ...(await wanted(names, () => true, options))], { cwd });
}

/** The mirror that this machine has its own packages from, which may be the only one within its reach; else the one that finds a near one. */
async function debianMirror(): Promise<string> {
  const { stdout } = await run('apt-get', ['indextargets', '--format', '$(REPO_URI)']);
  return stdout.split('\n').find((uri) => /\/debian\/?$/.test(uri)) ?? 'http://deb.debian.org/debian';
}

/** The packages and those of their dependencies that this machine lacks: what a simulated installation would bring, and what is hollow. */
async function wanted(
  names: readonly string[],
  isNeeded: (name: string) => boolean,
  options: readonly string[],
): Promise<string[]> {
  const simulated = ['-s', '-o', 'Debug::NoLocking=1', 'install', '--no-install-recommends', ...names];
  const { stdout } = await run('apt-get', [...options, ...simulated]);
  const brought = [...stdout.matchAll(/^Inst (\S+)/gm)].map((match) => match[1]!);
  const named = names.filter((name) => !name.includes('*'));
  return [...new Set([...named, ...brought, ...(await hollow(named, options))])].filter(isNeeded);
}

/** Dependencies that count as installed and whose programs are gone all the same, as in an image that was slimmed by hand. */
async function hollow(names: readonly string[], options: readonly string[]): Promise<string[]> {
  const kinds = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map((kind) => `--no-${kind}`);
  const { stdout } = await run('apt-cache', [...options, 'depends', '--recurse', '--installed', ...kinds, ...names]);
  const installed = [...stdout.matchAll(/^[a-z0-9]\S*/gm)].map(([name]) => name);
  const lacking = await Promise.all(installed.map(lacksPrograms));
  return installed.filter((_, index) => lacking[index]);
}

async function lacksPrograms(name: string): Promise<boolean> {
  const listed = await run('dpkg-query', ['-L', name]).catch(() => ({ stdout: '' }));
  const programs = listed.stdout.split('\n').filter((path) => /^\/usr\/s?bin\/[^/]+$/.test(path));
  return programs.some((path) => !existsSync(path));
}

function privateLists(scratch: string): string[] {
  for (const folder of ['lists/partial', 'cache/archives/partial'])
    mkdirSync(join(scratch, folder), { recursive: true });
  return ['-o', `Dir::State::Lists=${join(scratch, 'lists')}`, '-o', `Dir::Cache=${join(scratch, 'cache')}`];
}

/** LD_LIBRARY_PATH for a program that stands unpacked in `directory`. */
export function libraryPath(directory: string): string {
  const lib = join(directory, 'usr', 'lib');
  const triplets = existsSync(lib) ? readdirSync(lib).filter((name) => name.includes('-linux-')) : [];
  return triplets.map((triplet) => join(lib, triplet)).join(':');
}
