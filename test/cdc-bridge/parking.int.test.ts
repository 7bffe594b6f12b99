import { afterEach, beforeEach, expect, it } from 'vitest';
import type { RunningBridge } from '../../cdc-bridge/bridge.ts';
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

let legacy: Legacy;
let log: TempLog;
let bridge: RunningBridge;

beforeEach(async () => {
  legacy = await createLegacy();
  log = tempLog();
});
afterEach(async () => {
  await bridge.stop();
  await log.remove();
  await legacy.drop();
});

const note = (shipment: number | null, body: string) =>
  legacy.run('INSERT INTO shipment_notes (shipment_id, author, body, created_at) VALUES (?, ?, ?, NOW())', [
    shipment,
    'alice',
    body,
  ]);
const actions = async () => (await allEvents(log.log)).map(({ action, meta }) => `${meta.stream} ${action}`);

it('parks a row that no stream can be named for, and lets the rest flow', async () => {
  bridge = await start(bridgeConfig(legacy), log.log);
  await caughtUp(bridge);
  await note(null, 'nobody’s');
  await note(2, 'somebody’s');
  await caughtUp(bridge);
  expect(await actions()).toEqual(['shipment-2 shipment-note-added']);
  const { parked } = await bridge.status();
  expect(parked).toMatchObject({
    count: 1,
    changes: [{ reason: 'stream-unnamed', table: 'shipment_notes', row: 'shipment_notes/[1]' }],
  });
  expect(parked.changes[0]!.detail).toContain('shipment_id is null');
});

it('holds later changes of the parked row and stream back, also after a restart', async () => {
  const config = bridgeConfig(legacy);
  bridge = await start(config, log.log);
  await caughtUp(bridge);
  await note(1, 'fine');
  await legacy.run('SET SESSION binlog_row_image = MINIMAL');
  await legacy.run("UPDATE shipment_notes SET body = 'half an image' WHERE id = 1");
  await legacy.run('SET SESSION binlog_row_image = FULL');
  await caughtUp(bridge);
  await bridge.stop();
  bridge = await start(config, log.log);
  await legacy.run("UPDATE shipment_notes SET body = 'whole again' WHERE id = 1");
  await note(2, 'another stream');
  await caughtUp(bridge);
  expect(await actions()).toEqual(['shipment-1 shipment-note-added', 'shipment-2 shipment-note-added']);
  const { parked } = await bridge.status();
  expect(parked.changes.map(({ reason }) => reason)).toEqual(['column-absent', 'behind-parked']);
  const kept = await allEvents(log.log, 'parked');
  expect(kept[1]!.data).toMatchObject({ op: 'u', after: { body: 'whole again' }, bridge: 'test' });
});

it('parks rows of the initial snapshot that it cannot understand, once, and imports the others', async () => {
  await note(null, 'nobody’s');
  await note(2, 'somebody’s');
  bridge = await start(bridgeConfig(legacy), log.log);
  await caughtUp(bridge);
  expect(await actions()).toEqual(['shipment-2 shipment-note-imported']);
  expect((await bridge.status()).parked.count).toBe(1);
});

it('parks what an XA transaction prepared, because it may still be rolled back', async () => {
  bridge = await start(bridgeConfig(legacy), log.log);
  await caughtUp(bridge);
  for (const sql of [
    "XA START 'q'",
    "INSERT INTO customers (name, created_at) VALUES ('phantom', NOW())",
    "XA END 'q'",
    "XA PREPARE 'q'",
    "XA ROLLBACK 'q'",
  ]) {
    await legacy.run(sql);
  }
  await legacy.run("INSERT INTO customers (name, created_at) VALUES ('real', NOW())");
  await caughtUp(bridge);
  expect((await allEvents(log.log)).map(({ data }) => data.name)).toEqual(['real']);
  expect((await bridge.status()).parked.changes.map(({ reason }) => reason)).toEqual(['unsettled-transaction']);
});

it('parks writes that were logged as SQL text and tables that were cleared', async () => {
  bridge = await start(bridgeConfig(legacy), log.log);
  await caughtUp(bridge);
  await legacy.run("SET SESSION binlog_format = 'STATEMENT'");
  await legacy.run("INSERT INTO page_views VALUES ('/', 1)");
  await legacy.run("SET SESSION binlog_format = 'ROW'");
  await legacy.run('TRUNCATE TABLE shipment_notes');
  await caughtUp(bridge);
  const { parked } = await bridge.status();
  expect(parked.changes.map(({ reason, detail, table }) => [reason, detail, table])).toEqual([
    ['statement-format', "INSERT INTO page_views VALUES ('/', 1)", undefined],
    ['table-cleared', 'TRUNCATE TABLE shipment_notes', 'shipment_notes'],
  ]);
});

it('takes no alarm at a nightly TRUNCATE of a table that is ignored, at scratch tables, or at a renamed column', async () => {
  bridge = await start(bridgeConfig(legacy), log.log);
  await caughtUp(bridge);
  await legacy.run('TRUNCATE sessions');
  await legacy.run('CREATE TABLE scratch (a INT)');
  await legacy.run('DROP TABLE scratch');
  await legacy.run('DROP TABLE IF EXISTS never_was');
  await legacy.run('ALTER TABLE sessions RENAME COLUMN data TO text');
  await caughtUp(bridge);
  expect((await bridge.status()).parked.changes).toEqual([]);
});

it('never keeps excluded columns of a parked row', async () => {
  const config = bridgeConfig(legacy);
  bridge = await start(config, log.log);
  await caughtUp(bridge);
  await legacy.run('ALTER TABLE shipments DROP COLUMN document');
  await legacy.run("INSERT INTO shipments (sender, receiver, created_at) VALUES ('a', 'b', NOW())");
  await caughtUp(bridge);
  const [kept] = await allEvents(log.log, 'parked');
  expect(kept!.data.reason).toBe('column-absent');
  expect(kept!.data.after).toMatchObject({ sender: 'a' });
  expect(kept!.data.after).not.toHaveProperty('updated_at');
});
