import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../contract/json.ts';
import type { NewEvent } from '../../contract/recorded-event.ts';
import { fold } from '../../new-services/event-sourcing/decider/decider.ts';
import { evolve, noShipment } from '../../new-services/shipments/decider/shipment.ts';
import { shipmentJson } from '../../new-services/shipments/shipment-json.ts';
import { until } from '../until.ts';
import { append, event, legacyShipment, startTestServices, type TestServices } from './test-services.ts';

let services: TestServices;

beforeEach(async () => {
  services = await startTestServices();
});
afterEach(() => services.stop());

const query = (action: string, data: JsonObject) =>
  request(services.url).post('/query').send({ id: randomUUID(), action, data });
const asOf = (data: JsonObject) => query('get-shipment-as-of', { 'shipment-id': 7, ...data });
const upTo = (offset: number) => `domain/0/${offset}`;

const imported = () =>
  event('shipment-imported', legacyShipment, { origin: 'legacy-seed', at: '2025-12-02T00:00:00.000Z' });
const delayed = () =>
  event('shipment-delayed', { status: 'delayed', 'previous-status': 'in_transit' }, { at: '2025-12-03T00:00:00.000Z' });
const resumed = () =>
  event('shipment-resumed', { status: 'in_transit', 'previous-status': 'delayed' }, { at: '2025-12-04T00:00:00.000Z' });

describe('POST /query', () => {
  test('answers from the position asked for, and says at which', async () => {
    const offset = await append(services.log, 'shipment-7', imported(), delayed());
    const answer = await query('get-shipment', { 'shipment-id': '7' })
      .set('strangler-at-least', upTo(offset))
      .expect(200);
    expect(answer.get('strangler-position')).toBe(upTo(offset));
    expect(answer.body).toMatchObject({
      action: 'get-shipment',
      data: { 'shipment-id': 7, status: 'delayed', version: 2, 'updated-at': '2025-12-03T00:00:00.000Z' },
    });
  });

  test('changes nothing by being asked', async () => {
    await query('list-shipments', {}).expect(200);
    expect((await services.log.head('domain')).offset).toBe(0);
    expect((await services.log.head('commands')).offset).toBe(0);
  });

  test('waits for a position that comes, and answers 409 for one that does not', async () => {
    const waiting = query('get-shipment', { 'shipment-id': 7 }).set('strangler-at-least', upTo(1));
    const [answer] = await Promise.all([waiting, append(services.log, 'shipment-7', imported())]);
    expect(answer.status).toBe(200);
    const late = await query('get-shipment', { 'shipment-id': 7 }).set('strangler-at-least', upTo(99)).expect(409);
    expect(late.body).toMatchObject({ code: 'not-yet-at-position', position: upTo(1) });
    expect(late.get('strangler-position')).toBe(upTo(1));
  });

  test.each(['domain', 'domain/0/-1', 'commands/0/1', 'domain/1/1', '17', 'domain/0/1, domain/0/2'])(
    'refuses the position %j',
    async (position) => {
      const answer = await query('list-shipments', {}).set('strangler-at-least', position).expect(400);
      expect(answer.body).toMatchObject({
        code: 'malformed-position',
        detail: expect.stringContaining('strangler-at-least'),
      });
    },
  );

  test('lists what is searched for, newest first', async () => {
    const names = ['Ana Peña', 'Jürgen', 'bob'];
    for (const [index, sender] of names.entries()) {
      await append(services.log, `shipment-${index + 1}`, event('shipment-imported', { ...legacyShipment, sender }));
    }
    const offset = await append(services.log, 'shipment-2', event('shipment-deleted', {}));
    const list = (data: JsonObject) => query('list-shipments', data).set('strangler-at-least', upTo(offset));
    const keys = async (data: JsonObject) =>
      (await list(data)).body.data.shipments.map((row: JsonObject) => row['shipment-id']);
    expect(await keys({})).toEqual([3, 1]);
    expect(await keys({ search: 'PENA' })).toEqual([1]);
    expect(await keys({ search: '%' })).toEqual([]);
    expect(await keys({ status: 'delayed' })).toEqual([]);
    expect((await list({ page: 2 })).body.data).toEqual({ shipments: [], total: 2, page: 2 });
  });

  test.each([
    [{ 'shipment-id': 'seven' }, '/data/shipment-id'],
    [{}, '/data/shipment-id'],
    [{ 'shipment-id': 7, extra: true }, '/data'],
  ])('refuses get-shipment with %j', async (data, path) => {
    const answer = await query('get-shipment', data as unknown as JsonObject).expect(400);
    expect(answer.body).toMatchObject({ code: 'malformed-envelope', problems: [{ path }] });
  });

  test('tells the actions it knows, and 404 for a shipment that is not there', async () => {
    expect((await query('get-weather', {}).expect(400)).body).toMatchObject({ code: 'unknown-action' });
    expect((await query('get-shipment', { 'shipment-id': 8 }).expect(404)).body).toMatchObject({
      code: 'shipment-not-found',
    });
    await query('get-shipment', { 'shipment-id': randomUUID() }).expect(404);
    await query('get-shipment-as-of', { 'shipment-id': 8, version: 1 }).expect(404);
  });
});

