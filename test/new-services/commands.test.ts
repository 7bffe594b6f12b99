import { randomUUID } from 'node:crypto';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../contract/json.ts';
import { append, event, keysFrom, legacyShipment, startTestServices, type TestServices } from './test-services.ts';

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const wait = '?wait=10000';
let services: TestServices;

beforeEach(async () => {
  services = await startTestServices();
});
afterEach(() => services.stop());

function post(id: string, action: string, data: JsonObject, query = wait) {
  return request(services.url).post(`/command/${id}${query}`).send({ id, action, data });
}

async function createShipment(data: JsonObject = {}): Promise<string> {
  const id = randomUUID();
  const answer = await post(id, 'create-shipment', { sender: 'bob', receiver: 'bill', ...data });
  expect(answer.body).toMatchObject({ state: 'completed' });
  return id;
}

const domainEvents = () => services.log.read('domain', 0, 1000);

describe('POST /command/{id}', () => {
  test('accepts the command of the seeds as it stands, and its query finds the shipment', async () => {
    const command =
      '{"id": "af523782-8572-49cb-b7ac-4e7a090a44e2", "action": "create-shipment", "data": {"sender": "bob", "receiver": "bill", "packing-list": ["marbles", "string", "toothpick"]}}';
    const query =
      '{"id": "b2285ef2-a5ad-412f-a306-9db484d8e692", "action": "get-shipment", "data": {"shipment-id": "af523782-8572-49cb-b7ac-4e7a090a44e2"}}';
    const accepted = await request(services.url)
      .post(`/command/af523782-8572-49cb-b7ac-4e7a090a44e2${wait}`)
      .set('content-type', 'application/json')
      .send(command)
      .expect(200);
    const answer = await request(services.url)
      .post('/query')
      .set('content-type', 'application/json')
      .set('strangler-at-least', accepted.get('strangler-position')!)
      .send(query)
      .expect(200);
    expect(answer.body.data).toMatchObject({
      'shipment-id': keysFrom,
      'created-by': 'af523782-8572-49cb-b7ac-4e7a090a44e2',
      sender: 'bob',
      'packing-list': [
        { 'item-id': 1, description: 'marbles' },
        { 'item-id': 2, description: 'string' },
        { 'item-id': 3, description: 'toothpick' },
      ],
    });
    const [created] = await domainEvents();
    expect(created).toMatchObject({
      parent: 'af523782-8572-49cb-b7ac-4e7a090a44e2',
      action: 'shipment-created',
      data: { sender: 'bob', receiver: 'bill', 'packing-list': ['marbles', 'string', 'toothpick'] },
      meta: { stream: `shipment-${keysFrom}`, origin: 'new', version: 1 },
    });
    expect(created?.data['estimated-arrival']).toMatch(/^\d{4}-\d\d-\d\dT00:00:00\.000Z$/);
  });

  test('answers 202 with its address when not asked to wait, and GET tells the outcome', async () => {
    const id = randomUUID();
    const answer = await post(id, 'create-shipment', { sender: 'bob', receiver: 'bill' }, '').expect(202);
    expect(answer.get('location')).toBe(`/command/${id}`);
    expect(answer.body).toEqual({ id, address: 'commands/0/1', state: 'pending' });
    const outcome = await post(id, 'create-shipment', { sender: 'bob', receiver: 'bill' });
    const status = await request(services.url).get(`/command/${id}`).expect(200);
    expect(status.body).toEqual(outcome.body);
    expect(status.body).toMatchObject({
      state: 'completed',
      address: 'commands/0/1',
      outcome: 'commands/0/2',
      events: [{ action: 'shipment-created', stream: `shipment-${keysFrom}`, version: 1, address: 'domain/0/1' }],
    });
  });

  test('waits as RFC 7240 says', async () => {
    const id = randomUUID();
    const answer = await post(id, 'create-shipment', { sender: 'bob', receiver: 'bill' }, '').set('prefer', 'wait=10');
    expect(answer.status).toBe(200);
    expect(answer.get('preference-applied')).toBe('wait=10');
  });

  test('the same command twice has one effect and the same answer', async () => {
    const id = randomUUID();
    const data = { sender: 'bob', receiver: 'bill' };
    const first = await post(id, 'create-shipment', data);
    const second = await post(id, 'create-shipment', { receiver: 'bill', sender: 'bob' });
    expect(second.body).toEqual(first.body);
    expect(await domainEvents()).toHaveLength(1);
  });

  test('the same command from twenty clients at once has one effect', async () => {
    const id = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => post(id, 'create-shipment', { sender: 'bob', receiver: 'bill' })),
    );
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(await domainEvents()).toHaveLength(1);
  });

  test('an id in capitals is the same id', async () => {
    const id = await createShipment();
    const again = await post(id.toUpperCase(), 'create-shipment', { sender: 'bob', receiver: 'bill' }).expect(200);
    expect(again.body.id).toBe(id);
    expect(await domainEvents()).toHaveLength(1);
  });

  test('an id with another payload is refused', async () => {
    const id = await createShipment();
    const other = await post(id, 'create-shipment', { sender: 'bob', receiver: 'carol' }).expect(409);
    expect(other.body).toMatchObject({ code: 'command-id-reused' });
    const otherAction = await post(id, 'change-shipment-status', { 'shipment-id': id, status: 'delayed' }).expect(409);
    expect(otherAction.body).toMatchObject({ code: 'command-id-reused' });
  });

  test('carries the trace of the request into the event', async () => {
    const id = randomUUID();
    await post(id, 'create-shipment', { sender: 'bob', receiver: 'bill' }).set('traceparent', traceparent);
    expect((await domainEvents())[0]?.meta.traceparent).toBe(traceparent);
  });

  test('names a shipment by key or by the command that created it', async () => {
    const id = await createShipment();
    const byId = await post(randomUUID(), 'change-shipment-status', { 'shipment-id': id, status: 'in_transit' });
    const byKey = await post(randomUUID(), 'change-shipment-status', { 'shipment-id': keysFrom, status: 'delayed' });
    expect(byId.body.events[0]).toMatchObject({ action: 'shipment-dispatched', version: 2 });
    expect(byKey.body.events[0]).toMatchObject({ action: 'shipment-delayed', version: 3 });
  });

  test('gives each shipment the next key, over keys that somebody took', async () => {
    await createShipment();
    await append(services.log, `shipment-${keysFrom + 1}`, event('shipment-created', { sender: 'x', receiver: 'y' }));
    await createShipment();
    const streams = (await domainEvents()).map(({ meta }) => meta.stream);
    expect(streams).toEqual([`shipment-${keysFrom}`, `shipment-${keysFrom + 1}`, `shipment-${keysFrom + 2}`]);
  });

  test('rejects with the business reason and writes no event', async () => {
    const id = await createShipment();
    const rejected = await post(randomUUID(), 'change-shipment-status', { 'shipment-id': id, status: 'delayed' });
    expect(rejected.status).toBe(200);
    expect(rejected.body).toMatchObject({ state: 'rejected', reason: 'status-not-reachable' });
    expect(await domainEvents()).toHaveLength(1);
  });

  test('leaves records to legacy that legacy owns', async () => {
    await append(services.log, 'shipment-7', event('shipment-imported', legacyShipment, { origin: 'legacy-seed' }));
    const rejected = await post(randomUUID(), 'change-shipment-status', { 'shipment-id': 7, status: 'delayed' });
    expect(rejected.body).toMatchObject({ state: 'rejected', reason: 'legacy-owns-record' });
  });

  test('rejects a command on a shipment whose command was rejected or never was', async () => {
    const rejected = await post(randomUUID(), 'add-packing-list-item', {
      'shipment-id': randomUUID(),
      description: 'x',
    });
    expect(rejected.body).toMatchObject({ state: 'rejected', reason: 'shipment-not-found' });
  });

  test('a dry run tells the events and writes nothing', async () => {
    const id = randomUUID();
    const dry = await post(id, 'create-shipment', { sender: 'bob', receiver: 'bill' }).set('strangler-dry-run', '1');
    expect(dry.body).toMatchObject({
      state: 'would-be-accepted',
      stream: `shipment-${keysFrom}`,
      events: [{ action: 'shipment-created', data: { sender: 'bob' } }],
    });
    expect(await services.log.read('commands', 0, 10)).toEqual([]);
    await request(services.url).get(`/command/${id}`).expect(404);
  });
});

