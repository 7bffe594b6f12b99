import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningBridge } from '../../cdc-bridge/bridge.ts';
import type { StreamPosition } from '../../cdc-bridge/positions/cursor.ts';
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

let legacy: Legacy;
let log: TempLog;
let bridge: RunningBridge;

beforeEach(async () => {
  legacy = await createLegacy();
  log = tempLog();
});
afterEach(async () => {
  await bridge?.stop();
  await log.remove();
  await legacy.drop();
});

const insert =
  "INSERT INTO shipments (customer_id, sender, receiver, receiver_phone, price, created_at) VALUES (3, 'bob', 'bill', NULL, 12.5, '2025-12-01 10:00:00')";

async function eventsAfter(write: () => Promise<unknown>) {
  await caughtUp(bridge);
  const before = (await allEvents(log.log)).length;
  await write();
  await caughtUp(bridge);
  return (await allEvents(log.log)).slice(before);
}

describe('the sample domain', () => {
  it('imports the rows that are there, each as one event with origin legacy-seed', async () => {
    await legacy.run(insert);
    await legacy.run("INSERT INTO customers (name, created_at) VALUES ('Zoë €', '2025-01-01')");
    bridge = await start(bridgeConfig(legacy), log.log);
    await caughtUp(bridge);
    const events = await allEvents(log.log);
    expect(events.map(({ action, meta }) => [meta.stream, action, meta.origin])).toEqual([
      ['customer-1', 'customer-imported', 'legacy-seed'],
      ['shipment-1', 'shipment-imported', 'legacy-seed'],
    ]);
    expect(events[0]!.data).toEqual({ name: 'Zoë €', email: null, city: null });
    expect(events[1]!.data).toEqual({
      'customer-id': 3,
      sender: 'bob',
      receiver: 'bill',
      'receiver-phone': null,
      status: 'created',
      price: '12.50',
      'estimated-arrival': '0000-00-00',
      document: null,
      'created-at': '2025-12-01 10:00:00',
    });
  });

  it('names every status transition', async () => {
    await legacy.run(insert);
    bridge = await start(bridgeConfig(legacy), log.log);
    const to = (status: string) => legacy.run('UPDATE shipments SET shipment_status = ? WHERE id = 1', [status]);
    const events = await eventsAfter(async () => {
      for (const status of ['in_transit', 'delayed', 'in_transit', 'delivered', 'cancelled', 'created'])
        await to(status);
    });
    expect(events.map(({ action, data }) => [action, data['previous-status'], data.status])).toEqual([
      ['shipment-dispatched', 'created', 'in_transit'],
      ['shipment-delayed', 'in_transit', 'delayed'],
      ['shipment-resumed', 'delayed', 'in_transit'],
      ['shipment-delivered', 'in_transit', 'delivered'],
      ['shipment-cancelled', 'delivered', 'cancelled'],
      ['shipment-status-changed', 'cancelled', 'created'],
    ]);
  });

  it('gives two events, in the order of the file, for an update of status and price', async () => {
    await legacy.run(insert);
    bridge = await start(bridgeConfig(legacy), log.log);
    const events = await eventsAfter(() => legacy.run("UPDATE shipments SET shipment_status = 'delayed', price = 20"));
    expect(events.map(({ action, meta }) => [action, meta.version])).toEqual([
      ['shipment-delayed', 2],
      ['shipment-details-changed', 3],
    ]);
    expect(events[1]!.data).toMatchObject({ price: '20.00', sender: 'bob' });
    expect(events[1]!.data).not.toHaveProperty('status');
  });

  it('tells all that a REPLACE changes, which MariaDB logs as an update of the row', async () => {
    await legacy.run(insert);
    const bridge = await start(bridgeConfig(legacy), log.log);
    await caughtUp(bridge);
    await legacy.run(
      "REPLACE INTO shipments (id, sender, receiver, created_at) VALUES (1, 'bob', 'bill', '2020-02-02 00:00:00')",
    );
    await caughtUp(bridge);
    await bridge.stop();
    const last = (await allEvents(log.log)).at(-1)!;
    expect(last.data).toMatchObject({ 'created-at': '2020-02-02 00:00:00' });
  });

  it('tells creations, deletions and the rows of the shipment in the shipment’s stream', async () => {
    bridge = await start(bridgeConfig(legacy), log.log);
    const events = await eventsAfter(async () => {
      await legacy.run(insert);
      await legacy.run("INSERT INTO packing_list_items (shipment_id, description) VALUES (1, 'marbles')");
      await legacy.run('UPDATE packing_list_items SET quantity = 5');
      await legacy.run("INSERT INTO shipment_notes (shipment_id, author, body) VALUES (1, 'alice', 'fragile')");
      await legacy.run('DELETE FROM packing_list_items');
      await legacy.run('DELETE FROM shipments');
    });
    expect(events.map(({ action, meta }) => `${meta.stream} ${action}`)).toEqual([
      'shipment-1 shipment-created',
      'shipment-1 packing-list-item-added',
      'shipment-1 packing-list-item-changed',
      'shipment-1 shipment-note-added',
      'shipment-1 packing-list-item-removed',
      'shipment-1 shipment-deleted',
    ]);
  });

  it('ends a row in its old stream and begins it in the new one when it moves', async () => {
    await legacy.run("INSERT INTO packing_list_items (shipment_id, description) VALUES (1, 'marbles')");
    bridge = await start(bridgeConfig(legacy), log.log);
    const events = await eventsAfter(() => legacy.run('UPDATE packing_list_items SET shipment_id = 2'));
    expect(events.map(({ action, meta }) => `${meta.stream} ${action}`)).toEqual([
      'shipment-1 packing-list-item-removed',
      'shipment-2 packing-list-item-added',
    ]);
  });

  it('carries transaction, commit time, position and the traceparent of the SQL comment', async () => {
    bridge = await start(bridgeConfig(legacy), log.log);
    const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const [event] = await eventsAfter(() => legacy.run(`${insert} /*action='create',traceparent='${trace}'*/`));
    expect(event!.meta.traceparent).toBe(trace);
    expect(event!.parent).toMatch(/^(mariadb:\d+-\d+|mysql:[0-9a-f-]{36})[-:]\d+$/);
    expect(event!.meta.position).toBe(event!.parent);
    expect(event!.meta.origin).toBe('legacy-cdc');
    expect(Math.abs(Date.parse(event!.meta.occurredAt) - Date.now())).toBeLessThan(60_000);
  });

  it('takes no traceparent from text that a user wrote into the row', async () => {
    bridge = await start(bridgeConfig(legacy), log.log);
    const forged = "/*traceparent=''00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01''*/";
    const [event] = await eventsAfter(() =>
      legacy.run(`INSERT INTO customers (created_at, name) VALUES (NOW(), '${forged}')`),
    );
    expect(event!.meta.traceparent).toBeUndefined();
  });

  it('keeps a transaction together and leaves out what was rolled back to a savepoint', async () => {
    bridge = await start(bridgeConfig(legacy), log.log);
    const events = await eventsAfter(async () => {
      await legacy.run('BEGIN');
      await legacy.run("INSERT INTO customers (name, created_at) VALUES ('kept', NOW())");
      await legacy.run('SAVEPOINT s');
      await legacy.run("INSERT INTO customers (name, created_at) VALUES ('gone', NOW())");
      // Makes MariaDB log the savepoint; MySQL with GTIDs refuses to mix engines.
      if (legacy.flavour === 'mariadb') await legacy.run("INSERT INTO page_views VALUES ('/', 1)");
      await legacy.run('ROLLBACK TO SAVEPOINT s');
      await legacy.run("INSERT INTO customers (name, created_at) VALUES ('also kept', NOW())");
      await legacy.run('COMMIT');
    });
    expect(events.map(({ data }) => data.name)).toEqual(['kept', 'also kept']);
    expect(new Set(events.map(({ parent }) => parent)).size).toBe(1);
  });
});

