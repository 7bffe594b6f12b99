import { describe, expect, test } from 'vitest';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import { type Upcaster, upcasterChain } from '../../contract/upcasting.ts';

const recorded = (schema: number, data: RecordedEvent['data']): RecordedEvent => ({
  id: 'a',
  parent: 'p',
  action: 'shipment-created',
  data,
  meta: {
    schema,
    occurredAt: '2025-12-01T10:00:00.000Z',
    origin: 'new',
    stream: 'shipment-7',
    version: 1,
    recordedAt: '2025-12-01T10:00:00.000Z',
    address: { topic: 'domain', partition: 0, offset: 1 },
  },
});

const split: Upcaster = {
  action: 'shipment-created',
  from: 1,
  upcast: ({ parties, ...rest }) => {
    const [sender, receiver] = String(parties).split('>') as [string, string];
    return { ...rest, sender, receiver };
  },
};
const price: Upcaster = { action: 'shipment-created', from: 2, upcast: (data) => ({ ...data, price: '0.00' }) };
const other: Upcaster = { action: 'customer-created', from: 1, upcast: () => ({}) };

describe('a chain of upcasters', () => {
  const current = upcasterChain([price, other, split]);

  test('brings every older version to the current one, in order whatever the order of registration', () => {
    const expected = { sender: 'bob', receiver: 'bill', price: '0.00' };
    expect(current(recorded(1, { parties: 'bob>bill' }))).toMatchObject({ data: expected, meta: { schema: 3 } });
    expect(current(recorded(2, { sender: 'bob', receiver: 'bill' }))).toMatchObject({
      data: expected,
      meta: { schema: 3 },
    });
  });

  test('leaves a current event, and what is not the payload, as it is', () => {
    const event = recorded(3, { sender: 'bob' });
    expect(current(event)).toBe(event);
    const { data: _, meta, ...envelope } = current(recorded(1, { parties: 'bob>bill' }));
    expect({ ...envelope, meta }).toEqual({
      id: 'a',
      parent: 'p',
      action: 'shipment-created',
      meta: { ...event.meta, schema: 3 },
    });
  });

  test('never changes the event it was given', () => {
    const event = recorded(1, { parties: 'bob>bill' });
    const before = structuredClone(event);
    current(event);
    expect(event).toEqual(before);
  });

  test('refuses two for the same version', () => {
    expect(() => upcasterChain([split, split])).toThrow('two upcasters for shipment-created from version 1');
  });

  test('refuses a gap', () => {
    expect(() => upcasterChain([split, { ...price, from: 3 }])).toThrow(
      'no upcaster for shipment-created from version 2',
    );
  });
});
