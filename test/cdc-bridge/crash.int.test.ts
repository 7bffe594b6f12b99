import mysql from 'mysql2/promise';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { BridgeConfig } from '../../cdc-bridge/config.ts';
import { until } from '../until.ts';
import { type KillableBridge, startKillable } from './killable-bridge.ts';
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
import { pricesInTable, replay, seeded, sorted, writeShipments } from './row-history.ts';

let legacy: Legacy;
let log: TempLog;
let running: KillableBridge | undefined;

beforeEach(async () => {
  legacy = await createLegacy();
  log = tempLog();
});
afterEach(async () => {
  await running?.child.stop(0);
  await log.remove();
  await legacy.drop();
});

async function startProcess(config: BridgeConfig): Promise<KillableBridge> {
  running = await startKillable(config, log.url);
  return running;
}

async function onLog(): Promise<number> {
  return (await log.log.head('domain')).offset;
}

async function expectHistoryComplete() {
  const events = await allEvents(log.log);
  const { shipments, contradictions } = replay(events);
  expect(contradictions).toEqual([]);
  expect(sorted(shipments)).toEqual(sorted(await pricesInTable(legacy.connection)));
  return events;
}

it('makes each of 2,000 committed writes one event, though it is killed at five points between them', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  console.log(`seed ${seed}`);
  const config = bridgeConfig(legacy);
  const random = seeded(seed);
  let bridge = await startProcess(config);
  // What is written while the initial snapshot still runs is part of it, and no event of its own.
  await caughtUp(bridge);
  const writers = Array.from({ length: 2 }, async () => {
    const connection = await mysql.createConnection({ uri: legacy.url });
    const { changes } = await writeShipments(connection, random, (done) => done < 1_000);
    await connection.end();
    return changes;
  });
  for (const point of [100, 500, 900, 1_300, 1_700]) {
    await until(async () => (await onLog()) >= point, 60_000);
    await bridge.kill();
    bridge = await startProcess(config);
  }
  const changes = (await Promise.all(writers)).reduce((sum, count) => sum + count);
  await caughtUp(bridge);
  await bridge.kill();
  const events = await expectHistoryComplete();
  expect(events).toHaveLength(changes);
}, 120_000);

it('passes from the snapshot to the stream without gap or double while rows change', async () => {
  const values = Array.from({ length: 500 }, () => "('a', 'b', NOW())").join(', ');
  for (let i = 0; i < 4; i++) await legacy.run(`INSERT INTO shipments (sender, receiver, created_at) VALUES ${values}`);
  let writing = true;
  const connection = await mysql.createConnection({ uri: legacy.url });
  const writer = writeShipments(connection, seeded(7), () => writing);
  const bridge = await start(bridgeConfig(legacy), log.log);
  await until(async () => (await bridge.status()).phase === 'streaming');
  await until(async () => (await bridge.status()).events > 2_200);
  writing = false;
  await writer;
  await connection.end();
  await caughtUp(bridge);
  await bridge.stop();
  await expectHistoryComplete();
}, 60_000);
