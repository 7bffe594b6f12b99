import { stat } from 'node:fs/promises';

const everyMs = 1_000;

/**
 * Calls `changed` when a file was written, replaced, made or removed, and nothing more has happened to any for a second: editors write in
 * several steps. Gives back how to end that. The files are looked at rather than watched: that works on every file system, and for files that
 * are replaced by renaming. `files` is asked anew after each change. It is called once at the beginning: what was read may be older than the first look.
 */
export function watchFiles(files: () => readonly string[], changed: () => void): () => void {
  let known = files();
  let seen: string | undefined;
  let moving = true;
  const look = async () => {
    const now = await fingerprint(known);
    const still = now === seen;
    seen = now;
    if (still && moving) {
      moving = false;
      known = files();
      seen = await fingerprint(known);
      changed();
    } else if (!still) moving = true;
  };
  let looking: Promise<void> = look();
  const timer = setInterval(() => {
    looking = looking.then(look);
  }, everyMs).unref();
  return () => clearInterval(timer);
}

async function fingerprint(files: readonly string[]): Promise<string> {
  return (await Promise.all(files.map(describe))).join('\n');
}

async function describe(file: string): Promise<string> {
  const found = await stat(file).catch(() => undefined);
  return found ? `${file} ${found.ino} ${found.size} ${found.mtimeMs}` : `${file} is not there`;
}