describe('what the bridge tells over HTTP', () => {
  it('answers /head with the log address from which on everything committed has been seen', async () => {
    bridge = await start(bridgeConfig(legacy), log.log);
    await legacy.run(insert);
    const head = await caughtUp(bridge);
    expect(head.address).toBe('domain/0/1');
    await legacy.run("INSERT INTO sessions (id) VALUES ('a')");
    const later = await caughtUp(bridge);
    expect(later.address).toBe('domain/0/1');
    expect(later.position).not.toBe(head.position);
  });

  it('answers callers who ask at the same time each with a head read after they asked', async () => {
    bridge = await start(bridgeConfig(legacy), log.log);
    const heads = await Promise.all(Array.from({ length: 20 }, () => caughtUp(bridge)));
    expect(heads).toHaveLength(20);
  });

  it('refuses a malformed wait, an unknown path and another method as problem+json', async () => {
    bridge = await start(bridgeConfig(legacy), log.log);
    const answers = await Promise.all([
      fetch(`${bridge.url}/head?waitMs=soon`),
      fetch(`${bridge.url}/tail`),
      fetch(`${bridge.url}/head`, { method: 'POST' }),
    ]);
    expect(answers.map(({ status, headers }) => [status, headers.get('content-type')])).toEqual([
      [400, 'application/problem+json'],
      [404, 'application/problem+json'],
      [405, 'application/problem+json'],
    ]);
    expect(await answers[0]!.json()).toMatchObject({ code: 'bad-wait', detail: expect.stringContaining('"soon"') });
  });

  it('counts every row change as mapped, ignored or unmapped', async () => {
    await legacy.run('CREATE TABLE oddments (id INT PRIMARY KEY)');
    bridge = await start(bridgeConfig(legacy), log.log);
    await eventsAfter(async () => {
      await legacy.run(insert);
      await legacy.run("INSERT INTO sessions (id) VALUES ('a')");
      await legacy.run("INSERT INTO page_views VALUES ('/', 1)");
      await legacy.run('INSERT INTO oddments VALUES (1)');
      await legacy.run("UPDATE shipments SET updated_at = '2020-01-01'");
    });
    const status = (await (await fetch(`${bridge.url}/status`)).json()) as { coverage: unknown[]; phase: string };
    expect(status.phase).toBe('streaming');
    expect(status.coverage).toEqual([
      { table: 'shipments', op: 'c', mapped: 1 },
      { table: 'shipments', op: 'u', ignored: 1 },
      { table: 'sessions', op: 'c', ignored: 1 },
      { table: 'page_views', op: 'c', ignored: 1 },
      { table: 'oddments', op: 'c', unmapped: 1 },
    ]);
    expect((await fetch(`${bridge.url}/readyz`)).status).toBe(200);
    expect(await (await fetch(`${bridge.url}/metrics`)).text()).toContain(
      'strangler_bridge_row_changes_total{table="oddments"',
    );
  });
});

