import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { json, startTestApplication, type TestApplication } from './legacy-application.ts';

let legacy: TestApplication;
beforeAll(async () => {
  legacy = await startTestApplication('rest');
});
afterAll(() => legacy.stop());

const send = async (path: string, init?: RequestInit) => {
  const answer = await legacy.request(path, init);
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text === '' ? undefined : JSON.parse(text) };
};

const examples = {
  shipments: [
    { sender: 'bob', receiver: 'bill', price: 12.5 },
    { shipment_status: 'delayed', estimated_arrival: '0000-00-00' },
  ],
  customers: [
    { name: 'Søren Ågård', city: 'Aarhus' },
    { name: 'Œuvre – ß', email: null },
  ],
  packing_list_items: [{ shipment_id: 7, description: 'marbles' }, { quantity: 12 }],
  shipment_notes: [{ shipment_id: 7, author: 'alice', body: 'Grüße 🎈' }, { author: null }],
} as const;

describe.each(Object.entries(examples))('%s', (resource, [first, change]) => {
  test('are created, read, changed and deleted', async () => {
    const created = await send(`/${resource}`, json('POST', first));
    expect(created.status).toBe(201);
    const path = `/${resource}/${created.body.id}`;
    expect(created.headers.get('location')).toBe(legacy.url + path);
    const { price: _, ...texts } = first as { price?: number };
    expect((await send(path)).body).toMatchObject(texts);

    const changed = await send(path, json('PUT', change));
    expect([changed.status, changed.body]).toEqual([200, expect.objectContaining(change)]);

    expect((await send(path, { method: 'DELETE' })).status).toBe(204);
    expect(await send(path)).toMatchObject({ status: 404, body: { error: 'not found' } });
    expect((await send(path, { method: 'DELETE' })).status).toBe(404);
    expect((await send(path, json('PUT', change))).status).toBe(404);
  });

  test('refuse what is no id, no column, no JSON and nothing at all', async () => {
    for (const id of ['x', '-1', '1.5', '1%20OR%201', '99999999999']) {
      expect(await send(`/${resource}/${id}`)).toMatchObject({
        status: 400,
        body: { error: expect.stringContaining('bad id') },
      });
    }
    expect((await send(`/${resource}`, json('POST', { ...first, 'id = 1 --': 1 }))).status).toBe(400);
    expect((await send(`/${resource}/1`, json('PUT', {}))).body).toEqual({ error: 'expected at least one column' });
    expect((await send(`/${resource}/1`, json('PUT', []))).status).toBe(400);
    expect(
      (await send(`/${resource}/1`, { method: 'PUT', body: '{"a"', headers: { 'content-type': 'application/json' } }))
        .status,
    ).toBe(400);
    expect((await send(`/${resource}/1`, { method: 'PUT', body: 'a=b' })).status).toBe(415);
  });

  test('answer other methods with 405 and the ones there are', async () => {
    const refused = await send(`/${resource}/1`, { method: 'PATCH' });
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, expect.stringContaining('PUT')]);
    expect(refused.body.error).toContain('method not allowed');
  });
});

test.each([
  [{ shipment_status: 'lost' }, 'shipment_status: expected one of created, in_transit'],
  [{ price: 'abc' }, 'price: expected an amount such as "12.50"'],
  [{ price: 0.1 + 0.2 }, 'price: expected an amount such as "12.50"'],
  [{ estimated_arrival: '2025-02-30' }, 'estimated_arrival: expected a date'],
  [{ customer_id: -1 }, 'customer_id: expected an id'],
  [{ sender: '' }, 'sender: expected a text'],
  [{ sender: 'x'.repeat(101) }, 'sender: expected a text of at most 100 characters'],
  [{ sender: { toSqlString: 'x' } }, 'sender: expected a text'],
])('a shipment cannot be changed to %j', async (body, message) => {
  const refused = await send('/shipments/7', json('PUT', body));
  expect([refused.status, refused.body.error]).toEqual([400, expect.stringContaining(message)]);
});

test('a name that latin1 cannot hold is refused', async () => {
  const refused = await send('/customers', json('POST', { name: '小林' }));
  expect(refused).toMatchObject({ status: 400, body: { error: 'name: expected only characters that latin1 has' } });
});

test('a body beyond 1 MiB is refused with 413', async () => {
  expect((await send('/shipment_notes', json('POST', { shipment_id: 7, body: 'x'.repeat(1_100_000) }))).status).toBe(
    413,
  );
});

test('tables that are not offered are not found', async () => {
  for (const table of ['users', 'sessions', 'page_views']) expect((await send(`/${table}/1`)).status).toBe(404);
});
