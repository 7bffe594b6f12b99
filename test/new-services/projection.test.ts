import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EventLog } from '../../contract/event-log.ts';
import type { Lease } from '../../contract/lease.ts';
import { domainAddress, type LogAddress } from '../../contract/log-address.ts';
import { openLog } from '../../event-log/open.ts';
import type { Projection } from '../../new-services/event-sourcing/projection.ts';
import { openProjectionStore } from '../../new-services/event-sourcing/projection-store.ts';
import { type RunningProjection, startProjection } from '../../new-services/event-sourcing/run-projection.ts';
import { shipmentsView } from '../../new-services/shipments/shipments-view.ts';
import { upcast } from '../../new-services/shipments/upcasters.ts';
import { until } from '../until.ts';
import { dump } from './dump.ts';
import { append, event, legacyShipment, temporaryFolder } from './test-services.ts';

let folder: ReturnType<typeof temporaryFolder>;
let log: EventLog;
let failures: unknown[];
const running: RunningProjection[] = [];

beforeEach(() => {
  folder = temporaryFolder();
  log = openLog(`sqlite:${join(folder.path, 'log.db')}`);
  failures = [];
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((projection) => projection.stop()));
  await log.close();
  folder.remove();
});

async function start(projection: Projection, dataDir = folder.path, from = log): Promise<RunningProjection> {
  const told = { advanced() {}, switched() {}, failed: (_name: string, error: unknown) => failures.push(error) };
  const started = await startProjection({ log: from, dataDir, upcast, ...told }, projection);
  running.push(started);
  return started;
}

async function caughtUp(projection: RunningProjection): Promise<void> {
  expect(await projection.waitFor(await log.head('domain'), 10_000)).toBe(true);
}

const files = () => readdirSync(folder.path).filter((name) => /^shipments-view.*\.db$/.test(name));