describe('malformed commands', () => {
  const id = '6f1c31c1-3c7a-4d5e-9d7b-0f3f5f7d1a11';
  const good = { id, action: 'create-shipment', data: { sender: 'bob', receiver: 'bill' } };
  const send = (body: unknown, path = id) =>
    request(services.url)
      .post(`/command/${path}`)
      .send(body as object);

  test.each([
    ['a member too many', { ...good, extra: 1 }, ''],
    ['no data', { id, action: 'create-shipment' }, '/data'],
    ['an action in capitals', { ...good, action: 'CreateShipment' }, '/action'],
    ['a field too many', { ...good, data: { ...good.data, colour: 'red' } }, '/data'],
    ['an empty sender', { ...good, data: { ...good.data, sender: ' ' } }, '/data/sender'],
    [
      'a packing list of numbers',
      { ...good, data: { ...good.data, 'packing-list': ['a', 1] } },
      '/data/packing-list/1',
    ],
    ['another id than the path', { ...good, id: 'af523782-8572-49cb-b7ac-4e7a090a44e2' }, '/id'],
    ['a list', [good], ''],
  ])('with %s are refused with the place', async (_what, body, path) => {
    const answer = await send(body).expect(400).expect('content-type', 'application/problem+json');
    expect(answer.body).toMatchObject({ code: 'malformed-envelope' });
    expect(answer.body.problems.map((problem: { path: string }) => problem.path)).toContain(path);
  });

  test('with an unknown action are told the known ones', async () => {
    const answer = await send({ ...good, action: 'burn-shipment' }).expect(400);
    expect(answer.body).toMatchObject({ code: 'unknown-action', detail: expect.stringContaining('create-shipment') });
  });

  test('with a path that is no uuid are refused', async () => {
    expect((await send(good, 'seven').expect(400)).body).toMatchObject({ code: 'malformed-request' });
    expect((await send(good, '%E0%A4%A').expect(400)).body).toMatchObject({ code: 'malformed-request' });
  });

  test('with a wait that is no number are refused before anything is written', async () => {
    const answer = await request(services.url).post(`/command/${id}?wait=soon`).send(good).expect(400);
    expect(answer.body).toMatchObject({ code: 'malformed-request' });
    expect((await services.log.head('commands')).offset).toBe(0);
  });

  test.each([
    ['{"id": ', 'malformed-json'],
    ['', 'malformed-json'],
    [Buffer.from([0x22, 0xff, 0x22]), 'malformed-json'],
    ['['.repeat(500_000), 'malformed-json'],
    [`{"a":${'['.repeat(400_000)}${']'.repeat(400_000)}}`, 'malformed-envelope'],
  ])('that are not JSON, or not really, are refused: %#', async (body, code) => {
    const answer = await request(services.url)
      .post(`/command/${id}`)
      .set('content-type', 'application/json')
      .serialize((value) => value as never)
      .send(body as never);
    expect([answer.status, answer.body.code]).toEqual([400, code]);
  });

  test('of more than 1 MiB are refused, also in chunks, and the service goes on', async () => {
    const huge = { ...good, data: { ...good.data, sender: 'x'.repeat(2 * 1024 * 1024) } };
    expect((await send(huge).expect(413)).body).toMatchObject({ code: 'body-too-large' });
    await request(services.url).get('/healthz').expect(200);
  });

  test('declared as a form are refused', async () => {
    const answer = await request(services.url).post(`/command/${id}`).type('form').send('id=1').expect(415);
    expect(answer.body).toMatchObject({ code: 'unsupported-media-type' });
  });
});

describe('addresses that are not served', () => {
  test('answer 404 and 405 as problems', async () => {
    expect((await request(services.url).get('/nothing').expect(404)).body).toMatchObject({ code: 'not-found' });
    const answer = await request(services.url).delete('/shipments/7').expect(405);
    expect(answer.get('allow')).toBe('GET, HEAD');
    const unknown = await request(services.url).get(`/command/${randomUUID()}`).expect(404);
    expect(unknown.body).toMatchObject({ code: 'command-unknown' });
  });
});