describe('staying connected', () => {
  it('reads on after its connection was killed, with nothing lost or doubled', async () => {
    const account = `reader_${randomUUID().slice(0, 8)}`;
    await legacy.run(`CREATE USER ${account}@'%' IDENTIFIED BY 'x'`);
    await legacy.run(`GRANT ALL PRIVILEGES ON *.* TO ${account}@'%'`);
    const url = Object.assign(new URL(legacy.url), { username: account, password: 'x' }).href;
    bridge = await start(bridgeConfig({ url }), log.log);
    await caughtUp(bridge);
    await legacy.run(insert);
    await caughtUp(bridge);
    const findDump =
      "SELECT ID AS id FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%' AND USER = ?";
    const dumps = () => legacy.run(findDump, [account]);
    await until(async () => (await dumps()).length === 1);
    await legacy.run(`KILL ${(await dumps())[0]!.id}`);
    await legacy.run("UPDATE shipments SET sender = 'after the kill'");
    await caughtUp(bridge);
    await legacy.run(`DROP USER ${account}@'%'`);
    expect((await allEvents(log.log)).map(({ action }) => action)).toEqual([
      'shipment-created',
      'shipment-details-changed',
    ]);
  });

  it('goes on where it was when it is started again', async () => {
    const config = bridgeConfig(legacy);
    await legacy.run(insert);
    bridge = await start(config, log.log);
    await caughtUp(bridge);
    await bridge.stop();
    await legacy.run("UPDATE shipments SET shipment_status = 'delayed'");
    bridge = await start(config, log.log);
    await caughtUp(bridge);
    expect((await allEvents(log.log)).map(({ action }) => action)).toEqual(['shipment-imported', 'shipment-delayed']);
  });
});

describe('stopping loudly', () => {
  const rewrite = async (change: (cursor: { progress: StreamPosition }) => void) => {
    bridge = await start(bridgeConfig(legacy), log.log);
    await caughtUp(bridge);
    await bridge.stop();
    const cursor = JSON.parse((await log.log.cursor('bridge:test'))!.value);
    change(cursor);
    await log.log.append('domain', [], { name: 'bridge:test', value: JSON.stringify(cursor) });
  };

  it('reads nothing from a server whose binlog ends before the stored position', async () => {
    const never = { mariadb: 'mariadb:0-1-99999999999', mysql: `mysql:${randomUUID()}:1-7` }[legacy.flavour];
    await rewrite((cursor) => {
      cursor.progress.position = never;
    });
    bridge = await start(bridgeConfig(legacy), log.log);
    const failure = await bridge.failed;
    expect(failure).toMatchObject({ code: 'position-not-on-server', message: expect.stringContaining(never) });
    expect(await bridge.status()).toMatchObject({ phase: 'stopped', failure: failure.message });
  });

  it('resolves failed, answers 503 and shows why when the binlog cannot be read on', async () => {
    const name = String((await legacy.run('SHOW BINARY LOGS')).at(-1)!.Log_name);
    await rewrite((cursor) => {
      cursor.progress.file = { name, createdAt: '2001-01-01T00:00:00.000Z' };
    });
    bridge = await start(bridgeConfig(legacy), log.log);
    const failure = await bridge.failed;
    expect(failure).toMatchObject({ code: 'another-server' });
    const answers = await Promise.all(['/head', '/readyz'].map((path) => fetch(bridge.url + path)));
    expect(answers.map(({ status }) => status)).toEqual([503, 503]);
    expect(await answers[0]!.json()).toMatchObject({ code: 'bridge-stopped', detail: failure.message });
    expect(await bridge.status()).toMatchObject({
      phase: 'stopped',
      failure: failure.message,
      remedy: expect.stringContaining('empty log'),
    });
  });
});
