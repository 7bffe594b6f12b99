import type { RowDataPacket } from 'mysql2';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { connectAdmin, startTestApplication, type TestApplication } from './legacy-application.ts';

let legacy: TestApplication;
beforeAll(async () => {
  legacy = await startTestApplication('session');
});
afterAll(() => legacy.stop());

const waitingFor = async (what: string) => {
  const [found] = await legacy.admin.query<RowDataPacket[]>(
    'SELECT info FROM information_schema.processlist WHERE db = ? AND state LIKE ?',
    [legacy.address.database, `%${what}%`],
  );
  return found.length;
};
const until = (condition: () => Promise<void>) => vi.waitFor(condition, { timeout: 10_000, interval: 20 });

test('a second request of a session waits for the first, while other visitors do not', async () => {
  const alice = await legacy.logIn('alice');
  const bob = await legacy.logIn('bob');
  const blocker = await connectAdmin(legacy.address);
  await blocker.query('USE ??', [legacy.address.database]);
  await blocker.query('LOCK TABLES customers WRITE');
  const finished: string[] = [];
  const visit = (name: string, path: string, cookie: string) =>
    legacy.request(path, { headers: { cookie } }).then((answer) => finished.push(`${name} ${answer.status}`));

  const first = visit('first', '/customers', alice);
  await until(async () => expect(await waitingFor('metadata lock')).toBe(1));
  const second = visit('second', '/login', alice);
  await until(async () => expect(await waitingFor('User lock')).toBe(1));
  await visit('bob', '/login', bob);
  expect(finished).toEqual(['bob 200']);

  await blocker.query('UNLOCK TABLES');
  await Promise.all([first, second]);
  expect(finished).toEqual(['bob 200', 'first 200', 'second 200']);
  await blocker.end();
});

test('a session id that was never given out, or is none, is a stranger', async () => {
  for (const id of ['f'.repeat(40), 'x', "' OR 1=1 --", '', 'F'.repeat(40)]) {
    const answer = await legacy.request('/', {
      headers: { accept: 'text/html', cookie: `LEGACYSID=${encodeURIComponent(id)}; user=alice` },
    });
    expect(await answer.text()).toContain('Log in</a>');
  }
});

test('a log-in replaces the session that was there, and removes those unused for a day', async () => {
  const before = await legacy.logIn();
  await legacy.admin.query("INSERT INTO sessions VALUES (?, 'bob', '', NOW() - INTERVAL 2 DAY)", ['e'.repeat(40)]);
  const body = new URLSearchParams({ user: 'alice', password: 'secret' });
  await legacy.request('/login', { method: 'POST', body, headers: { cookie: before } });
  const old = /LEGACYSID=(\w+)/.exec(before)?.[1];
  const [left] = await legacy.admin.query('SELECT id FROM sessions WHERE id IN (?, ?)', [old, 'e'.repeat(40)]);
  expect(left).toEqual([]);
});
