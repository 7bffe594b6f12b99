import { execFile } from 'node:child_process';
import { lchownSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { RealPartUnavailable } from './real-part.ts';

const run = promisify(execFile);

/** Whom a server runs as that refuses root: nobody, where this runs as root. Empty means: as whoever runs this. */
export interface Account {
  readonly uid?: number;
  readonly gid?: number;
}

/** The account for a server of that name. Throws RealPartUnavailable. */
export async function unprivilegedAccount(server: string): Promise<Account> {
  if (process.getuid?.() !== 0) return {};
  try {
    const [uid, gid] = await Promise.all(['-u', '-g'].map((which) => run('id', [which, 'nobody'])));
    return { uid: Number(uid!.stdout), gid: Number(gid!.stdout) };
  } catch {
    throw new RealPartUnavailable(`${server} refuses to run as root and this machine has no user nobody`);
  }
}

/** Makes a file, a folder or a link the account's own; a link may lead to nothing. */
export function give(path: string, { uid, gid }: Account): void {
  if (uid !== undefined && gid !== undefined) lchownSync(path, uid, gid);
}

/** The same with all that a folder holds. */
export function giveAll(path: string, account: Account): void {
  give(path, account);
  if (!lstatSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) giveAll(join(path, name), account);
}
