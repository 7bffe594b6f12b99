import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EventLog } from '../../contract/event-log.ts';
import type { JsonObject } from '../../contract/json.ts';
import { openLog } from '../../event-log/open.ts';
import { startCommandProcessor } from '../../new-services/event-sourcing/command-processor.ts';
import { commandStatus, submitCommand, unrecordedCommand } from '../../new-services/event-sourcing/command-topic.ts';
import { handleCommand, type Outcome } from '../../new-services/event-sourcing/handle-command.ts';
import { shipmentHandling } from '../../new-services/shipments/shipment-handling.ts';
import { ShipmentKeys } from '../../new-services/shipments/shipment-keys.ts';
import { until } from '../until.ts';
import { append, event, keysFrom, temporaryFolder } from './test-services.ts';

let folder: ReturnType<typeof temporaryFolder>;
let log: EventLog;

beforeEach(() => {
  folder = temporaryFolder();
  log = openLog(`sqlite:${join(folder.path, 'log.db')}`);
});
afterEach(async () => {
  await log.close();
  folder.remove();
});

const now = () => new Date('2025-12-21T08:00:00Z');
const key = keysFrom;
const range = { keysFrom, keysTo: keysFrom + 1_000 };

function handling(through: EventLog = log, keys = new ShipmentKeys(through, range)) {
  return shipmentHandling({ log: through, keys, now, estimateArrival: () => '2025-12-24T00:00:00.000Z' });
}

function handle(action: string, data: JsonObject, through: EventLog = log, id = randomUUID()): Promise<Outcome> {
  return handleCommand(handling(through), unrecordedCommand({ id, action, data }, now()));
}

