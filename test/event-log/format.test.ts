import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLog } from '../../event-log/open.ts';
import { startChild } from '../../runtime/child-process.ts';
import { openDatabase } from '../../runtime/sqlite.ts';
import { at, item } from '../cases/event-log.cases.ts';
import { type TemporaryLog, temporaryLog } from './temporary-log.ts';

const format1 = readFileSync(new URL('format-1.sql', import.meta.url), 'utf8');
const opener = fileURLToPath(new URL('open-log.ts', import.meta.url));

let given: TemporaryLog;
let path: string;
beforeEach(() => {
  given = temporaryLog();
  path = `${given.path}.1`;
});
afterEach(() => given.remove());

/** A file as format 1 left it: two domain events, and parked changes in topic `row-changes`, the only ones that were there. */
function writeFormat1(parked: number): void {
  const database = openDatabase(path);
  database.exec(format1);
  const insert = database.prepare(
    "insert into event values (?, ?, ?, 'p', 's', ?, 'x', ?, 1, '', '', 'new', null, null)",
  );
  database.exec('begin');
  for (let n = 1; n <= 2; n += 1) insert.run('domain', n, `d${n}`, n, '{}');
  for (let n = 1; n <= parked; n += 1) insert.run('row-changes', n, `p${n}`, n, JSON.stringify({ row: n }));
  database.exec("insert into cursor values ('c', 'here', 'domain', 2); commit");
  database.close();
}

function stored(): { version: number; parked: number; rowChanges: number; domain: number } {
  const database = openDatabase(path);
  const count = (topic: string) => `(select count(*) from event where topic = '${topic}')`;
  const row = database
    .prepare(
      `select (select user_version from pragma_user_version) as version, ${count('parked')} as parked,
              ${count('row-changes')} as rowChanges, ${count('domain')} as domain`,
    )
    .get();
  database.close();
  return { ...(row as ReturnType<typeof stored>) };
}

test('a log of format 1 is brought to 2 where it is: parked changes get a topic that is never trimmed', async () => {
  writeFormat1(3);
  const log = openLog(`sqlite:${path}`);
  expect((await log.read('parked', 0, 10)).map(({ id, data }) => [id, data.row])).toEqual([
    ['p1', 1],
    ['p2', 2],
    ['p3', 3],
  ]);
  expect(await log.head('row-changes')).toEqual(at(0, 'row-changes'));
  expect(await log.cursor('c')).toEqual({ name: 'c', value: 'here', head: at(2) });
  expect(await log.append('domain', [item('s', 2, 'd3')])).toMatchObject([{ kind: 'appended', version: 3 }]);
  expect(await log.append('parked', [item('s', 3, 'p4')])).toMatchObject([{ addresses: [at(4, 'parked')] }]);
  await log.append('row-changes', [item('s', 'none', 'r1', 'r2')]);
  expect(await log.trim('row-changes', { bytes: 0, ageMs: 1e12 })).toEqual(at(2, 'row-changes'));
  expect(await log.leases.acquire('l', 'me', 1_000)).toMatchObject({ kind: 'acquired' });
  await log.close();
  const database = openDatabase(path);
  const fresh = openDatabase(given.path);
  const objects = 'select type, name from sqlite_schema order by type, name';
  expect(database.prepare(objects).all()).toEqual(fresh.prepare(objects).all());
  database.close();
  fresh.close();
});

test('killed with SIGKILL while a file is brought to format 2, it is of format 1 or 2 and whole, and the next one goes on', async () => {
  const parked = 20_000;
  for (const waitMs of [0, 5, 10, 20, 40, 80, 160, 320]) {
    path = `${given.path}.${waitMs}`;
    writeFormat1(parked);
    const { process: opening, exited } = await startChild(
      process.execPath,
      ['--import', 'tsx', opener, `sqlite:${path}`],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    await once(opening.stdout!, 'data');
    await delay(waitMs);
    opening.kill('SIGKILL');
    await exited;
    const { version, ...rest } = stored();
    expect(rest).toEqual(
      version === 1 ? { parked: 0, rowChanges: parked, domain: 2 } : { parked, rowChanges: 0, domain: 2 },
    );
    await openLog(`sqlite:${path}`).close();
    expect(stored()).toEqual({ version: 2, parked, rowChanges: 0, domain: 2 });
  }
}, 60_000);
