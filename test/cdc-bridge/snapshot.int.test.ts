import { afterEach, beforeEach, expect, it } from 'vitest';
import type { EventLog } from '../../contract/event-log.ts';
import {
  allEvents,
  bridgeConfig,
  caughtUp,
  createLegacy,
  type Legacy,
  readTables,
  start,
  type TempLog,
  tempLog,
} from './legacy.ts';

let legacy: Legacy;
let log: TempLog;

beforeEach(async () => {
  legacy = await createLegacy();
  log = tempLog();
});
afterEach(async () => {
  await log.remove();
  await legacy.drop();
});

async function importedKeys(tables: string): Promise<string[]> {
  const bridge = await start(bridgeConfig(legacy, readTables(tables)), log.log);
  await caughtUp(bridge);
  await bridge.stop();
  return (await allEvents(log.log)).map(({ meta }) => meta.stream);
}

it('walks a text key in the order of its own collation, every row once', async () => {
  await legacy.run(
    'CREATE TABLE words (w VARCHAR(30) CHARACTER SET latin1 COLLATE latin1_swedish_ci PRIMARY KEY, n INT)',
  );
  const words = Array.from({ length: 1_300 }, (_, i) => `${['é', 'E', 'z', 'Ä', 'ö', '_', "'", '\\'][i % 8]}${i}`);
  await legacy.run('INSERT INTO words (w, n) VALUES ?', [words.map((word, i) => [word, i])]);
  const keys = await importedKeys('tables: {words: {key: w, stream: "word-{w}", events: {word-imported: {op: r}}}}');
  expect(keys.sort()).toEqual(words.map((word) => `word-${word}`).sort());
});

it('walks a key of two columns, every row once', async () => {
  await legacy.run('CREATE TABLE places (a INT, b INT, PRIMARY KEY (a, b))');
  const pairs = Array.from({ length: 1_300 }, (_, i) => [i % 7, i]);
  await legacy.run('INSERT INTO places VALUES ?', [pairs]);
  const keys = await importedKeys(
    'tables: {places: {key: [a, b], stream: "place-{a}-{b}", events: {place-imported: {op: r}}}}',
  );
  expect(keys.sort()).toEqual(pairs.map((pair) => `place-${pair.join('-')}`).sort());
});

it('looks again behind the last chunk when its connection is killed in the middle', async () => {
  const rows = Array.from({ length: 2_000 }, (_, i) => [`c${i}`, '2025-01-01']);
  await legacy.run('INSERT INTO customers (name, created_at) VALUES ?', [rows]);
  const find =
    'SELECT ID AS id FROM information_schema.PROCESSLIST WHERE DB = ? AND ID <> CONNECTION_ID() ORDER BY ID DESC LIMIT 1';
  let killed = false;
  const append: EventLog['append'] = async (...args) => {
    const results = await log.log.append(...args);
    if (!killed && (await log.log.head('domain')).offset >= 500) {
      killed = true;
      await legacy.run(`KILL ${(await legacy.run(find, [legacy.name]))[0]!.id}`);
      await legacy.run("UPDATE customers SET city = 'moved' WHERE id = 2000");
    }
    return results;
  };
  const hold = new Proxy(log.log, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (name === 'append') return append;
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  const bridge = await start(bridgeConfig(legacy), hold);
  await caughtUp(bridge);
  await bridge.stop();
  const events = await allEvents(log.log);
  expect(killed).toBe(true);
  expect(events).toHaveLength(2_000);
  expect(events.find(({ data }) => data.name === 'c1999')!.data.city).toBe('moved');
});

it('tells how far it is, table by table', async () => {
  await legacy.run("INSERT INTO customers (name, created_at) VALUES ('a', NOW()), ('b', NOW())");
  const states: string[] = [];
  const bridge = await start(bridgeConfig(legacy), log.log, {
    onSnapshot: ({ table, tablesDone, tables, rows, remainingRows }) =>
      states.push(`${table} ${tablesDone}/${tables} ${rows} of ${rows + remainingRows}`),
  });
  await caughtUp(bridge);
  await bridge.stop();
  expect(states.filter((state) => state.startsWith('customers'))).toEqual([
    'customers 0/4 0 of 2',
    'customers 1/4 2 of 2',
  ]);
  expect(states.at(-1)).toBe('shipments 4/4 2 of 2');
});

it('passes over the rows that are there when the mode is never, and keeps to that when started again', async () => {
  await legacy.run("INSERT INTO customers (name, created_at) VALUES ('there before', NOW())");
  const config = bridgeConfig(legacy);
  const never = { ...config, database: { ...config.database, snapshotMode: 'never' as const } };
  await (await start(never, log.log)).stop();
  await legacy.run("INSERT INTO customers (name, created_at) VALUES ('while away', NOW())");
  const bridge = await start(never, log.log);
  await caughtUp(bridge);
  await bridge.stop();
  expect((await allEvents(log.log)).map(({ action, data }) => [action, data.name])).toEqual([
    ['customer-created', 'while away'],
  ]);
});

it('imports a table that is added to the mapping later, once, and what happened to its rows meanwhile is in the import', async () => {
  const customers =
    'customers: {key: id, stream: "customer-{id}", events: {customer-imported: {op: r}, customer-changed: {op: u}}}';
  const notes =
    'shipment_notes: {key: id, stream: "note-{id}", events: {note-imported: {op: r, data: {body: body}}, note-changed: {op: u, data: {body: body}}}}';
  const run = async (tables: string) => {
    const bridge = await start(bridgeConfig(legacy, readTables(tables)), log.log);
    await caughtUp(bridge);
    return bridge;
  };
  await legacy.run("INSERT INTO customers (name, created_at) VALUES ('ann', NOW())");
  await legacy.run("INSERT INTO shipment_notes (body) VALUES ('first'), ('second')");
  await (await run(`tables: {${customers}}`)).stop();
  await legacy.run("UPDATE shipment_notes SET body = 'changed while away' WHERE id = 1");
  await legacy.run("UPDATE customers SET city = 'moved'");
  await (await run(`tables: {${customers}, ${notes}}`)).stop();
  const again = await run(`tables: {${customers}, ${notes}}`);
  await legacy.run("UPDATE shipment_notes SET body = 'changed after' WHERE id = 2");
  await caughtUp(again);
  await again.stop();
  const events = await allEvents(log.log);
  const of = (aggregate: string) =>
    events.filter(({ meta }) => meta.stream.startsWith(aggregate)).map(({ action, data }) => [action, data.body]);
  expect(of('customer')).toEqual([
    ['customer-imported', undefined],
    ['customer-changed', undefined],
  ]);
  expect(of('note')).toEqual([
    ['note-imported', 'changed while away'],
    ['note-imported', 'second'],
    ['note-changed', 'changed after'],
  ]);
});
