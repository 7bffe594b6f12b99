import mysql, { type Connection } from 'mysql2/promise';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningBridge } from '../../cdc-bridge/bridge.ts';
import type { BridgeConfig } from '../../cdc-bridge/config.ts';
import { requireRealPart } from '../real-parts/real-part.ts';
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
import { startMariadb } from './own-mariadb.ts';

const primaryId = 11;
const replicaId = 12;

const primary = requireRealPart('MariaDB', () => startMariadb([`--server-id=${primaryId}`]));
const replica = requireRealPart('MariaDB', () => startMariadb([`--server-id=${replicaId}`, '--log-slave-updates']));

let legacy: Legacy;
let onReplica: Connection;
let log: TempLog;
let bridge: RunningBridge | undefined;

beforeEach(async () => {
  const { hostname, port, username, password } = new URL(primary().rootUrl);
  onReplica = await mysql.createConnection({ uri: replica().rootUrl, multipleStatements: true });
  await onReplica.query("STOP SLAVE; RESET MASTER; SET GLOBAL gtid_slave_pos = ''");
  const onPrimary = await mysql.createConnection({ uri: primary().rootUrl });
  await onPrimary.query('RESET MASTER');
  await onPrimary.end();
  await onReplica.query(
    `CHANGE MASTER TO MASTER_HOST = '${hostname}', MASTER_PORT = ${port}, MASTER_USER = '${username}', MASTER_PASSWORD = '${password}',
       MASTER_USE_GTID = slave_pos; START SLAVE`,
  );
  legacy = await createLegacy(new URL(primary().rootUrl));
  log = tempLog();
});
afterEach(async () => {
  await bridge?.stop();
  bridge = undefined;
  await log.remove();
  await legacy.drop();
  await onReplica.query('START SLAVE');
  await replicated();
  await onReplica.end();
});

async function replicated(): Promise<void> {
  const position = await legacy.position().catch(() => undefined);
  if (position) await onReplica.query('SELECT MASTER_GTID_WAIT(?, 15)', [position.slice('mariadb:'.length)]);
}

function configs(declared: readonly number[]): { primary: BridgeConfig; replica: BridgeConfig } {
  const base = bridgeConfig(legacy);
  const at = (url: string) => ({ ...base, database: { ...base.database, url, servers: declared.map(String) } });
  return {
    primary: at(legacy.url),
    replica: at(Object.assign(new URL(replica().rootUrl), { pathname: legacy.name }).href),
  };
}

const insert = (sender: string) =>
  legacy.run(
    `INSERT INTO shipments (sender, receiver, created_at) VALUES (?, 'bill', NOW()) /*traceparent='${trace}'*/`,
    [sender],
  );
const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

/** Reads at the primary what is written there by `ann`, and stops. */
async function readAtPrimary(config: BridgeConfig): Promise<void> {
  bridge = await start(config, log.log);
  await caughtUp(bridge);
  await insert('ann');
  await caughtUp(bridge);
  await bridge.stop();
}

describe('a bridge that is moved from a primary to its replica', () => {
  it('goes on there where it was, and back, with nothing lost or doubled', async () => {
    const { primary: first, replica: second } = configs([primaryId, replicaId]);
    await readAtPrimary(first);
    await insert('bob');
    await replicated();
    bridge = await start(second, log.log);
    await caughtUp(bridge);
    await insert('cid');
    await replicated();
    await caughtUp(bridge);
    await bridge.stop();
    await insert('dan');
    bridge = await start(first, log.log);
    await caughtUp(bridge);
    const events = await allEvents(log.log);
    expect(events.map(({ action, data }) => [action, data.sender])).toEqual(
      ['ann', 'bob', 'cid', 'dan'].map((sender) => ['shipment-created', sender]),
    );
    expect(events.map(({ meta }) => meta.traceparent)).toEqual([trace, trace, trace, trace]);
  }, 60_000);

  it('is refused where nobody declared that one replicates from the other', async () => {
    const { primary: first, replica: second } = configs([]);
    await readAtPrimary(first);
    await replicated();
    bridge = await start(second, log.log);
    expect(await bridge.failed).toMatchObject({
      code: 'another-server',
      message: expect.stringContaining('legacy.database.servers'),
    });
  }, 60_000);

  it('ends, to be started again, where the replica has not come so far yet', async () => {
    const { primary: first, replica: second } = configs([primaryId, replicaId]);
    await readAtPrimary(first);
    await replicated();
    await onReplica.query('STOP SLAVE');
    await readAtPrimary(first);
    bridge = await start(second, log.log);
    expect(await bridge.failed).toMatchObject({ code: 'replica-behind' });
    await bridge.stop();
    await onReplica.query('START SLAVE');
    await replicated();
    bridge = await start(second, log.log);
    await caughtUp(bridge);
    expect(await allEvents(log.log)).toHaveLength(2);
  }, 60_000);

  it('is refused where the server has as many transactions, but not those', async () => {
    const { primary: first, replica: second } = configs([primaryId, replicaId]);
    await readAtPrimary(first);
    await replicated();
    await onReplica.query("STOP SLAVE; RESET MASTER; SET GLOBAL gtid_slave_pos = ''");
    const [[state]] = (await legacy.connection.query('SELECT @@gtid_binlog_pos AS pos')) as unknown as [
      [{ pos: string }],
    ];
    const sequence = Number(state.pos.split('-')[2]) + 10;
    await onReplica.query(`SET gtid_seq_no = ${sequence}; CREATE DATABASE IF NOT EXISTS elsewhere`);
    bridge = await start(second, log.log);
    expect(await bridge.failed).toMatchObject({
      code: 'another-server',
      message: expect.stringContaining('never had'),
    });
    await onReplica.query(`RESET MASTER; SET GLOBAL gtid_slave_pos = '${state.pos}'`);
  }, 60_000);

  it('is refused in the middle of a transaction that came in pieces', async () => {
    const { primary: first, replica: second } = configs([primaryId, replicaId]);
    await readAtPrimary(first);
    await replicated();
    const cursor = JSON.parse((await log.log.cursor('bridge:test'))!.value);
    cursor.progress.unfinished = 'mariadb:0-11-99';
    await log.log.append('domain', [], { name: 'bridge:test', value: JSON.stringify(cursor) });
    bridge = await start(second, log.log);
    expect(await bridge.failed).toMatchObject({ code: 'another-server', message: expect.stringContaining('0-11-99') });
  }, 60_000);
});
