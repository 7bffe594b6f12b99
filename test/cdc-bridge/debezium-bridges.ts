import mysql from 'mysql2/promise';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { RunningBridge } from '../../cdc-bridge/bridge.ts';
import type { BridgeConfig } from '../../cdc-bridge/config.ts';
import type { EventLog } from '../../contract/event-log.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import { until } from '../until.ts';
import { type DebeziumRig, type RigWish, startRig } from './debezium-rig.ts';
import { type KillableBridge, startKillable } from './killable-bridge.ts';
import { allEvents, bridgeConfig, caughtUp, type Legacy, start, type TempLog, tempLog } from './legacy.ts';
import { seeded, writeShipments } from './row-history.ts';

/** A zero date in a column without NULL is one of the values that Debezium alters. */
const withoutZeroDates = "ALTER TABLE shipments ALTER estimated_arrival SET DEFAULT '2026-01-01'";

/** A rig on whose tables both sources can tell the same. */
export function startComparableRig(connector: RigWish['connector']): Promise<DebeziumRig> {
  return startRig({ connector, prepare: async (legacy) => void (await legacy.run(withoutZeroDates)) });
}

/** Two bridges of the same name on one server: by the binlog into one log, by the topics into the other. */
export interface BridgeLogs {
  readonly binlog: TempLog;
  readonly topics: TempLog;
  /** Begins a bridge that ends with the test. */
  begin(config: BridgeConfig, log: TempLog): Promise<RunningBridge>;
  /** The same in a process of its own. */
  beginProcess(config: BridgeConfig, log: TempLog): Promise<KillableBridge>;
}

/** Logs of their own for each test of a suite. */
export function eachWithLogs(): () => BridgeLogs {
  let logs: BridgeLogs;
  const running: (() => Promise<void>)[] = [];
  const begin = async (config: BridgeConfig, { log }: TempLog) => {
    const bridge = await start(config, log);
    running.push(bridge.stop);
    return bridge;
  };
  const beginProcess = async (config: BridgeConfig, log: TempLog) => {
    const bridge = await startKillable(config, log.url);
    running.push(bridge.kill);
    return bridge;
  };
  beforeEach(() => {
    logs = { binlog: tempLog(), topics: tempLog(), begin, beginProcess };
  });
  afterEach(async () => {
    for (const stop of running.splice(0)) await stop();
    await logs.binlog.remove();
    await logs.topics.remove();
  });
  return () => logs;
}

/** Waits until the bridge has passed what is committed now: on a busy machine longer than it lets anyone wait at once. */
export async function passed(bridge: { url: string }): Promise<void> {
  const waitMs = 30_000;
  await caughtUp(bridge, waitMs)
    .catch(() => caughtUp(bridge, waitMs))
    .catch(() => caughtUp(bridge, waitMs));
}

export function byTopics({ legacy, topics }: DebeziumRig): BridgeConfig {
  const config = bridgeConfig(legacy);
  return { ...config, database: { ...config.database, topics } };
}

/** All that an event says; of an import less where the tables were looked at, which is another place for each bridge. */
async function told(log: EventLog) {
  return (await allEvents(log)).map(({ id, parent, action, data, meta }: RecordedEvent) => ({
    id,
    action,
    data,
    stream: meta.stream,
    origin: meta.origin,
    traceparent: meta.traceparent,
    ...(meta.origin === 'legacy-cdc' ? { parent, occurredAt: meta.occurredAt, group: meta.group } : {}),
  }));
}

async function expectSameEvents({ binlog, topics }: BridgeLogs, flavour: Legacy['flavour']): Promise<number> {
  const [ours, theirs] = await Promise.all([told(binlog.log), told(topics.log)]);
  expect(theirs).toEqual(
    ours.map((event, index) => (flavour === 'mysql' ? withCommitTime(event, theirs[index]) : event)),
  );
  return ours.length;
}

type Told = Awaited<ReturnType<typeof told>>[number];

