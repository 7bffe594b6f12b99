import { randomInt } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { RunningBridge } from '../../cdc-bridge/bridge.ts';
import { askForSnapshot, snapshotAnswer } from '../../cdc-bridge/known-rows/snapshot-request.ts';
import { requireRealPart } from '../real-parts/real-part.ts';
import { until } from '../until.ts';
import {
  allEvents,
  bridgeConfig,
  caughtUp,
  createLegacy,
  type Legacy,
  start,
  type TempLog,
  tempLog,
} from './legacy.ts';
import { startMariadb } from './own-mariadb.ts';

const server = requireRealPart('MariaDB of its own', () => startMariadb());
const serverId = randomInt(100_000, 4_000_000_000);

let legacy: Legacy;
let log: TempLog;
let bridge: RunningBridge | undefined;

beforeEach(async () => {
  legacy = await createLegacy(new URL(server().rootUrl));
  log = tempLog();
});
afterEach(async () => {
  await bridge?.stop();
  await log.remove();
  await legacy?.drop();
});

async function started(): Promise<RunningBridge> {
  const config = bridgeConfig(legacy);
  bridge = await start({ ...config, database: { ...config.database, serverId } }, log.log);
  return bridge;
}

async function following(): Promise<void> {
  await started();
  await until(async () => (await bridge!.status()).phase === 'streaming', 30_000);
  await caughtUp(bridge!);
}

/** The server keeps files that somebody reads, until it notices that the reader has gone. */
async function purge(): Promise<void> {
  await legacy.run('FLUSH BINARY LOGS');
  await until(async () => {
    const files = await legacy.run('SHOW BINARY LOGS');
    await legacy.run(`PURGE BINARY LOGS TO '${files.at(-1)!.Log_name}'`);
    return (await legacy.run('SHOW BINARY LOGS')).length === 1;
  }, 20_000);
}

it('goes on at the head when the binlog was purged, and tells what the tables have become, each difference once', async () => {
  const insert = (price: number) =>
    legacy.run(
      "INSERT INTO shipments (sender, receiver, price, created_at) VALUES ('a', 'b', ?, '2026-01-01 00:00:00')",
      [price],
    );
  for (const price of [1, 2, 3, 4]) await insert(price);
  await following();
  await bridge!.stop();
  await legacy.run('UPDATE shipments SET price = 20 WHERE id = 2');
  await legacy.run('DELETE FROM shipments WHERE id = 3');
  await insert(5);
  await legacy.run('UPDATE shipments SET price = 50 WHERE id = 5');
  await purge();
  await insert(6);

  await started();
  expect(await bridge!.failed).toMatchObject({ code: 'position-not-on-server' });
  await bridge!.stop();
  const before = (await allEvents(log.log)).length;
  const { offset } = await log.log.head('parked');
  const request = await askForSnapshot(log.log, 'test', { fromNow: true, by: 'tester' });
  await following();
  expect(await snapshotAnswer(log.log, request, offset, AbortSignal.timeout(30_000))).toMatchObject({
    imported: 2,
    corrected: 1,
    gone: 1,
  });
  const events = (await allEvents(log.log)).slice(before);
  expect(events.map(({ action, data, meta }) => [action, meta.stream, data.price])).toEqual([
    ['shipment-deleted', 'shipment-3', undefined],
    ['shipment-corrected', 'shipment-2', '20.00'],
    ['shipment-imported', 'shipment-5', '50.00'],
    ['shipment-imported', 'shipment-6', '6.00'],
  ]);

  await bridge!.stop();
  await legacy.run('UPDATE shipments SET price = 60 WHERE id = 6');
  await following();
  expect((await allEvents(log.log)).at(-1)).toMatchObject({
    action: 'shipment-details-changed',
    data: { price: '60.00' },
  });
}, 60_000);

it('does not pass over anything for a server that was restored from a backup', async () => {
  await following();
  await legacy.run("INSERT INTO shipments (sender, receiver, created_at) VALUES ('a', 'b', NOW())");
  await caughtUp(bridge!);
  await bridge!.stop();
  await askForSnapshot(log.log, 'test', { fromNow: true, by: 'tester' });
  await legacy.run('RESET MASTER');
  await started();
  expect(await bridge!.failed).toMatchObject({ code: 'position-not-on-server' });
});
