import mysql from 'mysql2/promise';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningBridge } from '../../cdc-bridge/bridge.ts';
import { storedDistance } from '../../cdc-bridge/health/purge-watch.ts';
import type { Logger } from '../../runtime/logger.ts';
import { silent } from '../../runtime/logger.ts';
import { startMysql } from '../real-parts/mysql.ts';
import { bringPromtool } from '../real-parts/promtool.ts';
import { type RealPart, requireRealPart } from '../real-parts/real-part.ts';
import { until } from '../until.ts';
import {
  allEvents,
  bridgeConfig,
  caughtUp,
  createLegacy,
  type Legacy,
  onBothServers,
  start,
  type TempLog,
  tempLog,
} from './legacy.ts';
import { startMariadb } from './own-mariadb.ts';

const insert = "INSERT INTO shipments (sender, receiver, created_at) VALUES ('bob', 'bill', '2025-12-01')";

let legacy: Legacy;
let log: TempLog;
let bridge: RunningBridge;

afterEach(async () => {
  await bridge?.stop();
  await log.remove();
  await legacy.drop();
});

onBothServers((create) => {
  beforeEach(async () => {
    legacy = await create();
    log = tempLog();
    bridge = await start(bridgeConfig(legacy), log.log);
  });

  it('tells its health in numbers, in Prometheus’s way and under Debezium’s names', async () => {
    await caughtUp(bridge);
    await legacy.run(insert);
    await legacy.run("UPDATE shipments SET shipment_status = 'delayed'");
    await caughtUp(bridge);
    await until(async () => (await bridge.status()).purge);
    const own = await numbersAt('/metrics');
    expect(own.get('strangler_bridge_connected')).toBe(1);
    expect(own.get('strangler_bridge_lag_seconds')).toBe(0);
    expect(own.get('strangler_bridge_lag_transactions')).toBe(0);
    expect(own.get('strangler_bridge_transactions_total')).toBeGreaterThanOrEqual(2);
    expect(own.get('strangler_bridge_behind_source_seconds')).toBeLessThan(60);
    expect(own.get('strangler_bridge_purge_distance_files')).toBeGreaterThanOrEqual(0);
    const theirs = await numbersAt('/metrics/debezium');
    const labelled = (name: string, context: string) =>
      theirs.get(`debezium_metrics_${name}{plugin="${legacy.flavour}",name="test",context="${context}"}`);
    expect(labelled('Connected', 'streaming')).toBe(1);
    expect(labelled('TotalNumberOfCreateEventsSeen', 'streaming')).toBe(1);
    expect(labelled('TotalNumberOfUpdateEventsSeen', 'streaming')).toBe(1);
    expect(labelled('MilliSecondsBehindSource', 'streaming')).toBeGreaterThanOrEqual(0);
    expect(labelled('SnapshotCompleted', 'snapshot')).toBe(1);
    expect(labelled('RemainingTableCount', 'snapshot')).toBe(0);
  });

  it('moves its position on for transactions that give no event, and says that no reader has to wait for more', async () => {
    await legacy.run(insert);
    const before = await caughtUp(bridge);
    const events = (await allEvents(log.log)).length;
    await legacy.run("INSERT INTO sessions (id) VALUES ('x')");
    const other = await create();
    const after = await caughtUp(bridge);
    await other.drop();
    expect(after.address).toBe(before.address);
    expect(after.position).not.toBe(before.position);
    expect((await bridge.status()).position).toBeDefined();
    expect((await allEvents(log.log)).length).toBe(events);
  });

  it('shows what it lacks, not no lag, when it stands still while the database goes on', async () => {
    await caughtUp(bridge);
    await legacy.run(insert);
    await caughtUp(bridge);
    await bridge.stop();
    const cursor = JSON.parse((await log.log.cursor('bridge:test'))!.value);
    cursor.progress.file.createdAt = '2001-01-01T00:00:00.000Z';
    await log.log.append('domain', [], { name: 'bridge:test', value: JSON.stringify(cursor) });
    await legacy.run("UPDATE shipments SET shipment_status = 'delayed'");
    bridge = await start(bridgeConfig(legacy), log.log);
    await bridge.failed;
    const { phase, lagTransactions, lagMs } = await bridge.status();
    expect(phase).toBe('stopped');
    expect(lagTransactions).toBeGreaterThanOrEqual(1);
    expect(lagMs).toBeGreaterThan(0);
    expect((await numbersAt('/metrics')).get('strangler_bridge_connected')).toBe(0);
  });
});