/** MySQL tells Debezium when a transaction was committed, and every reader when its last statement began, which is before that. */
function withCommitTime(event: Told, { occurredAt: committedAt }: Partial<Told> = {}): Told {
  const { occurredAt } = event;
  return occurredAt !== undefined && committedAt !== undefined && committedAt > occurredAt
    ? { ...event, occurredAt: committedAt }
    : event;
}

/** Without a rest the writer outruns a worker that starts on a busy machine, and the test waits for what it wrote meanwhile. */
const writerRestMs = 3;

const business = [
  "INSERT INTO customers (name, email, created_at) VALUES ('Zoë', 'z@example.org', '2026-01-01')",
  'BEGIN',
  "INSERT INTO shipments (customer_id, sender, receiver, price, estimated_arrival, created_at) VALUES (1, 'a', 'b', 1.50, '2026-01-02', '2026-01-01')",
  "INSERT INTO packing_list_items (shipment_id, description) VALUES (1, 'chairs'), (1, 'tables')",
  'COMMIT',
  "UPDATE shipments SET shipment_status = 'delayed' WHERE id = 1 /*traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'*/",
  "UPDATE shipments SET shipment_status = 'in_transit', price = 2 WHERE id = 1",
  'UPDATE shipments SET id = 1000 WHERE id = 1',
  "INSERT INTO shipment_notes (shipment_id, author, body, created_at) VALUES (1000, 'me', 'grüße 😀', '2026-01-01 02:03:04')",
  "DELETE FROM packing_list_items WHERE description = 'tables'",
  "REPLACE INTO users VALUES ('me', 'x')",
  'DELETE FROM shipments WHERE id = 1000',
];

/** Cases of a suite: whatever happens, both sources give the same domain events with the same ids. */
export function sameEventsCases(rig: () => DebeziumRig, logs: () => BridgeLogs): void {
  it('gives the same domain events with the same ids as the binlog, those of the initial snapshot too', async () => {
    const { legacy } = rig();
    const { binlog, topics, begin } = logs();
    await legacy.run(
      "INSERT INTO customers (id, name, email, created_at) VALUES (500, 'before', 'b@example.org', '2026-01-01')",
    );
    const bridges = [await begin(bridgeConfig(legacy), binlog), await begin(byTopics(rig()), topics)];
    for (const bridge of bridges) await passed(bridge);
    for (const statement of business) await legacy.run(statement);
    for (const bridge of bridges) await passed(bridge);
    for (const bridge of bridges) await bridge.stop();
    expect(await expectSameEvents(logs(), legacy.flavour)).toBeGreaterThan(10);
  }, 180_000);

  it('gives them although the Connect worker is killed under load, and the bridge after it', async () => {
    const { legacy, debezium } = rig();
    const { binlog, topics, begin, beginProcess } = logs();
    const seed = Math.floor(Math.random() * 2 ** 31);
    console.log(`seed ${seed}`);
    const own = await begin(bridgeConfig(legacy), binlog);
    let bridge = await beginProcess(byTopics(rig()), topics);
    await passed(own);
    await passed(bridge);
    let writing = true;
    const connection = await mysql.createConnection({ uri: legacy.url });
    await connection.query("SET SESSION sql_mode = ''");
    const writer = writeShipments(connection, seeded(seed), () => writing, writerRestMs);
    // Awaited below; a test that ends before it gets there has another reason.
    writer.catch(() => {});
    const offsetOf = async ({ log }: TempLog) => (await log.head('domain')).offset;
    const more = async (count: number) => {
      const from = await offsetOf(topics);
      await until(async () => (await offsetOf(topics)) >= from + count, 120_000);
    };
    await more(100);
    await debezium.kill();
    await debezium.restart();
    await more(100);
    await bridge.kill();
    bridge = await beginProcess(byTopics(rig()), topics);
    await more(100);
    await debezium.kill();
    await bridge.kill();
    await debezium.restart();
    bridge = await beginProcess(byTopics(rig()), topics);
    await more(100);
    writing = false;
    const { changes } = await writer;
    await connection.end();
    await passed(own);
    await passed(bridge);
    await bridge.kill();
    await own.stop();
    expect(changes).toBeGreaterThan(300);
    await expectSameEvents(logs(), legacy.flavour);
  }, 480_000);
}