describe('a projection', () => {
  test('keeps rows and checkpoint together when an event fails in the middle of a batch', async () => {
    for (const key of [1, 2, 3]) await append(log, `shipment-${key}`, event('shipment-imported', legacyShipment));
    const store = openProjectionStore(folder.path, failingAt('shipment-3'), 1);
    const events = await log.read('domain', 0, 10);
    expect(() => store.apply(events)).toThrow('planted');
    expect(store.checkpoint().offset).toBe(0);
    expect(store.read((database) => database.prepare('select count(*) as n from shipments').get())).toEqual({ n: 0 });
    store.apply(events.slice(0, 2));
    expect(store.checkpoint()).toEqual({ offset: 2, eventId: events[1]!.id });
    store.close();
  });

  test('applies an event once, however often it is handed over', async () => {
    await append(log, 'shipment-1', event('shipment-created', { sender: 'a', receiver: 'b', 'packing-list': ['x'] }));
    const events = await log.read('domain', 0, 10);
    const store = openProjectionStore(folder.path, shipmentsView, 1);
    store.apply(events);
    const once = store.read(dump);
    store.apply(events);
    expect(store.read(dump)).toEqual(once);
    store.close();
  });

  test('stops at an event it cannot apply, says so, and skips nothing', async () => {
    await append(log, 'shipment-1', event('shipment-imported', legacyShipment));
    await append(log, 'shipment-3', event('shipment-imported', legacyShipment));
    const projection = await start(failingAt('shipment-3'));
    await until(() => failures.length >= 2);
    expect(projection.stuckAt()).toBe('planted');
    await append(log, 'shipment-4', event('shipment-imported', legacyShipment));
    await until(() => failures.length >= 3);
    expect(projection.position().offset).toBe(1);
  });

  test('of another version is rebuilt from the first event beside the old one, which goes when the new one has caught up', async () => {
    await append(log, 'shipment-1', event('shipment-imported', legacyShipment));
    const old = await start(shipmentsView);
    await caughtUp(old);
    await old.stop();
    const { version } = shipmentsView;
    expect(files()).toEqual([`shipments-view.v${version}.db`]);
    const building = await start({ ...shipmentsView, version: version + 1 }, folder.path);
    await caughtUp(building);
    await until(() => building.built());
    expect(files()).toEqual([`shipments-view.v${version + 1}.db`]);
    expect(building.read((database) => database.prepare('select count(*) as n from shipments').get()).rows).toEqual({
      n: 1,
    });
  });

  test('serves nothing, and leaves the old file, until its first build has reached the head', async () => {
    await append(log, 'shipment-1', event('shipment-imported', legacyShipment));
    const old = await start(shipmentsView);
    await caughtUp(old);
    await old.stop();
    const { version } = shipmentsView;
    const stuck = await start({ ...failingAt('shipment-1'), version: version + 1 });
    await until(() => failures.length > 0);
    expect(files()).toEqual([`shipments-view.v${version}.db`, `shipments-view.v${version + 1}.db`]);
    expect(() => stuck.read(() => 1)).toThrow(expect.objectContaining({ code: 'projection-building' }));
  });

  test('refuses a log that is not the one it was built from', async () => {
    await append(log, 'shipment-1', event('shipment-imported', legacyShipment));
    const projection = await start(shipmentsView);
    await caughtUp(projection);
    await projection.stop();
    const another = openLog(`sqlite:${join(folder.path, 'another.db')}`);
    const told = { advanced() {}, switched() {}, failed() {} };
    const starting = () => startProjection({ log: another, dataDir: folder.path, upcast, ...told }, shipmentsView);
    await expect(starting()).rejects.toMatchObject({
      code: 'projection-of-another-log',
      message: expect.stringMatching(/nothing there, it ends at domain\/0\/0/),
    });
    await append(another, 'shipment-1', event('shipment-imported', legacyShipment));
    await expect(starting()).rejects.toMatchObject({ code: 'projection-of-another-log' });
    await another.close();
  });

  test('refuses a log that was restored from an older copy and has not come as far, and says what to do', async () => {
    const older = openLog(`sqlite:${join(folder.path, 'older.db')}`);
    const first = event('shipment-imported', legacyShipment);
    for (const each of [log, older]) await append(each, 'shipment-1', first);
    for (let count = 0; count < 5; count++)
      await append(log, 'shipment-1', event('shipment-delayed', { status: 'delayed' }));
    const projection = await start(shipmentsView);
    await caughtUp(projection);
    await projection.stop();
    const told = { advanced() {}, switched() {}, failed() {} };
    const starting = startProjection({ log: older, dataDir: folder.path, upcast, ...told }, shipmentsView);
    await expect(starting).rejects.toMatchObject({ code: 'projection-of-another-log' });
    await older.close();
  });

  test('two processes on one folder leave the rows of one', async () => {
    const first = await start(shipmentsView);
    const second = await start(shipmentsView);
    for (let key = 1; key <= 50; key++) {
      const created = event('shipment-created', { sender: 'a', receiver: 'b', 'packing-list': ['x', 'y'] });
      await append(log, `shipment-${key}`, created);
    }
    await caughtUp(first);
    await caughtUp(second);
    const fresh = temporaryFolder();
    const rebuilt = await start(shipmentsView, fresh.path);
    await caughtUp(rebuilt);
    expect(first.read(dump).rows).toEqual(rebuilt.read(dump).rows);
    expect(failures).toEqual([]);
    await rebuilt.stop();
    fresh.remove();
  });
});

describe('waiting for a position', () => {
  test('ends when the event comes, or false when it does not', async () => {
    const projection = await start(shipmentsView);
    const position = { topic: 'domain', partition: 0, offset: 1 } as const;
    expect(await projection.waitFor(position, 10)).toBe(false);
    const waiting = projection.waitFor(position, 10_000);
    await append(log, 'shipment-1', event('shipment-imported', legacyShipment));
    expect(await waiting).toBe(true);
  });
});

/** The shipments view, with a fault planted at one stream. */
function failingAt(stream: string): Projection {
  return {
    ...shipmentsView,
    writer(database) {
      const apply = shipmentsView.writer(database);
      return (happened) => {
        if (happened.meta.stream === stream) throw new Error('planted');
        apply(happened);
      };
    },
  };
}

