import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../contract/json.ts';
import { fold } from '../../new-services/event-sourcing/decider/decider.ts';
import { evolve, noShipment, type Shipment } from '../../new-services/shipments/decider/shipment.ts';
import { legacyShipment } from './test-services.ts';

const knownActions = [
  'shipment-imported',
  'shipment-created',
  'shipment-details-changed',
  'shipment-deleted',
  'shipment-delayed',
  'shipment-status-changed',
  'packing-list-item-added',
  'packing-list-item-removed',
  'shipment-note-added',
  'shipment-note-removed',
  '__proto__',
  'constructor',
];
const knownKeys = [
  'sender',
  'status',
  'price',
  'item-id',
  'note-id',
  'quantity',
  'packing-list',
  'customer-id',
  'created-at',
];
/** As a log gives it back: written as JSON and read again. */
const data = fc
  .dictionary(fc.constantFrom(...knownKeys), fc.jsonValue())
  .map((value): JsonObject => JSON.parse(JSON.stringify(value)));
const anyEvent = fc.record({
  action: fc.oneof(fc.constantFrom(...knownActions), fc.string()),
  data: fc.oneof(data, fc.constant({ ...legacyShipment } as JsonObject)),
  meta: fc.constant({ occurredAt: '2025-12-01T10:00:00.000Z' }),
});

const happened = (action: string, payload: JsonObject) => ({
  action,
  data: payload,
  meta: { occurredAt: '2025-12-01T10:00:00.000Z' },
});
const shipmentAfter = (...events: ReturnType<typeof happened>[]): Shipment =>
  fold({ initialState: noShipment, evolve }, events);
const imported = happened('shipment-imported', legacyShipment);

describe('a shipment', () => {
  test('evolves with any events whatever, never throws, and stays the same shape', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 20 }), (events) => {
        const shipment = fold({ initialState: noShipment, evolve }, events);
        expect(['none', 'deleted', 'existing']).toContain(shipment.record.kind);
        expect(JSON.parse(JSON.stringify(shipment))).toEqual(shipment);
        for (const item of shipment.packingList) expect(typeof item.quantity).toBe('number');
      }),
      { numRuns: 500 },
    );
  });

  test('keeps the delay that an update in place would have lost', () => {
    const resumed = happened('shipment-resumed', { status: 'in_transit', 'previous-status': 'delayed' });
    const delayed = happened('shipment-delayed', { status: 'delayed', 'previous-status': 'in_transit' });
    expect(shipmentAfter(imported, delayed).record).toMatchObject({ status: 'delayed' });
    expect(shipmentAfter(imported, delayed, resumed).record).toMatchObject({ status: 'in_transit' });
  });

  test('keeps what a masked column does not tell, and clears what is told to be null', () => {
    const known = shipmentAfter(happened('shipment-imported', { ...legacyShipment, 'receiver-phone': '0113' }));
    const masked = happened('shipment-details-changed', { sender: 'carol' });
    const cleared = happened('shipment-details-changed', { 'receiver-phone': null });
    expect(evolve(known, masked).record).toMatchObject({ sender: 'carol', receiverPhone: '0113' });
    expect(evolve(known, cleared).record).toMatchObject({ sender: 'bob', receiverPhone: null });
  });

  test('takes the time of creation from a row that was replaced', () => {
    const replaced = happened('shipment-details-changed', { 'created-at': '2020-02-02 00:00:00' });
    expect(shipmentAfter(imported, replaced).record).toMatchObject({ createdAt: '2020-02-02 00:00:00' });
  });

  test('keeps items and notes that were imported before their record', () => {
    const item = happened('packing-list-item-imported', { 'item-id': 1, description: 'marbles', quantity: 2 });
    const note = happened('shipment-note-imported', { 'note-id': 4, author: 'alice', body: 'x', 'created-at': null });
    const shipment = shipmentAfter(item, note, imported);
    expect(shipment.record.kind).toBe('existing');
    expect(shipment.packingList).toEqual([{ id: 1, description: 'marbles', quantity: 2 }]);
    expect(shipment.notes).toHaveLength(1);
  });

  test('has no arrival where legacy has its zero date', () => {
    const zero = happened('shipment-imported', { ...legacyShipment, 'estimated-arrival': '0000-00-00' });
    expect(shipmentAfter(zero).record).toMatchObject({ estimatedArrival: null });
  });

  test('of the new side has items numbered from 1 and was created when the event occurred', () => {
    const data = {
      sender: 'bob',
      receiver: 'bill',
      'packing-list': ['marbles', 'string'],
      'estimated-arrival': '2025-12-24T00:00:00.000-00:00',
    };
    const shipment = shipmentAfter(happened('shipment-created', data));
    expect(shipment.packingList.map(({ id }) => id)).toEqual([1, 2]);
    expect(shipment.record).toMatchObject({
      createdAt: '2025-12-01T10:00:00.000Z',
      estimatedArrival: '2025-12-24T00:00:00.000-00:00',
      status: 'created',
      price: '0.00',
    });
  });
});
