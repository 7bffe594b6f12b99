import { randomBytes, randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';

/** Version of what stands below the data directory. An older one is migrated, a newer one refused. */
const format = 1;

/**
 * Where everything that outlives a process is kept: `.data` for strangler.yaml, `.data/NAME` for any other NAME.yaml, so that a
 * second configuration never meets the first one's stages and events.
 */
export function dataDirectory(configPath: string, from = process.cwd()): string {
  const name = basename(configPath).replace(/\.ya?ml$/, '');
  return name === 'strangler' ? resolve(from, '.data') : resolve(from, '.data', name);
}

/** Creates the directory, or checks that this program understands the one that is there. */
export function prepareDataDirectory(directory: string): void {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, 'format');
  const found = readOrMake(path, () => String(format));
  if (Number(found) !== format) {
    throw new Error(
      `${path}: found data format ${JSON.stringify(found.slice(0, 20))}, expected ${format}. Use the version that wrote it, or run "npm run reset" to start afresh.`,
    );
  }
}

/**
 * A secret that is made once, readable by its owner only, and stays: the admin token, the key that signs cookies. Throws when the file
 * holds none: an empty one would let everybody in.
 */
export function secretFile(directory: string, name: string): string {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, name);
  const secret = readOrMake(path, () => randomBytes(24).toString('base64url'));
  if (/^[\x21-\x7e]{16,}$/.test(secret)) return secret;
  throw new Error(
    `${path}: found ${secret.length} characters that are no secret, expected at least 16 printable ones. Delete the file to have another made.`,
  );
}

/** Whoever comes first makes the file, and nobody reads half of it: processes that start together agree. */
function readOrMake(path: string, content: () => string): string {
  const found = readIfThere(path);
  if (found !== undefined) return found;
  const beside = `${path}.${randomUUID()}`;
  writeFileSync(beside, `${content()}\n`, { mode: 0o600, flush: true });
  try {
    linkSync(beside, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(beside);
  }
  return readFileSync(path, 'utf8').trim();
}

export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export function removeDataDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
}