/** The log, with somebody who does `first` right before each of our appends to topic `domain`. */
function withCompetitor(first: () => Promise<unknown>): EventLog {
  const append: EventLog['append'] = async (topic, ...rest) => {
    if (topic.startsWith('domain')) await first();
    return log.append(topic, ...rest);
  };
  return new Proxy(log, {
    get(target, member) {
      const value = member === 'append' ? append : Reflect.get(target, member);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

const once = (action: () => Promise<unknown>) => {
  let done = false;
  return async () => {
    if (done) return;
    done = true;
    await action();
  };
};

const createData = { sender: 'bob', receiver: 'bill' };
const created = () => event('shipment-created', createData, { origin: 'new' });
const changed = (status: string) => event('shipment-status-changed', { status });

describe('a command that loses the race for its stream', () => {
  test('is decided again on what the winner made of it', async () => {
    await append(log, `shipment-${key}`, created(), changed('in_transit'));
    const competitor = withCompetitor(once(() => append(log, `shipment-${key}`, changed('delivered'))));
    const outcome = await handle('change-shipment-status', { 'shipment-id': key, status: 'delayed' }, competitor);
    expect(outcome).toMatchObject({ kind: 'rejected', reason: 'shipment-closed' });
  });

  test('takes effect behind the winner where the rules still allow it', async () => {
    await append(log, `shipment-${key}`, created());
    const item = () => event('packing-list-item-added', { 'item-id': 1, description: 'first', quantity: 1 });
    const competitor = withCompetitor(once(() => append(log, `shipment-${key}`, item())));
    const outcome = await handle('add-packing-list-item', { 'shipment-id': key, description: 'second' }, competitor);
    expect(outcome).toMatchObject({ kind: 'completed', events: [{ version: 3 }] });
    const events = await log.readStream('domain', `shipment-${key}`);
    expect(events.map(({ data }) => data['item-id'])).toEqual([undefined, 1, 2]);
  });

  test('to another generation of the streams is decided again on those', async () => {
    await append(log, `shipment-${key}`, created(), changed('in_transit'));
    const switched = once(async () => {
      const answer = await log.leases.acquire('remap', 'test', 60_000);
      if (answer.kind === 'held') throw new Error(`held by ${answer.holder}`);
      const fence = answer.lease;
      const item = { stream: `shipment-${key}`, expect: 'any', events: [created(), changed('delivered')] } as const;
      await log.append(`domain.${await log.generations.begin(fence)}`, [item], undefined, fence);
      await log.generations.switch(2, await log.head('domain'), fence);
    });
    const outcome = await handle(
      'change-shipment-status',
      { 'shipment-id': key, status: 'delayed' },
      withCompetitor(switched),
    );
    // Of the same version in both generations: a version alone would not have told.
    expect(outcome).toMatchObject({ kind: 'rejected', reason: 'shipment-closed' });
    expect(await log.readStream('domain', `shipment-${key}`)).toHaveLength(2);
  });

  test('gives a new shipment the next key when the first was taken', async () => {
    const competitor = withCompetitor(once(() => append(log, `shipment-${key}`, created())));
    const outcome = await handle('create-shipment', createData, competitor);
    expect(outcome).toMatchObject({ kind: 'completed', events: [{ stream: `shipment-${key + 1}`, version: 1 }] });
  });

  test('each time says so, and has written nothing', async () => {
    await append(log, `shipment-${key}`, created());
    const note = () => event('shipment-note-added', { 'note-id': 1, author: 'a', body: 'b' });
    const competitor = withCompetitor(() => append(log, `shipment-${key}`, note()));
    const id = randomUUID();
    const losing = handle('change-shipment-status', { 'shipment-id': key, status: 'in_transit' }, competitor, id);
    await expect(losing).rejects.toMatchObject({ code: 'stream-too-busy' });
    expect((await log.read('domain', 0, 1000)).filter(({ parent }) => parent === id)).toEqual([]);
  });
});

describe('a command that was handled already', () => {
  test('completes with the events it has, though the rules would refuse it now', async () => {
    await append(log, `shipment-${key}`, created());
    const id = randomUUID();
    const data = { 'shipment-id': key, status: 'in_transit' };
    const first = await handle('change-shipment-status', data, log, id);
    await append(log, `shipment-${key}`, changed('delivered'));
    expect(await handle('change-shipment-status', data, log, id)).toEqual(first);
  });

  test('by another processor in the same moment has one effect', async () => {
    const id = randomUUID();
    const competitor = withCompetitor(once(() => handle('create-shipment', createData, log, id)));
    const outcome = await handle('create-shipment', createData, competitor, id);
    expect(outcome).toMatchObject({
      kind: 'completed',
      events: [{ stream: `shipment-${key}`, address: 'domain/0/1' }],
    });
    expect((await log.head('domain')).offset).toBe(1);
  });
});

describe('keys of new shipments', () => {
  test.each([0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33])(
    'go on after %i used ones without asking for each',
    async (used) => {
      for (let index = 0; index < used; index++) await append(log, `shipment-${key + index}`, created());
      expect(await new ShipmentKeys(log, range).nextFree()).toBe(key + used);
    },
  );

  test('end with the range, as a rejection', async () => {
    const keys = () => new ShipmentKeys(log, { keysFrom: key, keysTo: key + 2 });
    const create = () => {
      const command = unrecordedCommand({ id: randomUUID(), action: 'create-shipment', data: createData }, now());
      return handleCommand(handling(log, keys()), command);
    };
    for (let index = 0; index < 3; index++) expect(await create()).toMatchObject({ kind: 'completed' });
    expect(await create()).toMatchObject({ kind: 'rejected', reason: 'key-range-exhausted' });
  });
});

describe('the command processor', () => {
  const create = () => ({ id: randomUUID(), action: 'create-shipment', data: createData });
  const submit = (command: ReturnType<typeof create>) => submitCommand(log, command, { at: now() });

  function startProcessor(handleOne: (id: string) => Promise<Outcome>) {
    const failures: unknown[] = [];
    const processor = startCommandProcessor({
      log,
      now,
      handle: (command) => handleOne(command.id),
      settled() {},
      failed: (error) => failures.push(error),
    });
    return { processor, failures };
  }

  test('handles what was accepted while it was down, in order, and goes on after its last outcome', async () => {
    const commands = [create(), create(), create()];
    for (const command of commands) await submit(command);
    const handled: string[] = [];
    const handleOne = async (id: string): Promise<Outcome> => {
      handled.push(id);
      return { kind: 'rejected', reason: 'no', detail: 'no' };
    };
    const first = startProcessor(handleOne);
    await until(() => handled.length === 3);
    await until(async () => (await commandStatus(log, commands[2]!.id))?.outcome !== undefined);
    await first.processor.stop();
    const last = create();
    await submit(last);
    const second = startProcessor(handleOne);
    await until(() => handled.length === 4);
    await second.processor.stop();
    expect(handled).toEqual([...commands, last].map(({ id }) => id));
  });

  test('stands still, visibly, at a command that fails, and goes on when it can', async () => {
    const [poisoned, next] = [create(), create()];
    await submit(poisoned);
    await submit(next);
    let broken = true;
    const handled: string[] = [];
    const { processor, failures } = startProcessor(async (id) => {
      if (broken) throw new Error('planted');
      handled.push(id);
      return { kind: 'rejected', reason: 'no', detail: 'no' };
    });
    await until(() => failures.length >= 2);
    expect(processor.stuckAt()).toBe('planted');
    expect(handled).toEqual([]);
    broken = false;
    await until(() => handled.length === 2);
    expect(handled).toEqual([poisoned.id, next.id]);
    await until(() => processor.stuckAt() === undefined);
    await processor.stop();
  });

  test('rejects what somebody else put into the topic malformed', async () => {
    const command = { id: randomUUID(), action: 'create-shipment', data: { sender: 7 } };
    await submitCommand(log, command, { at: now() });
    const outcome = await handleCommand(handling(), unrecordedCommand(command, now()));
    expect(outcome).toMatchObject({
      kind: 'rejected',
      reason: 'malformed-command',
      detail: expect.stringContaining('/data/sender'),
    });
  });
});
