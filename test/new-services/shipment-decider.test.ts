import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../contract/json.ts';
import { fold } from '../../new-services/event-sourcing/decider/decider.ts';
import { shipmentCommandSchema } from '../../new-services/shipments/decider/shipment-commands.ts';
import { shipmentDecider } from '../../new-services/shipments/decider/shipment-decider.ts';
import { legacyShipment } from './test-services.ts';

const facts = { now: '2025-12-21T08:00:00.000Z', estimatedArrival: '2025-12-24T00:00:00.000Z' };

type Past = readonly [action: string, data: JsonObject];

const created: Past = ['shipment-created', { sender: 'bob', receiver: 'bill', 'packing-list': ['marbles', 'string'] }];
const dispatched: Past = ['shipment-dispatched', { status: 'in_transit', 'previous-status': 'created' }];
const delayed: Past = ['shipment-delayed', { status: 'delayed', 'previous-status': 'in_transit' }];
const delivered: Past = ['shipment-delivered', { status: 'delivered', 'previous-status': 'in_transit' }];

function given(...past: readonly Past[]) {
  const events = past.map(([action, data]) => ({ action, data, meta: { occurredAt: '2025-12-20T08:00:00.000Z' } }));
  return {
    when(action: string, data: JsonObject) {
      const command = shipmentCommandSchema.parse({ action, data });
      return shipmentDecider.decide({ ...command, facts } as never, fold(shipmentDecider, events));
    },
  };
}

const then = (action: string, data: JsonObject) => ({ kind: 'accepted', events: [{ action, data }] });
const refused = (reason: string) => expect.objectContaining({ kind: 'rejected', reason });
const status = (to: string) => ({ 'shipment-id': 1_000_000_000, status: to });

describe('the shipment decider', () => {
  test('creates a shipment with the estimate that came with the command', () => {
    const data = { sender: 'bob', receiver: 'bill', 'packing-list': ['marbles'] };
    expect(given().when('create-shipment', data)).toEqual(
      then('shipment-created', { ...data, 'estimated-arrival': facts.estimatedArrival }),
    );
  });

  test('does not create over another shipment, not even a deleted one', () => {
    const data = { sender: 'bob', receiver: 'bill' };
    expect(given(created).when('create-shipment', data)).toEqual(refused('shipment-exists'));
    expect(given(created, ['shipment-deleted', {}]).when('create-shipment', data)).toEqual(refused('shipment-exists'));
  });

  test.each([
    ['in_transit', [created], 'shipment-dispatched', 'created'],
    ['delayed', [created, dispatched], 'shipment-delayed', 'in_transit'],
    ['in_transit', [created, dispatched, delayed], 'shipment-resumed', 'delayed'],
    ['delivered', [created, dispatched], 'shipment-delivered', 'in_transit'],
    ['cancelled', [created], 'shipment-cancelled', 'created'],
  ] as const)('a change to %s after %j is %s', (to, past, action, previous) => {
    expect(given(...past).when('change-shipment-status', status(to))).toEqual(
      then(action, { status: to, 'previous-status': previous }),
    );
  });

  test('a delivered shipment cannot be delayed', () => {
    expect(given(created, dispatched, delivered).when('change-shipment-status', status('delayed'))).toEqual(
      refused('shipment-closed'),
    );
  });

  test('a shipment that never left cannot be delivered, and none becomes created again', () => {
    expect(given(created).when('change-shipment-status', status('delivered'))).toEqual(refused('status-not-reachable'));
    expect(given(created, dispatched).when('change-shipment-status', status('created'))).toEqual(
      refused('status-not-reachable'),
    );
  });

  test('a change to the status it has already is refused', () => {
    expect(given(created).when('change-shipment-status', status('created'))).toEqual(refused('status-unchanged'));
  });

  test('a status that legacy alone knows can be left for any', () => {
    const odd: Past = ['shipment-imported', { ...legacyShipment, status: '' }];
    expect(given(odd).when('change-shipment-status', status('delayed'))).toEqual(
      then('shipment-delayed', { status: 'delayed', 'previous-status': '' }),
    );
  });

  test('an item gets the next number of its shipment', () => {
    const data = { 'shipment-id': 1_000_000_000, description: 'toothpick', quantity: 5 };
    expect(given(created).when('add-packing-list-item', data)).toEqual(
      then('packing-list-item-added', { 'item-id': 3, description: 'toothpick', quantity: 5 }),
    );
  });

  test('only an item that is there can be removed', () => {
    const remove = (item: number) => ({ 'shipment-id': 1_000_000_000, 'item-id': item });
    expect(given(created).when('remove-packing-list-item', remove(2))).toEqual(
      then('packing-list-item-removed', { 'item-id': 2 }),
    );
    expect(given(created).when('remove-packing-list-item', remove(9))).toEqual(refused('item-not-found'));
  });

  test('a closed shipment takes notes but no items', () => {
    const past = [created, dispatched, delivered] as const;
    const note = { 'shipment-id': 1_000_000_000, author: 'alice', body: 'signed by the neighbour' };
    expect(given(...past).when('add-shipment-note', note)).toEqual(
      then('shipment-note-added', { 'note-id': 1, author: 'alice', body: note.body, 'created-at': facts.now }),
    );
    const item = { 'shipment-id': 1_000_000_000, description: 'late', quantity: 1 };
    expect(given(...past).when('add-packing-list-item', item)).toEqual(refused('shipment-closed'));
  });

  test('commands on a shipment that does not exist are refused', () => {
    expect(given().when('change-shipment-status', status('delayed'))).toEqual(refused('shipment-not-found'));
    expect(given(created, ['shipment-deleted', {}]).when('change-shipment-status', status('delayed'))).toEqual(
      refused('shipment-not-found'),
    );
  });
});
