import mysql from 'mysql2/promise';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { BridgeConfig } from '../../cdc-bridge/config.ts';
import { until } from '../until.ts';
import { type KillableBridge, startKillable } from './killable-bridge.ts';
import {
  allEvents,
  bridgeConfig,
  caughtUp,
  type Legacy,
  onBothServers,
  readTables,
  type TempLog,
  tempLog,
} from './legacy.ts';
import { pricesInTable, replay, seeded, sorted, writeShipments } from './row-history.ts';
import { changeWords, replayWords, wordAt, wordsInTable, wordsMapping, wordsTable } from './word-history.ts';

const writers = 2;
/** So that the bridge can follow even on a busy machine: a chunk is on the log when the stream has come to where it was read. */
const restMs = 4;

onBothServers((create) => {
  let legacy: Legacy;
  let log: TempLog;
  let bridge: KillableBridge | undefined;
  let writing = true;

  beforeEach(async () => {
    legacy = await create();
    log = tempLog();
    writing = true;
  });
  afterEach(async () => {
    writing = false;
    await bridge?.child.stop(0);
    await log.remove();
    await legacy?.drop();
  });

  /** Starts the bridge and kills it, each time a little further on the way, while `write` goes on; then lets it come to the end. */
  async function killOnTheWay(
    config: BridgeConfig,
    random: () => number,
    write: (c: mysql.Connection) => Promise<unknown>,
  ) {
    const connections = await Promise.all(
      Array.from({ length: writers }, () => mysql.createConnection({ uri: legacy.url })),
    );
    const written = Promise.all(connections.map(write));
    for (let killed = 0; killed < 3; killed += 1) {
      bridge = await startKillable(config, log.url);
      const more = (await offset()) + 1 + Math.floor(random() * 400);
      await until(async () => (await offset()) >= more, 60_000);
      await bridge.kill();
    }
    const { current } = JSON.parse((await log.log.cursor('bridge:test'))!.value).progress;
    bridge = await startKillable(config, log.url);
    await until(async () => (await offset()) > 0 && !(await isImporting(bridge!)), 120_000);
    writing = false;
    await written;
    await Promise.all(connections.map((connection) => connection.end()));
    await caughtUp(bridge);
    await bridge.kill();
    return current;
  }

  const offset = async () => (await log.log.head('domain')).offset;
  const small = { chunkRows: 100, chunkMs: 1_000, pauseMs: 0 };
  const withSmallChunks = (config: BridgeConfig): BridgeConfig => ({
    ...config,
    leaseMs: 500,
    database: { ...config.database, snapshot: small },
  });

  it('gives every row one import, or its creation, and then each change once, though it is killed at any chunk while rows change', async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    console.log(`seed ${seed}`);
    const values = Array.from({ length: 1_000 }, () => "('a', 'b', NOW())").join(', ');
    for (let i = 0; i < 4; i++)
      await legacy.run(`INSERT INTO shipments (sender, receiver, created_at) VALUES ${values}`);
    const random = seeded(seed);
    const current = await killOnTheWay(withSmallChunks(bridgeConfig(legacy)), random, (connection) =>
      writeShipments(connection, random, () => writing, restMs),
    );
    expect(current).toEqual({ table: 'shipments', after: [expect.any(Number)] });
    const { shipments, contradictions } = replay(await allEvents(log.log));
    expect(contradictions).toEqual([]);
    expect(sorted(shipments)).toEqual(sorted(await pricesInTable(legacy.connection)));
  }, 300_000);

  it('does so by a key that only the server can order, and while rows move to other keys', async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    console.log(`seed ${seed}`);
    await legacy.run(wordsTable);
    const rows = 3_000;
    await legacy.run('INSERT IGNORE INTO words VALUES ?', [Array.from({ length: rows }, (_, i) => [...wordAt(i), 0])]);
    const random = seeded(seed);
    const config = withSmallChunks(bridgeConfig(legacy, readTables(wordsMapping)));
    await killOnTheWay(config, random, (connection) => changeWords(connection, random, rows, () => writing, restMs));
    const { words, contradictions } = replayWords(await allEvents(log.log));
    expect(contradictions).toEqual([]);
    expect([...words].sort()).toEqual([...(await wordsInTable(legacy.connection))].sort());
  }, 300_000);
});

async function isImporting({ url }: KillableBridge): Promise<boolean> {
  const response = await fetch(`${url}/status`);
  return ((await response.json()) as { phase: string }).phase !== 'streaming';
}
