import { afterEach, beforeEach, expect, it } from 'vitest';
import type { RunningBridge } from '../../cdc-bridge/bridge.ts';
import { compileMapping } from '../../cdc-bridge/mapping/mapping.ts';
import { answerTo, askFor } from '../../cdc-bridge/parking/parking-request.ts';
import { recordedTransactions } from '../../cdc-bridge/row-changes/kept-row-changes.ts';
import type { TransactionStep } from '../../cdc-bridge/row-changes/raw-transaction.ts';
import { changeEvent } from '../../cdc-bridge/streaming/legacy-event.ts';
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
  expect(kept[1]!.data).toMatchObject({ rows: [{ op: 'u', after: { body: 'whole again' } }], bridge: 'test' });
});

it('parks rows of the initial snapshot that it cannot understand, once, and imports the others', async () => {
  await note(null, 'nobody’s');
  await note(2, 'somebody’s');
  bridge = await start(bridgeConfig(legacy), log.log);
  await caughtUp(bridge);
  expect(await actions()).toEqual(['shipment-2 shipment-note-imported']);
  expect((await bridge.status()).parked.count).toBe(1);
});

it('takes nothing from an XA transaction that was prepared and then rolled back', async () => {
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
  expect((await bridge.status()).parked.changes).toEqual([]);
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
    ['statement-format', expect.stringMatching(/^INSERT … .*withheld/), undefined],
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
  const { changes, rows } = kept!.data as unknown as { changes: { reason: string }[]; rows: { after: object }[] };
  expect(changes.map(({ reason }) => reason)).toEqual(['column-absent']);
  expect(rows[0]!.after).toMatchObject({ sender: 'a' });
  expect(rows[0]!.after).not.toHaveProperty('updated_at');
});

it('releases what is parked when the mapping is corrected, asked for while it was stopped', async () => {
  const config = bridgeConfig(legacy);
  bridge = await start(config, log.log);
  await caughtUp(bridge);
  await note(1, 'fine');
  await legacy.run('ALTER TABLE shipment_notes DROP COLUMN author');
  await legacy.run("INSERT INTO shipment_notes (shipment_id, body, created_at) VALUES (1, 'no author', NOW())");
  await legacy.run("UPDATE shipment_notes SET body = 'none still' WHERE id = 2");
  await caughtUp(bridge);
  expect((await bridge.status()).parked.count).toBe(2);
  await bridge.stop();
  const request = await askFor(log.log, 'test', { what: 'retry', selection: { stream: 'shipment-1' }, by: 'alice' });
  const { shipment_notes: notes, ...others } = config.tables;
  const corrected = JSON.parse(JSON.stringify(notes).replaceAll(/,?"author":"author"/g, ''));
  bridge = await start({ ...config, tables: { ...others, shipment_notes: corrected } }, log.log);
  const signal = AbortSignal.timeout(15_000);
  expect(await answerTo(log.log, request, 0, signal)).toEqual(expect.objectContaining({ released: 2, stillParked: 0 }));
  expect((await bridge.status()).parked.count).toBe(0);
  const events = await log.log.readStream('domain', 'shipment-1');
  expect(events.map(({ data }) => data.body)).toEqual(['fine', 'no author', 'none still']);
});

it('keeps the row changes of mapped tables as they were read, without excluded columns', async () => {
  bridge = await start(bridgeConfig(legacy), log.log);
  await caughtUp(bridge);
  await legacy.run("INSERT INTO sessions VALUES ('x', 'bob', 'secret', NOW())");
  await legacy.run("INSERT INTO shipments (sender, receiver, price, created_at) VALUES ('a', 'b', 12.5, '0000-00-00')");
  await legacy.run("UPDATE shipments SET shipment_status = 'delayed' WHERE id = 1");
  await caughtUp(bridge);
  const transactions: TransactionStep[] = [];
  for await (const transaction of recordedTransactions(log.log, 'test')) transactions.push(transaction);
  expect(transactions.map(({ rows }) => rows.map(({ table, op }) => `${op} ${table}`))).toEqual([
    ['c shipments'],
    ['u shipments'],
  ]);
  const [created] = transactions[0]!.rows;
  expect(created!.after).toMatchObject({ id: 1, price: '12.50', created_at: '0000-00-00 00:00:00' });
  expect(created!.after).not.toHaveProperty('updated_at');
  const mapping = compileMapping(bridgeConfig(legacy).tables);
  const again = transactions.flatMap((transaction) =>
    mapping
      .of(transaction.rows)
      .flatMap((mapped, index) =>
        mapped.kind === 'mapped'
          ? mapped.events.map((event) => changeEvent('test', transaction, transaction.rows[index]!, event).event)
          : [],
      ),
  );
  const events = await allEvents(log.log);
  expect(again.map(({ id, data }) => [id, data])).toEqual(events.map(({ id, data }) => [id, data]));
});