describe('a shipment as of a moment', () => {
  test('shows the delay that legacy overwrote, and who set what', async () => {
    await append(services.log, 'shipment-7', imported(), delayed(), resumed());
    const { body } = await asOf({ time: '2025-12-03T12:00:00+01:00' }).expect(200);
    expect(body.data).toMatchObject({
      'shipment-id': 7,
      knowledge: 'observed',
      version: 2,
      occurredAt: '2025-12-03T00:00:00.000Z',
      shipment: { status: 'delayed', sender: 'bob' },
      setBy: {
        status: {
          action: 'shipment-delayed',
          version: 2,
          origin: 'legacy-cdc',
          position: expect.stringMatching(/^mariadb:/),
        },
        sender: { action: 'shipment-imported', version: 1, origin: 'legacy-seed' },
      },
    });
    expect((await asOf({ version: 3 })).body.data).toMatchObject({ shipment: { status: 'in_transit' } });
  });

  test('goes across legacy and new events', async () => {
    const added = event('packing-list-item-added', { 'item-id': 1, description: 'x', quantity: 1 }, { origin: 'new' });
    await append(services.log, 'shipment-7', imported(), added);
    expect((await asOf({ version: 2 })).body.data.setBy).toMatchObject({
      'packing-list': { origin: 'new', version: 2 },
      price: { origin: 'legacy-seed', version: 1 },
    });
  });

  test('is unknown before the import of its record, also where its notes were imported first', async () => {
    const note = event(
      'shipment-note-imported',
      { 'note-id': 1, author: null, body: 'x', 'created-at': null },
      { origin: 'legacy-seed' },
    );
    await append(services.log, 'shipment-7', note, imported());
    expect((await asOf({ version: 1 })).body.data).toMatchObject({
      knowledge: 'unknown before the import',
      version: 1,
      shipment: null,
    });
    expect((await asOf({ version: 2 })).body.data).toMatchObject({
      knowledge: 'observed',
      shipment: { sender: 'bob' },
    });
  });

  test('is unknown before the import, and not yet created before a creation that was seen', async () => {
    await append(services.log, 'shipment-7', imported());
    expect((await asOf({ time: '2025-11-01T00:00:00Z' })).body.data).toEqual({
      'shipment-id': 7,
      knowledge: 'unknown before the import',
      version: 0,
      occurredAt: null,
      shipment: null,
      setBy: {},
    });
    await append(services.log, 'shipment-8', event('shipment-created', legacyShipment));
    const created = await query('get-shipment-as-of', { 'shipment-id': 8, version: 0 });
    expect(created.body.data).toMatchObject({ knowledge: 'not yet created', shipment: null });
  });

  test('is null after it was deleted', async () => {
    await append(services.log, 'shipment-7', imported(), event('shipment-deleted', {}));
    expect((await asOf({ version: 2 })).body.data).toMatchObject({ knowledge: 'observed', shipment: null, setBy: {} });
  });

  test.each([
    {},
    { version: -1 },
    { time: 'yesterday' },
    { time: '2025-12-03T12:00:00' },
    { version: 1, time: '2025-12-03T12:00:00Z' },
  ])('refuses the moment %j', async (moment) => {
    expect((await asOf(moment as JsonObject).expect(400)).body).toMatchObject({ code: 'malformed-envelope' });
  });

  test('at every version equals the fold of exactly the events up to it', async () => {
    const step = fc.constantFrom<readonly [string, JsonObject]>(
      ['shipment-delayed', { status: 'delayed' }],
      ['shipment-resumed', { status: 'in_transit' }],
      ['shipment-details-changed', { ...legacyShipment, sender: 'carol' }],
      ['packing-list-item-added', { 'item-id': 1, description: 'x', quantity: 3 }],
      ['packing-list-item-removed', { 'item-id': 1 }],
      ['shipment-deleted', {}],
      ['shipment-created', legacyShipment],
    );
    let key = 100;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
        key += 1;
        const events = steps.map(([action, data]) => event(action, data)) as [NewEvent, ...NewEvent[]];
        await append(services.log, `shipment-${key}`, ...events);
        for (let version = 0; version <= events.length; version++) {
          const { body } = await query('get-shipment-as-of', { 'shipment-id': key, version });
          const expected = shipmentJson(fold({ initialState: noShipment, evolve }, events.slice(0, version)));
          expect(body.data).toMatchObject({ version, shipment: expected });
        }
      }),
      { numRuns: 25 },
    );
  });
});

describe('readiness', () => {
  test('is told with the position of the view', async () => {
    const offset = await append(services.log, 'shipment-7', imported());
    await until(async () => (await request(services.url).get('/readyz')).body.projection.position === upTo(offset));
    const ready = await request(services.url).get('/readyz').expect(200);
    expect(ready.body).toEqual({
      status: 'ready',
      reasons: [],
      projection: { name: 'shipments-view', position: upTo(offset), lagEvents: 0 },
    });
  });

  test('metrics tell commands, lag and requests', async () => {
    const { text } = await request(services.url).get('/metrics').expect(200);
    expect(text).toContain('strangler_projection_lag_events{projection="shipments-view"} 0');
    expect(text).toContain('strangler_services_request_seconds');
  });
});
