import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Where real parts are kept between runs. */
export const shelf = join(import.meta.dirname, '..', '..', '.data', 'packages');

/** A folder beside `place` to make a part in; what processes that are gone left beside it is removed. */
export function scratchFor(place: string): string {
  mkdirSync(dirname(place), { recursive: true });
  for (const name of readdirSync(dirname(place))) {
    if (!name.startsWith(`${basename(place)}.`)) continue;
    const pid = /^(\d+)(?:\.\d+)?$/.exec(name.slice(basename(place).length + 1))?.[1];
    if (pid !== undefined && !isAlive(Number(pid)))
      rmSync(join(dirname(place), name), { recursive: true, force: true });
  }
  return `${place}.${process.pid}`;
}

/** Moves what was made whole into its place. Somebody else may have brought the same meanwhile: the first one stays. */
export function moveIntoPlace(scratch: string, place: string): void {
  try {
    renameSync(scratch, place);
  } catch (error) {
    if (!existsSync(place)) throw error;
    rmSync(scratch, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
