import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningBridge } from '../../cdc-bridge/bridge.ts';
import type { BridgeConfig } from '../../cdc-bridge/config.ts';
import type { StreamPosition } from '../../cdc-bridge/positions/cursor.ts';
import { startMysql } from '../real-parts/mysql.ts';
import { requireRealPart } from '../real-parts/real-part.ts';
import {
  allEvents,
  bridgeConfig,
  caughtUp,
  createLegacy,
  type Legacy,
  onBothServers,
  readTables,
  start,
  type TempLog,
  tempLog,
} from './legacy.ts';

const sample = readFileSync(new URL('./fixtures/shipments-tables.yaml', import.meta.url), 'utf8');

const update = (status: string) => `UPDATE shipments SET shipment_status = '${status}'`;

/** What must hold of positions of every kind. */
function suite(create: () => Promise<Legacy>): void {
  let legacy: Legacy;
  let log: TempLog;
  let config: BridgeConfig;
  let bridge: RunningBridge;

  beforeEach(async () => {
    legacy = await create();
    log = tempLog();
    const base = bridgeConfig(legacy);
    config = { ...base, database: { ...base.database, snapshotMode: 'never' } };
    await legacy.run("INSERT INTO shipments (sender, receiver, created_at) VALUES ('bob', 'bill', '2025-12-01')");
    bridge = await start(config, log.log);
    await caughtUp(bridge);
  });
  afterEach(async () => {
    await bridge.stop();
    await log.remove();
    await legacy.drop();
  });

  const stored = async () => JSON.parse((await log.log.cursor('bridge:test'))!.value) as { progress: StreamPosition };
  const store = (cursor: object) =>
    log.log.append('domain', [], { name: 'bridge:test', value: JSON.stringify(cursor) });

  it('answers the barrier with the log address of what is committed, and at once where that gave no event', async () => {
    await legacy.run(update('delayed'));
    const { address } = await caughtUp(bridge);
    expect((await allEvents(log.log)).at(-1)).toMatchObject({ action: 'shipment-delayed' });
    expect(address).toBe(`domain/0/${(await log.log.head('domain')).offset}`);
    await legacy.run("INSERT INTO sessions (id) VALUES ('x')");
    expect((await caughtUp(bridge)).address).toBe(address);
  });

  it('stops, appends nothing and says what to do where the server ends before the position', async () => {
    await legacy.run(update('delayed'));
    await caughtUp(bridge);
    await bridge.stop();
    const cursor = await stored();
    const ahead = cursor.progress.position.replace(/(\d+)$/, '99999999');
    await store({ ...cursor, progress: { ...cursor.progress, position: ahead } });
    const events = (await allEvents(log.log)).length;
    bridge = await start(config, log.log);
    expect(await bridge.failed).toMatchObject({
      code: 'position-not-on-server',
      message: expect.stringContaining(ahead),
    });
    const { phase, remedy, lagTransactions } = await bridge.status();
    expect({ phase, lagTransactions }).toEqual({ phase: 'stopped', lagTransactions: undefined });
    expect(remedy).toMatch(/restore|snapshot|begin anew/i);
    expect((await fetch(`${bridge.url}/head`)).status).toBe(503);
    expect((await allEvents(log.log)).length).toBe(events);
  });

  it('stops where a repeat has the id of an event and another payload, and leaves that event as it was', async () => {
    await bridge.stop();
    const before = await stored();
    bridge = await start(config, log.log);
    await legacy.run(update('delayed'));
    await caughtUp(bridge);
    await bridge.stop();
    const events = await allEvents(log.log);
    await store(before);
    const otherPayload = readTables(sample.replace('previous-status: before', 'was: before'));
    bridge = await start({ ...config, tables: otherPayload }, log.log);
    expect(await bridge.failed).toMatchObject({ code: 'log-refused' });
    expect((await bridge.status()).remedy).toContain('different payloads');
    expect(await allEvents(log.log)).toEqual(events);
  });
}

onBothServers(suite);

describe('on MySQL by files and offsets', () => {
  const server = requireRealPart('MySQL', () => startMysql(['--gtid-mode=OFF', '--enforce-gtid-consistency=OFF']));
  suite(() => createLegacy(new URL(server().url)));
});