async function numbersAt(path: string): Promise<Map<string, number>> {
  const text = await (await fetch(bridge.url + path)).text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

interface OwnServer extends RealPart {
  readonly rootUrl: string;
}

const servers: readonly [string, () => Promise<OwnServer>][] = [
  ['MariaDB', startMariadb],
  ['MySQL', async () => startMysql().then(({ url, ...server }) => ({ ...server, rootUrl: url }))],
];

describe('its metrics', () => {
  const promtool = requireRealPart('promtool', bringPromtool);

  it('are such as Prometheus’s own judge finds nothing in', async () => {
    legacy = await createLegacy();
    log = tempLog();
    bridge = await start(bridgeConfig(legacy), log.log);
    await caughtUp(bridge);
    await legacy.run(insert);
    await caughtUp(bridge);
    await until(async () => (await bridge.status()).purge);
    const metrics = await (await fetch(`${bridge.url}/metrics`)).text();
    expect(metrics).toContain('strangler_bridge_purge_distance_files');
    expect(await promtool().check(metrics)).toBe('');
    expect(await promtool().check('# TYPE Bad_total gauge\nBad_total 1\n')).not.toBe('');
  });
});

describe.each(servers)('a %s that purges its binlog', (name, startServer) => {
  const server = requireRealPart(name, startServer);

  beforeEach(async () => {
    legacy = await createLegacy(new URL(server().rootUrl));
    log = tempLog();
  });

  const purge = async () => {
    await legacy.run('FLUSH BINARY LOGS');
    const files = await legacy.run('SHOW BINARY LOGS');
    const admin = await mysql.createConnection({ uri: server().rootUrl });
    // The server keeps files that somebody still reads.
    await until(async () => {
      await admin.query(`PURGE BINARY LOGS TO '${files.at(-1)!.Log_name}'`);
      return (await legacy.run('SHOW BINARY LOGS')).length === 1;
    });
    await admin.end();
  };

  it('is watched: by whoever looks while the bridge is down, and by the bridge, which warns once', async () => {
    const warnings: string[] = [];
    const logger: Logger = { ...silent, warn: (_about: object, text?: string) => void warnings.push(text ?? '') };
    const config = bridgeConfig(legacy);
    bridge = await start(config, log.log);
    await legacy.run(insert);
    await caughtUp(bridge);
    await bridge.stop();
    const stored = (await log.log.cursor('bridge:test'))!;
    expect(await storedDistance(config, stored)).toMatchObject({ isPurged: false });

    await purge();
    expect(await storedDistance(config, stored)).toMatchObject({ isPurged: false });

    await legacy.run("UPDATE shipments SET shipment_status = 'delayed'");
    await purge();
    expect(await storedDistance(config, stored)).toMatchObject({ isPurged: true });

    bridge = await start(config, log.log, { logger });
    expect(await bridge.failed).toMatchObject({ code: 'position-not-on-server' });
    await until(() => warnings.some((text) => text.includes('has purged binlog')));
    const { phase, remedy, purge: distance, lagTransactions } = await bridge.status();
    expect({ phase, isPurged: distance?.isPurged }).toEqual({ phase: 'stopped', isPurged: true });
    expect(remedy).toBeDefined();
    expect(lagTransactions).toBeGreaterThanOrEqual(1);
  });
});
