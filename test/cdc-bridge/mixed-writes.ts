import { setTimeout as delay } from 'node:timers/promises';
import mysql, { type Connection } from 'mysql2/promise';

/** Every kind of write that a binlog has, as statements; each raises prices of shipments by one, adds or deletes some (row-history.ts), or is no change of them. */
const kinds: readonly ((id: number, random: () => number) => readonly string[])[] = [
  (id) => [raise(`id = ${id}`)],
  () => ["INSERT INTO shipments (sender, receiver, created_at) VALUES ('a', 'b', NOW()), ('c', 'd', NOW())"],
  (id) => [`DELETE FROM shipments WHERE id = ${id}`],
  (id) => [raise(`id BETWEEN ${id} AND ${id + 40}`)],
  (id) => [
    'BEGIN',
    raise(`id = ${id}`),
    'SAVEPOINT a',
    raise(`id = ${id + 1}`),
    'ROLLBACK TO a',
    raise(`id = ${id + 2}`),
    'COMMIT',
  ],
  (id) => ['BEGIN', raise(`id = ${id}`), 'ROLLBACK'],
  (id, random) => xa(raise(`id BETWEEN ${id} AND ${id + 3}`), random, 'COMMIT'),
  (id, random) => xa(raise(`id = ${id}`), random, 'ROLLBACK'),
  () => ['TRUNCATE TABLE sessions', "INSERT INTO sessions (id, user) VALUES ('s', 'u')"],
  (id) => ['BEGIN', `UPDATE page_views SET views = views + 1`, raise(`id = ${id}`), 'COMMIT'],
];

/** Seldom ones: the table is altered, and a transaction that is too large to be held at once. */
const seldom: readonly string[] = [
  'ALTER TABLE shipments ADD COLUMN extra INT NOT NULL DEFAULT 7 AFTER sender',
  'UPDATE shipments SET price = price + 1',
  'ALTER TABLE shipments DROP COLUMN extra',
];

const raise = (where: string) => `UPDATE shipments SET price = price + 1 WHERE ${where}`;

function xa(write: string, random: () => number, end: 'COMMIT' | 'ROLLBACK'): string[] {
  const id = `'x${Math.floor(random() * 1e15)}'`;
  return [`XA START ${id}`, write, `XA END ${id}`, `XA PREPARE ${id}`, `XA ${end} ${id}`];
}

const seldomShare = 0.003;
/** Writers outrun a reader that is cut off again and again. */
const restMs = 5;

/**
 * Writes at random until `more` says no, over any number of connections: one that breaks is made anew. Gives how many groups of statements the server took whole.
 */
export async function writeMixed(url: string, random: () => number, more: (done: number) => boolean): Promise<number> {
  let connection = await connected(url);
  let done = 0;
  while (more(done)) {
    await delay(restMs);
    const statements = random() < seldomShare ? [seldom[Math.floor(random() * seldom.length)]!] : some(random);
    try {
      for (const statement of statements) await connection.query(statement);
      done += 1;
    } catch (error) {
      if (!isBroken(error as mysql.QueryError)) await connection.query('ROLLBACK').catch(() => {});
      else connection = await connected(url);
    }
  }
  connection.destroy();
  return done;
}

function some(random: () => number): readonly string[] {
  return kinds[Math.floor(random() * kinds.length)]!(1 + Math.floor(random() * 300), random);
}

const isBroken = ({ fatal, code }: mysql.QueryError) =>
  fatal || /^(PROTOCOL|ECONN)/.test(String(code)) || !/^ER_/.test(String(code));

async function connected(url: string): Promise<Connection> {
  for (;;) {
    const connection = await mysql.createConnection({ uri: url, connectTimeout: 1_000 }).catch(() => undefined);
    if (!connection) {
      await delay(50);
      continue;
    }
    connection.on('error', () => {});
    await connection.query(
      "SET SESSION sql_mode = '', SESSION innodb_lock_wait_timeout = 2, SESSION lock_wait_timeout = 2",
    );
    return connection;
  }
}

/** Ends what is prepared and has no session any more: it holds locks. */
export async function endPrepared(url: string, by: 'COMMIT' | 'ROLLBACK'): Promise<void> {
  const connection = await connected(url);
  const [rows] = await connection.query('XA RECOVER');
  for (const { data } of rows as { data: string }[]) await connection.query(`XA ${by} '${data}'`).catch(() => {});
  connection.destroy();
}