describe('a projection, when another generation of the streams takes over,', () => {
  const query = 'select substr(search, instr(search, char(10)) + 1) as receiver from shipments order by key';
  const names = (projection: RunningProjection) => projection.read((database) => database.prepare(query).all()).rows;
  const receiver = (name: string) => event('shipment-created', { sender: 'a', receiver: name, 'packing-list': ['x'] });
  let fence: Lease;

  beforeEach(async () => {
    const answer = await log.leases.acquire('remap', 'test', 3_600_000);
    if (answer.kind === 'acquired') fence = answer.lease;
    await append(log, 'shipment-1', receiver('old'));
  });

  async function switchTo(...receivers: string[]): Promise<LogAddress> {
    const number = await log.generations.begin(fence);
    const items = receivers.map((name, index) => ({
      stream: `shipment-${index + 1}`,
      expect: 'none' as const,
      events: [receiver(name)] as const,
    }));
    await log.append(`domain.${number}`, items, undefined, fence);
    expect(await log.generations.switch(number, await log.head('domain'), fence)).toBe(true);
    return log.head('domain');
  }

  /** The log, on which one generation can be followed only once the gate is open. */
  function withGate(history: string): { log: EventLog; open: () => void } {
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const follow: EventLog['follow'] = async function* (topic, after, signal) {
      const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      if (topic === history) await Promise.race([gate, aborted]);
      yield* log.follow(topic, after, signal);
    };
    const gated = new Proxy(log, {
      get(target, member) {
        const value = member === 'follow' ? follow : Reflect.get(target, member);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    return { log: gated, open };
  }

  test('is read as it was until the new one is built, and then as that', async () => {
    const gate = withGate('domain.2');
    const projection = await start(shipmentsView, folder.path, gate.log);
    await caughtUp(projection);
    const head = await switchTo('new', 'newer');
    await until(() => projection.newest().generation === 2);
    expect(projection.built()).toBe(true);
    expect(names(projection)).toEqual([{ receiver: 'old' }]);
    expect(await projection.waitFor(domainAddress(1, 1), 0)).toBe(true);
    expect(await projection.waitFor(head, 0)).toBe(false);
    gate.open();
    expect(await projection.waitFor(head, 10_000)).toBe(true);
    expect(names(projection)).toEqual([{ receiver: 'new' }, { receiver: 'newer' }]);
    expect(await projection.waitFor(domainAddress(1, 999), 0)).toBe(true);
    expect(files()).toEqual([`shipments-view.v${shipmentsView.version}.g2.db`]);
    await append(log, 'shipment-3', receiver('newest'));
    await caughtUp(projection);
    expect(names(projection)).toHaveLength(3);
  });

  test('goes on where it was stopped while the new one is built, and is read meanwhile', async () => {
    const closed = withGate('domain.2');
    const first = await start(shipmentsView, folder.path, closed.log);
    await caughtUp(first);
    await switchTo('new');
    await until(() => first.newest().generation === 2);
    await first.stop();
    const gate = withGate('domain.2');
    const second = await start(shipmentsView, folder.path, gate.log);
    expect(names(second)).toEqual([{ receiver: 'old' }]);
    gate.open();
    await caughtUp(second);
    expect(names(second)).toEqual([{ receiver: 'new' }]);
  });

  test('does not read a file that was never complete in the place of the one that is built', async () => {
    const half = openProjectionStore(folder.path, shipmentsView, 1);
    half.close();
    await switchTo('new');
    const gate = withGate('domain.2');
    const projection = await start(shipmentsView, folder.path, gate.log);
    expect(() => names(projection)).toThrow(expect.objectContaining({ code: 'projection-building' }));
    gate.open();
    await caughtUp(projection);
    expect(names(projection)).toEqual([{ receiver: 'new' }]);
  });

  test('twice while it is away is built from the last one', async () => {
    const first = await start(shipmentsView);
    await caughtUp(first);
    await first.stop();
    await switchTo('second');
    await switchTo('third');
    const projection = await start(shipmentsView);
    await caughtUp(projection);
    expect(names(projection)).toEqual([{ receiver: 'third' }]);
    expect(files()).toEqual([`shipments-view.v${shipmentsView.version}.g3.db`]);
  });
});
