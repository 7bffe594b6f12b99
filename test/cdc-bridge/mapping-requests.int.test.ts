import { afterEach, beforeEach, expect, it } from 'vitest';
import type { RunningBridge } from '../../cdc-bridge/bridge.ts';
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

const tables = readTables(`tables:
  customers:
    key: id
    stream: customer-{id}
    group: {request: 10s}
    events: {customer-created: {op: c, data: {name: name}}, customer-changed: {op: u, data: {name: name}}}`);

let legacy: Legacy;
let log: TempLog;
let bridge: RunningBridge | undefined;
beforeEach(() => {
  log = tempLog();
});
afterEach(async () => {
  await bridge?.stop();
  await log.remove();
  await legacy?.drop();
});

async function restart(): Promise<void> {
  await bridge?.stop();
  const config = bridgeConfig(legacy, tables);
  bridge = await start({ ...config, database: { ...config.database, snapshotMode: 'never' } }, log.log);
  await caughtUp(bridge);
}

async function groups(): Promise<(string | undefined)[]> {
  await caughtUp(bridge!);
  return (await allEvents(log.log)).map(({ meta }) => meta.group);
}

onBothServers((create) => {
  it('gives the changes of one request one group, over commits and a restart of the bridge', async () => {
    legacy = await create();
    await restart();
    await legacy.run("INSERT INTO customers (id, name, created_at) VALUES (1, 'a', NOW())");
    await legacy.run("UPDATE customers SET name = 'b' WHERE id = 1");
    await caughtUp(bridge!);
    await restart();
    await legacy.run("UPDATE customers SET name = 'c' WHERE id = 1");
    const [first, ...others] = await groups();
    expect(first).toMatch(/^[0-9a-f-]{36}$/);
    expect(others).toEqual([first, first]);
  });

  it('knows a request by its traceparent, whatever else was committed in between', async () => {
    legacy = await create();
    await restart();
    if (legacy.flavour === 'mysql') await legacy.run('SET SESSION binlog_rows_query_log_events = ON');
    const traced = (id: number, span: string) =>
      legacy.run(
        `INSERT INTO customers (id, name, created_at) VALUES (${id}, 'a', NOW()) /*traceparent='00-0af7651916cd43dd8448eb211c80319c-${span}-01'*/`,
      );
    await traced(1, 'b7ad6b7169203331');
    await traced(2, 'b7ad6b7169203332');
    await legacy.run("INSERT INTO customers (id, name, created_at) VALUES (3, 'a', NOW())");
    await traced(4, 'b7ad6b7169203331');
    const [a, b, c, d] = await groups();
    expect(d).toBe(a);
    expect(new Set([a, b, c]).size).toBe(3);
  });
});
