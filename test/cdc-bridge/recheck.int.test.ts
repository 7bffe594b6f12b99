import mysql from 'mysql2/promise';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { RunningBridge } from '../../cdc-bridge/bridge.ts';
import type { BridgeConfig } from '../../cdc-bridge/config.ts';
import {
  askForSnapshot,
  type SnapshotAnswer,
  type SnapshotWish,
  snapshotAnswer,
} from '../../cdc-bridge/known-rows/snapshot-request.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import { until } from '../until.ts';
import {
  allEvents,
  bridgeConfig,
  caughtUp,
  type Legacy,
  onBothServers,
  readTables,
  start,
  type TempLog,
  tempLog,
} from './legacy.ts';
import { pricesInTable, seeded, sorted, writeShipments } from './row-history.ts';

onBothServers((create) => {
  let legacy: Legacy;
  let log: TempLog;
  let bridge: RunningBridge | undefined;

  beforeEach(async () => {
    legacy = await create();
    log = tempLog();
  });
  afterEach(async () => {
    await bridge?.stop();
    await log.remove();
    await legacy?.drop();
  });

  const insert = (prices: readonly number[]) =>
    legacy.run('INSERT INTO shipments (sender, receiver, price, created_at) VALUES ?', [
      prices.map((price) => ['a', 'b', price, '2026-01-01 00:00:00']),
    ]);

  /** Writes that the binlog does not tell. */
  async function unseen(...statements: string[]): Promise<void> {
    await legacy.run('SET SESSION sql_log_bin = 0');
    for (const statement of statements) await legacy.run(statement);
    await legacy.run('SET SESSION sql_log_bin = 1');
  }

  async function started(config: BridgeConfig = bridgeConfig(legacy)): Promise<RunningBridge> {
    bridge = await start(config, log.log);
    await until(async () => (await bridge!.status()).phase === 'streaming', 30_000);
    await caughtUp(bridge);
    return bridge;
  }

  async function snapshot(wish: Partial<SnapshotWish> = {}): Promise<SnapshotAnswer> {
    const { offset } = await log.log.head('parked');
    const id = await askForSnapshot(log.log, 'test', { fromNow: false, by: 'tester', ...wish });
    return (await snapshotAnswer(log.log, id, offset, AbortSignal.timeout(60_000)))!;
  }

  const eventsFrom = async (first: number) => (await allEvents(log.log)).slice(first);
  const told = (events: readonly RecordedEvent[]) =>
    events.map(({ action, data, meta }) => [action, meta.stream, data.price]);
  const none = { imported: 0, corrected: 0, gone: 0, resolved: 0, refused: {} };

  it('tells rows that nobody has seen come, change or go, and nothing of those that are as they were told', async () => {
    await insert([1, 2, 3, 4]);
    await started();
    await legacy.run('UPDATE shipments SET price = 30 WHERE id = 3');
    await caughtUp(bridge!);
    expect(await snapshot()).toEqual({ tables: expect.any(Array), ...none });
    await unseen(
      'UPDATE shipments SET price = 10 WHERE id = 1',
      "UPDATE shipments SET updated_at = '2020-01-01 00:00:00' WHERE id = 3",
      'DELETE FROM shipments WHERE id = 2',
      "INSERT INTO shipments (id, sender, receiver, price, created_at) VALUES (9, 'a', 'b', 9, NOW())",
    );
    const before = (await allEvents(log.log)).length;
    expect(await snapshot({ tables: ['shipments'] })).toEqual({
      ...none,
      tables: ['shipments'],
      imported: 1,
      corrected: 1,
      gone: 1,
    });
    const events = await eventsFrom(before);
    expect(told(events)).toEqual([
      ['shipment-deleted', 'shipment-2', undefined],
      ['shipment-corrected', 'shipment-1', '10.00'],
      ['shipment-imported', 'shipment-9', '9.00'],
    ]);
    expect(new Set(events.map(({ meta }) => meta.origin))).toEqual(new Set(['legacy-seed']));
    expect(await snapshot()).toMatchObject(none);
    await legacy.run('SET SESSION binlog_row_image = MINIMAL');
    await legacy.run('UPDATE shipments SET updated_at = NOW() WHERE id = 9');
    await legacy.run('SET SESSION binlog_row_image = FULL');
    await legacy.run('UPDATE shipments SET price = 90 WHERE id = 9');
    await caughtUp(bridge!);
    expect(await snapshot()).toMatchObject(none);
  });

  it('corrects a row that changed unseen although it has changed again since where all could see', async () => {
    await insert([1]);
    await started();
    await unseen("UPDATE shipments SET sender = 'unseen' WHERE id = 1");
    await legacy.run("UPDATE shipments SET shipment_status = 'delivered' WHERE id = 1");
    await caughtUp(bridge!);
    expect(await snapshot()).toMatchObject({ ...none, corrected: 1 });
    const last = (await allEvents(log.log)).at(-1)!;
    expect(last).toMatchObject({ action: 'shipment-corrected', data: { sender: 'unseen', status: 'delivered' } });
  });

  it('brings rows to what they are while they are written all the time', async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    console.log(`seed ${seed}`);
    const random = seeded(seed);
    await insert(Array.from({ length: 600 }, () => 0));
    const small = { chunkRows: 50, chunkMs: 1_000, pauseMs: 0 };
    const config = bridgeConfig(legacy);
    await started({ ...config, database: { ...config.database, snapshot: small } });
    const unlogged = await mysql.createConnection({ uri: legacy.url });
    await unlogged.query('SET SESSION sql_log_bin = 0');
    await writeShipments(unlogged, random, (changes) => changes < 150);
    let writing = true;
    const logged = writeShipments(legacy.connection, random, () => writing, 2);
    await snapshot();
    writing = false;
    await Promise.all([logged, unlogged.end()]);
    await caughtUp(bridge!);
    expect(sorted(asTold(await allEvents(log.log)))).toEqual(sorted(await pricesInTable(legacy.connection)));
    expect(await snapshot()).toMatchObject(none);
  }, 60_000);

  it('settles a table that was cleared, and is told what is left of it', async () => {
    await insert([1, 2]);
    await started();
    await legacy.run('TRUNCATE shipments');
    await insert([5]);
    await caughtUp(bridge!);
    expect((await bridge!.status()).parked.changes).toMatchObject([{ reason: 'table-cleared', table: 'shipments' }]);
    expect(await snapshot({ tables: ['shipments'] })).toMatchObject({
      gone: 1,
      corrected: 1,
      imported: 0,
      resolved: 1,
    });
    expect((await bridge!.status()).parked.count).toBe(0);
    expect(sorted(asTold(await allEvents(log.log)))).toEqual([['shipment-1', '5.00']]);
  });

  it('does what was asked for while no bridge ran, and says of which tables it cannot tell', async () => {
    await insert([1]);
    const never = bridgeConfig(legacy);
    await started({ ...never, database: { ...never.database, knownRows: false } });
    await bridge!.stop();
    const { offset } = await log.log.head('parked');
    const id = await askForSnapshot(log.log, 'test', { tables: ['shipments', 'users'], fromNow: false, by: 'tester' });
    await started();
    expect(await snapshotAnswer(log.log, id, offset, AbortSignal.timeout(20_000))).toEqual({
      ...none,
      tables: [],
      refused: { shipments: expect.stringContaining('knownRows'), users: expect.stringContaining('no rule') },
    });
  });

  it('finds rows by keys of any type', async () => {
    await legacy.run(
      "CREATE TABLE k (a VARCHAR(20), b DECIMAL(6,2), c ENUM('x','y'), d VARBINARY(8), n INT, PRIMARY KEY (a, b, c, d))",
    );
    const rows = [
      ['é', '1.10', 'x', Buffer.from([0, 255])],
      ['Z', '-2.00', 'y', Buffer.from('q')],
    ];
    await legacy.run('INSERT INTO k VALUES ?', [rows.map((key) => [...key, 1])]);
    const yaml =
      'tables: {k: {key: [a, b, c, d], stream: "k-{a}", events: {k-imported: {op: r, data: "*"}, k-gone: {op: d, data: {n: n}}}}}';
    await started(bridgeConfig(legacy, readTables(yaml)));
    await unseen("UPDATE k SET n = 2 WHERE a = 'é'", "DELETE FROM k WHERE a = 'Z'");
    expect(await snapshot()).toMatchObject({ imported: 0, corrected: 1, gone: 1 });
    expect(await snapshot()).toMatchObject(none);
  });
});

/** The price of each shipment by what was told last of it. */
function asTold(events: readonly RecordedEvent[]): Map<string, string> {
  const prices = new Map<string, string>();
  for (const { action, data, meta } of events) {
    if (action === 'shipment-deleted') prices.delete(meta.stream);
    else if (data.price !== undefined) prices.set(meta.stream, String(data.price));
  }
  return prices;
}
