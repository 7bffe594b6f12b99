import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { RealPartUnavailable } from './real-part.ts';
import { moveIntoPlace, scratchFor, shelf } from './shelf.ts';

/** A package to bring: no dependency of this program, so it has a folder of its own. */
export interface NpmPackage {
  /** The name of its folder, without the version. */
  readonly folder: string;
  readonly name: string;
  readonly version: string;
  /** Packages that it needs beside it and does not bring: version by name. */
  readonly beside?: Readonly<Record<string, string>>;
}

/**
 * The folder of a package below `.data/packages`, fetched by npm on the first call and kept. Install scripts do not run; `finish` does
 * what they would have. All happens in a folder beside that is moved into place when whole: what was cut off is never used.
 * Throws RealPartUnavailable when npm cannot bring it.
 */
export async function bringPackage(
  wanted: NpmPackage,
  finish: (packageDirectory: string) => void = () => {},
): Promise<string> {
  const place = join(shelf, `${wanted.folder}-${wanted.version}`);
  const inside = join('node_modules', wanted.name);
  if (!existsSync(place)) {
    const scratch = scratchFor(place);
    await install(wanted, scratch);
    finish(join(scratch, inside));
    moveIntoPlace(scratch, place);
  }
  return join(place, inside);
}

async function install({ name, version, beside }: NpmPackage, prefix: string): Promise<void> {
  mkdirSync(prefix, { recursive: true });
  writeFileSync(
    join(prefix, 'package.json'),
    JSON.stringify({ private: true, dependencies: { [name]: version, ...beside } }),
  );
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error'];
  const impatient = ['--fetch-retries=1', '--fetch-retry-mintimeout=1000', '--fetch-timeout=60000'];
  try {
    await promisify(execFile)('npm', ['install', '--prefix', prefix, ...quiet, ...impatient], { cwd: prefix });
  } catch (error) {
    rmSync(prefix, { recursive: true, force: true });
    throw new RealPartUnavailable(`npm could not bring ${name}@${version}: ${reasonOf(error)}`);
  }
}

/** npm's own sentence, else why npm itself did not run. */
function reasonOf(error: unknown): string {
  const { stderr = '', message } = error as Error & { stderr?: string };
  const sentence = /^npm error (?!code |syscall |errno |A complete log)(.+)$/m.exec(stderr)?.[1];
  return sentence ?? message;
}
