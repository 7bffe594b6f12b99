import { cpSync, existsSync, lstatSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import {
  hasDebianTools,
  libraryPath,
  unpackDebianPackages,
  unpackFromSuite,
} from '../../cli/database/debian-packages.ts';
import { RealPartUnavailable } from './real-part.ts';
import { moveIntoPlace, scratchFor, shelf } from './shelf.ts';

/** Debian packages that were unpacked beside a machine's own programs, with what the machine has already. */
export interface DebianTree {
  readonly directory: string;
  /** The path of a file of the tree, else of the machine: `/usr/sbin/apache2`. Throws RealPartUnavailable when neither has it. */
  file(path: string): string;
  /** Names in a folder of the tree and of the machine. */
  names(path: string): string[];
  /** PATH-like list for LD_LIBRARY_PATH. */
  readonly libraries: string;
}

/**
 * The packages and all they need, below `.data/packages`, fetched on the first call and kept. Links lead into the tree, or to
 * what the machine has. Throws RealPartUnavailable where apt and dpkg are missing or bring nothing.
 */
export function bringDebianPackages(folder: string, names: readonly string[]): Promise<DebianTree> {
  return bring(folder, names, (fresh) => unpackDebianPackages(names, fresh));
}

/** The same from a suite that need not be this machine's: the tree holds everything down to the C library and its dynamic linker. */
export function bringFromSuite(suite: string, folder: string, names: readonly string[]): Promise<DebianTree> {
  return bring(folder, names, (fresh) => unpackFromSuite(suite, names, fresh));
}

type Unpack = (directory: string) => Promise<void>;

async function bring(folder: string, names: readonly string[], unpack: Unpack): Promise<DebianTree> {
  const directory = join(shelf, folder);
  if (!existsSync(directory)) await fetchInto(directory, names, unpack);
  return treeIn(directory);
}

/** A copy, where the tree's own place cannot be read. */
export function copyTree({ directory }: DebianTree, copy: string): DebianTree {
  cpSync(directory, copy, { recursive: true, verbatimSymlinks: true });
  return treeIn(copy);
}

function treeIn(directory: string): DebianTree {
  return {
    directory,
    libraries: libraryPath(directory),
    file(path) {
      const found = [join(directory, path), path].find(existsSync);
      if (!found) throw new RealPartUnavailable(`neither the Debian packages nor this machine have ${path}`);
      return found;
    },
    names: (path) => [join(directory, path), path].filter(existsSync).flatMap((one) => readdirSync(one)),
  };
}

async function fetchInto(directory: string, names: readonly string[], unpack: Unpack): Promise<void> {
  if (!(await hasDebianTools())) throw new RealPartUnavailable('this machine has no apt and dpkg to fetch it with');
  const fresh = scratchFor(directory);
  try {
    await unpack(fresh);
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new RealPartUnavailable(`apt could not bring ${names.join(', ')}: ${stderr?.trim() || message}`);
  }
  turnLinks(fresh, fresh);
  moveIntoPlace(fresh, directory);
}

/** A link means what it would mean if all were installed: another of the tree's files, or one that the machine has already. */
function turnLinks(folder: string, root: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const kind = lstatSync(path);
    if (kind.isDirectory()) turnLinks(path, root);
    if (!kind.isSymbolicLink()) continue;
    const installed = resolve('/', relative(root, folder), readlinkSync(path));
    const own = join(root, installed);
    const isOwn = lstatSync(own, { throwIfNoEntry: false }) !== undefined;
    rmSync(path);
    symlinkSync(isOwn ? relative(folder, own) : installed, path);
  }
}
