import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import mysql from 'mysql2/promise';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Child, startChild } from '../../runtime/child-process.ts';
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
import { pricesInTable, replay, seeded, sorted, writeShipments } from './row-history.ts';

const program = fileURLToPath(new URL('./fixtures/bridge-process.ts', import.meta.url));
let legacy: Legacy;
let log: TempLog;
let running: Child | undefined;

beforeEach(async () => {
  legacy = await createLegacy();
  log = tempLog();
});
afterEach(async () => {
  await running?.stop(0);
  await log.remove();
  await legacy.drop();
});

async function startProcess(config: unknown) {
  const child = await startChild(process.execPath, ['--import', 'tsx', program, JSON.stringify(config), log.url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running = child;
  const [line] = await once(child.process.stdout!, 'data');
  return {
    url: String(line).trim(),
    async kill() {
      child.process.kill('SIGKILL');
      await child.exited;
    },
  };
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

it('ends with every row’s whole history when it is killed during the initial snapshot while rows change', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  console.log(`seed ${seed}`);
  const values = Array.from({ length: 500 }, () => "('a', 'b', NOW())").join(', ');
  for (let i = 0; i < 12; i++)
    await legacy.run(`INSERT INTO shipments (sender, receiver, created_at) VALUES ${values}`);
  const config = bridgeConfig(legacy);
  let writing = true;
  const connection = await mysql.createConnection({ uri: legacy.url });
  const writer = writeShipments(connection, seeded(seed), () => writing);
  for (const rows of [500, 2_500, 4_500]) {
    const bridge = await startProcess(config);
    await until(async () => (await onLog()) >= rows, 30_000);
    await bridge.kill();
  }
  const cursor = JSON.parse((await log.log.cursor('bridge:test'))!.value);
  expect(cursor.progress.phase).toBe('snapshot');
  const bridge = await startProcess(config);
  await caughtUp(bridge, 20_000).catch(() => undefined);
  writing = false;
  await writer;
  await connection.end();
  await caughtUp(bridge);
  await bridge.kill();
  await expectHistoryComplete();
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
