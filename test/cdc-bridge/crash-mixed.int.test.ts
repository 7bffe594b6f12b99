import { randomInt } from 'node:crypto';
import mysql from 'mysql2/promise';
import { afterEach, expect, it } from 'vitest';
import { until } from '../until.ts';
import { type CuttingProxy, startCuttingProxy } from './cutting-proxy.ts';
import { type KillableBridge, startKillable } from './killable-bridge.ts';
import { allEvents, bridgeConfig, createLegacy, type Legacy, onBothServers, type TempLog, tempLog } from './legacy.ts';
import { endPrepared, writeMixed } from './mixed-writes.ts';
import { startMariadb } from './own-mariadb.ts';
import { pricesInTable, replay, seeded, sorted } from './row-history.ts';

const atEnd: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of atEnd.splice(0).reverse()) await undo();
});

/** What a test of this suite has around it. The bridge goes by way of the proxy. */
interface Scene {
  readonly legacy: Legacy;
  readonly proxy: CuttingProxy;
  readonly store: TempLog;
  readonly random: () => number;
  start(): Promise<KillableBridge>;
}

async function scene(legacy: Legacy): Promise<Scene> {
  const seed = randomInt(2 ** 31);
  console.log(`seed ${seed}`);
  const proxy = await startCuttingProxy(legacy.url);
  atEnd.push(() => proxy.close());
  const store = tempLog();
  atEnd.push(() => store.remove());
  const config = bridgeConfig({ url: proxy.url });
  const start = async () => {
    const bridge = await startKillable(config, store.url);
    atEnd.push(() => bridge.child.stop(0));
    return bridge;
  };
  return { legacy, proxy, store, random: seeded(seed), start };
}

/** More rows than one piece of a transaction has, so that some transactions go out in pieces. */
async function fillShipments(legacy: Legacy): Promise<void> {
  const values = Array.from({ length: 1_100 }, () => "('a', 'b', NOW())").join(', ');
  for (let part = 0; part < 5; part++)
    await legacy.run(`INSERT INTO shipments (sender, receiver, created_at) VALUES ${values}`);
}

/** Until the bridge has passed what is committed now, however long it was kept from it. */
async function passed(bridge: KillableBridge): Promise<void> {
  await until(async () => (await fetch(`${bridge.url}/head?waitMs=1000`)).ok, 120_000);
}

/** Counts that each price went up by one at a time and ended at what SELECT shows: none lost, none twice. */
async function expectStrictReplay({ legacy, store }: Scene): Promise<number> {
  const connection = await mysql.createConnection({ uri: legacy.url });
  const prices = await pricesInTable(connection);
  await connection.end();
  const events = await allEvents(store.log);
  const { shipments, contradictions } = replay(events.filter(({ meta }) => meta.stream.startsWith('shipment-')));
  expect(contradictions.slice(0, 10)).toEqual([]);
  expect(sorted(shipments)).toEqual(sorted(prices));
  return events.length;
}

onBothServers((create) => {
  it('loses and doubles nothing of any kind of write, though bridge and network are cut at random', async () => {
    const legacy = await create();
    atEnd.push(() => legacy.drop());
    await fillShipments(legacy);
    const stage = await scene(legacy);
    let bridge = await stage.start();
    await passed(bridge);
    let writing = true;
    const writers = [1, 2].map(() => writeMixed(legacy.url, stage.random, () => writing));
    for (let round = 0; round < 4; round++) {
      const before = stage.proxy.cuts;
      stage.proxy.cutAfter(() => Math.floor(stage.random() ** 3 * 300_000));
      await until(() => stage.proxy.cuts >= before + 4, 60_000);
      stage.proxy.cutAfter(undefined);
      await bridge.kill();
      bridge = await stage.start();
      const { offset } = await stage.store.log.head('domain');
      await until(async () => (await stage.store.log.head('domain')).offset >= offset + 50, 60_000);
    }
    writing = false;
    await Promise.all(writers);
    await endPrepared(legacy.url, 'COMMIT');
    await passed(bridge);
    await bridge.kill();
    console.log(`${await expectStrictReplay(stage)} events, ${stage.proxy.cuts} cuts`);
  }, 240_000);
});

/**
 * MariaDB may keep an XA transaction that it was killed in the preparing of, without having it in its binlog, and then log its XA COMMIT alone. That
 * is reported as `xa-prepared-before`; here what is prepared at a crash is rolled back.
 */
it('loses and doubles nothing, though the database is killed and comes back', async () => {
  const server = await startMariadb(['--sync-binlog=1', '--innodb-flush-log-at-trx-commit=1']);
  atEnd.push(() => server.stop());
  const legacy = await createLegacy(new URL(server.rootUrl));
  await fillShipments(legacy);
  // Its connection is lost at the first crash, and nobody asks by it any more.
  legacy.connection.on('error', () => {});
  const stage = await scene(legacy);
  const bridge = await stage.start();
  await passed(bridge);
  let writing = true;
  const writer = writeMixed(legacy.url, stage.random, () => writing);
  for (let round = 0; round < 4; round++) {
    const { offset } = await stage.store.log.head('domain');
    await until(async () => (await stage.store.log.head('domain')).offset >= offset + 100, 60_000);
    await server.crash();
    await endPrepared(legacy.url, 'ROLLBACK');
  }
  writing = false;
  await writer;
  await endPrepared(legacy.url, 'ROLLBACK');
  await passed(bridge);
  await bridge.kill();
  console.log(`${await expectStrictReplay(stage)} events`);
}, 240_000);
