import { randomBytes } from 'node:crypto';
import type { Database } from './database.ts';
import { LegacyError } from './errors.ts';

/** Less than a statement may take in database.ts, so that the wait ends with MySQL's answer. */
const lockWaitSeconds = 20;

/**
 * Runs `work` while holding the lock of the session that `cookie` names, as PHP does from session_start() to the
 * script's end.
 */
export async function withSession<T>(
  database: Database,
  cookie: string | undefined,
  work: (session: Session | undefined) => Promise<T>,
): Promise<T> {
  const id = sessionId(cookie);
  if (id === undefined) return work(undefined);
  await lock(database, id);
  try {
    return await work(await resume(database, id));
  } finally {
    // When the connection is gone its locks are gone with it, and the error that says so is already under way.
    await database.rows('SELECT RELEASE_LOCK(?)', [lockName(id)]).catch(() => {});
  }
}

/** A session that is there: its id (40 hexadecimal digits) and who is logged in with it. */
export interface Session {
  readonly id: string;
  readonly user: string;
}

/** Stores a new session of `user` and removes those unused for a day. */
export async function startSession(database: Database, user: string): Promise<Session> {
  const id = randomBytes(20).toString('hex');
  await database.write('DELETE FROM sessions WHERE updated_at < NOW() - INTERVAL 1 DAY');
  await database.write('INSERT INTO sessions (id, user, data, updated_at) VALUES (?, ?, ?, NOW())', [
    id,
    user,
    `user|s:${Buffer.byteLength(user)}:"${user}";`,
  ]);
  return { id, user };
}

/** Removes the session. One that is gone already is no error. */
export async function endSession(database: Database, id: string): Promise<void> {
  await database.write('DELETE FROM sessions WHERE id = ?', [id]);
}

/** Touches the session, as PHP writes it back after each request. */
async function resume(database: Database, id: string): Promise<Session | undefined> {
  const row = await database.row<{ user: string | null }>(
    'SELECT user FROM sessions WHERE id = ? AND updated_at >= NOW() - INTERVAL 1 DAY',
    [id],
  );
  if (row?.user == null) return undefined;
  await database.write('UPDATE sessions SET updated_at = NOW() WHERE id = ?', [id]);
  return { id, user: row.user };
}

async function lock(database: Database, id: string): Promise<void> {
  const row = await database.row<{ locked: number | null }>('SELECT GET_LOCK(?, ?) AS locked', [
    lockName(id),
    lockWaitSeconds,
  ]);
  if (row?.locked !== 1) {
    throw new LegacyError(
      'session-busy',
      `another request of this session did not end within ${lockWaitSeconds} seconds`,
    );
  }
}

function lockName(id: string): string {
  return `legacy-session-${id}`;
}

function sessionId(cookie: string | undefined): string | undefined {
  return cookie !== undefined && /^[0-9a-f]{40}$/.test(cookie) ? cookie : undefined;
}
