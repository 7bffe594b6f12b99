import { copyFileSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openLog } from '../../event-log/open.ts';
import { silent } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { openDatabase } from '../../runtime/sqlite.ts';
import { at, eventLogCases, followed, item } from '../cases/event-log.cases.ts';
import { type TemporaryLog, temporaryLog } from './temporary-log.ts';

eventLogCases('event log in SQLite', async () => temporaryLog());

describe('the SQLite file', () => {
  let given: TemporaryLog;
  beforeEach(async () => {
    given = temporaryLog({ busyTimeoutMs: 200 });
    await given.log.append('domain', [item('s', 'none', 'a', 'b')], { name: 'bridge', value: '1' });
  });
  afterEach(() => given.remove());

  test('is readable by its owner alone, and so are the files beside it', () => {
    for (const file of [given.path, `${given.path}-wal`, `${given.path}-shm`]) {
      expect(statSync(file).mode & 0o777, file).toBe(0o600);
    }
  });

  const insert = (verb: string, id: string, offset: number, version: number) =>
    `${verb} into event values ('domain', ${offset}, '${id}', 'p', 's', ${version}, 'x', '{}', 1, '', '', 'new', null, null, null)`;

  test.each([
    ['changing an event', `update event set data = '{}' where offset = 1`, 'events are never changed'],
    ['deleting an event', 'delete from event where offset = 2', 'events are never deleted'],
    ['deleting all', 'delete from event', 'events are never deleted'],
    ['replacing an event at its address', insert('insert or replace', 'z', 1, 3), 'takes the next offset and version'],
    ['replacing an event by its id', insert('replace', 'a', 3, 3), 'takes the next offset and version'],
    ['replacing an event by its version', insert('replace', 'z', 3, 2), 'takes the next offset and version'],
    ['ignoring that an id is there', insert('insert or ignore', 'a', 3, 3), 'takes the next offset and version'],
    ['leaving out an offset', insert('insert', 'z', 4, 3), 'takes the next offset and version'],
    ['leaving out a version', insert('insert', 'z', 3, 4), 'takes the next offset and version'],
    ['setting the head back', 'update topic set head = 0', 'the head of a topic only advances'],
    ['forgetting the head', 'delete from topic', 'topics are never deleted'],
    ['hiding what is there', 'update topic set tail = 1', 'the head of a topic only advances'],
    ['hiding what is not there', 'update topic set tail = 3', 'the head of a topic only advances'],
    [
      'setting a generation back',
      "update generation set state = 'building'",
      'a generation is built, then current, then old',
    ],
    [
      'a second current generation',
      "insert into generation values (2, 'current')",
      'takes the next number and is to be built',
    ],
    [
      'skipping a generation',
      "insert into generation values (3, 'building')",
      'takes the next number and is to be built',
    ],
    ['forgetting generations', 'delete from generation', 'generations are never deleted'],
    ['miscounting', 'update topic set bytes = 7', 'the head of a topic only advances'],
  ])('refuses %s, whoever asks', async (_, statement, message) => {
    const database = openDatabase(given.path);
    expect(() => database.exec(statement)).toThrow(message);
    database.close();
    expect((await given.log.read('domain', 0, 10)).map(({ id, data }) => [id, data.sender])).toEqual([
      ['a', 'bob'],
      ['b', 'bob'],
    ]);
    expect(await given.log.head('domain')).toEqual(at(2));
  });

  test('refuses to lose row changes from the middle, or a lease to go back', async () => {
    await given.log.append('row-changes', [item('s', 'none', 'a', 'b', 'c')]);
    await given.log.leases.acquire('l', 'me', 1);
    const database = openDatabase(given.path);
    const refused = [
      ['delete from event where offset = 2', 'events are never deleted'],
      ["delete from event where topic = 'row-changes' and offset > 1", 'events are never deleted'],
      ['update lease set epoch = 0', 'the epoch of a lease only advances'],
      ['delete from lease', 'leases are never deleted'],
    ] as const;
    for (const [statement, message] of refused) expect(() => database.exec(statement)).toThrow(message);
    database.exec("delete from event where topic = 'row-changes' and offset = 1");
    database.close();
    expect(await given.log.tail('row-changes')).toEqual(at(1, 'row-changes'));
    expect(await given.log.read('row-changes', 1, 10)).toHaveLength(2);
  });

  test('takes the next event from any SQLite client; the head follows and followers notice without being told', async () => {
    const seen = followed(given.log, 2, 1);
    const database = openDatabase(given.path);
    database.exec(insert('insert', 'z', 3, 3));
    database.close();
    expect((await seen).map(({ id }) => id)).toEqual(['z']);
    expect(await given.log.head('domain')).toEqual(at(3));
  });

  test('locked for longer than the time given is log-unavailable and retriable, and the append is not made later', async () => {
    const database = openDatabase(given.path);
    database.exec('begin immediate');
    const append = given.log.append('domain', [item('s', 2, 'c')]);
    await expect(append).rejects.toMatchObject({ code: 'log-unavailable', retriable: true, cause: { errcode: 5 } });
    await expect(append).rejects.toThrow(/another process holds the lock/);
    database.exec('rollback');
    database.close();
    expect(await given.log.append('domain', [item('s', 2, 'd')])).toEqual([
      { kind: 'appended', version: 3, addresses: [at(3)] },
    ]);
  });

  test('locked for a moment delays an append and readers not at all', async () => {
    const patient = openLog(given.url);
    const database = openDatabase(given.path);
    database.exec('begin immediate');
    const append = patient.append('domain', [item('s', 2, 'c')]);
    expect(await patient.read('domain', 0, 10)).toHaveLength(2);
    database.exec('rollback');
    database.close();
    expect((await append)[0]!.kind).toBe('appended');
    await patient.close();
  });

  test('deleted underneath acknowledges nothing any more and tells followers', async () => {
    const seen = followed(given.log, 2, 1);
    rmSync(given.path);
    await expect(seen).rejects.toMatchObject({ code: 'log-unavailable' });
    await expect(given.log.append('domain', [item('s', 2, 'c')])).rejects.toThrow(/found it deleted while open/);
  });

  test('deleted in the middle of a commit does not acknowledge it', async () => {
    const deleting = () => {
      rmSync(given.path);
      return new Date();
    };
    const log = openLog(given.url, { now: deleting });
    await expect(log.append('domain', [item('s', 2, 'c')])).rejects.toMatchObject({ code: 'log-unavailable' });
    await log.close();
  });

  test('replaced underneath by a copy is noticed', async () => {
    copyFileSync(given.path, `${given.path}.copy`);
    renameSync(`${given.path}.copy`, given.path);
    await expect(given.log.read('domain', 0, 1)).rejects.toThrow(/replaced by another file/);
  });

  test('that is no database, or one of another program, is refused and left as it was', () => {
    const text = `${given.path}.txt`;
    writeFileSync(text, 'not a database, but long enough to look like one to whoever reads only the size of it');
    expect(() => openLog(`sqlite:${text}`)).toThrow(
      expect.objectContaining({
        code: 'not-a-log',
        message: expect.stringContaining(`${text}: found a file that is no`),
      }),
    );
    const foreign = `${given.path}.other`;
    const database = openDatabase(foreign);
    database.exec('pragma journal_mode = delete; create table mine (x)');
    database.close();
    const before = readFileSync(foreign);
    expect(() => openLog(`sqlite:${foreign}`)).toThrow(
      expect.objectContaining({ code: 'not-a-log', retriable: false }),
    );
    expect(readFileSync(foreign)).toEqual(before);
  });

  test('of a newer format is refused with both versions', () => {
    const database = openDatabase(given.path);
    database.exec('pragma user_version = 3');
    database.close();
    expect(() => openLog(given.url)).toThrow(
      expect.objectContaining({
        code: 'log-format-newer',
        message: expect.stringMatching(/found format 3, expected at most 2/),
      }),
    );
  });

  test('in a place that cannot be written is log-unavailable with the cause', () => {
    expect(() => openLog(`sqlite:${given.path}/below/log.db`)).toThrow(
      expect.objectContaining({ code: 'log-unavailable', cause: expect.objectContaining({ code: 'ENOTDIR' }) }),
    );
  });

  test('is created with the directories above it', async () => {
    const path = `${given.path}.d/deep/log.db`;
    const log = openLog(`sqlite:${path}`);
    expect(statSync(path).isFile()).toBe(true);
    await log.close();
  });

  test('keeps the time that the clock given to it told', async () => {
    const log = openLog(given.url, { now: () => new Date('2026-02-03T04:05:06.789Z') });
    await log.append('domain', [item('s', 2, 'c')]);
    expect((await log.find('domain', 'c'))!.meta.recordedAt).toBe('2026-02-03T04:05:06.789Z');
    await log.close();
  });

  test('counts what it commits: calls of one turn share a commit', async () => {
    const metrics = new Metrics();
    const log = openLog(given.url, { logger: silent, metrics });
    await Promise.all(['c', 'd', 'e'].map((id) => log.append('domain', [item('t', 'any', id)])));
    await log.close();
    const text = await metrics.text();
    expect(text).toContain('strangler_log_events_appended_total 3');
    expect(text).toContain('strangler_log_append_calls_total 3');
    expect(text).toContain('strangler_log_commit_seconds_count 1');
  });

  test('failing is logged for the operator', async () => {
    const error = vi.fn();
    const log = openLog(given.url, { logger: { ...silent, error } });
    rmSync(given.path);
    await expect(log.head('domain')).rejects.toThrow();
    await log.close();
    expect(error).toHaveBeenCalledWith(
      { err: expect.objectContaining({ code: 'log-unavailable' }) },
      expect.anything(),
    );
  });
});
