import request from 'supertest';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { signUser } from '../../contract/signed-user.ts';
import { append, event, legacyShipment, secret, startTestServices, type TestServices } from './test-services.ts';

let services: TestServices;
let position: string;

beforeEach(async () => {
  services = await startTestServices();
  await append(services.log, 'customer-3', event('customer-imported', { name: 'Bob & Sons', email: null, city: null }));
  await append(
    services.log,
    'shipment-7',
    event('packing-list-item-imported', { 'item-id': 2, description: 'string <b>', quantity: 1 }),
    event('packing-list-item-imported', { 'item-id': 1, description: 'marbles', quantity: 2 }),
    event('shipment-imported', legacyShipment, { at: '2025-12-02T08:15:00.000Z' }),
    event('shipment-note-imported', {
      'note-id': 1,
      author: 'alice',
      body: 'call first',
      'created-at': '2025-12-01 11:00:00',
    }),
  );
  const zeroDate = { ...legacyShipment, 'customer-id': 99, 'estimated-arrival': '0000-00-00' };
  position = `domain/0/${await append(services.log, 'shipment-8', event('shipment-imported', zeroDate))}`;
});
afterEach(() => services.stop());

const get = (path: string) => request(services.url).get(path).set('strangler-at-least', position);
const page = (path: string) => get(path).set('accept', 'text/html,application/xhtml+xml');

const row7 = {
  id: 7,
  customer_id: 3,
  customer_name: 'Bob & Sons',
  sender: 'bob',
  receiver: 'bill',
  receiver_phone: null,
  shipment_status: 'in_transit',
  price: '12.50',
  estimated_arrival: '2025-12-24',
  document: null,
  created_at: '2025-12-01 10:00:00',
  updated_at: '2025-12-02 08:15:00',
};

describe('GET /shipments/{id} as legacy answers it', () => {
  test('tells a name with a NUL in it whole', async () => {
    const name = 'Bob\0& "Sons" 😀';
    const offset = await append(
      services.log,
      'customer-3',
      event('customer-changed', { name, email: null, city: null }),
    );
    const answer = await get('/shipments/7').set('strangler-at-least', `domain/0/${offset}`).expect(200);
    expect(answer.body.customer_name).toBe(name);
  });

  test('has the same members in the same order, without the counted views', async () => {
    const answer = await get('/shipments/7').expect(200).expect('content-type', 'application/json; charset=utf-8');
    const expected = {
      ...row7,
      packing_list: [
        { id: 1, description: 'marbles', quantity: 2 },
        { id: 2, description: 'string <b>', quantity: 1 },
      ],
      notes: [{ id: 1, author: 'alice', body: 'call first', created_at: '2025-12-01 11:00:00' }],
    };
    expect(answer.text).toBe(`${JSON.stringify(expected)}\n`);
    expect(answer.get('strangler-position')).toBe(position);
  });

  test('has null for a zero date and for a customer who is not there', async () => {
    const { body } = await get('/shipments/8').expect(200);
    expect(body).toMatchObject({ estimated_arrival: null, customer_id: 99, customer_name: null });
  });

  test('shows the customer’s new name', async () => {
    const offset = await append(services.log, 'customer-3', event('customer-changed', { name: 'Bob & Daughters' }));
    const answer = await get('/shipments/7').set('strangler-at-least', `domain/0/${offset}`);
    expect(answer.body.customer_name).toBe('Bob & Daughters');
  });

  test('is 404 and 400 in legacy’s own shape', async () => {
    expect((await get('/shipments/999').expect(404)).body).toEqual({ error: 'not found' });
    expect((await get('/shipments/x').expect(400)).body).toEqual({
      error: 'bad id: expected a whole number, found "x"',
    });
    expect((await page('/shipments/999').expect(404)).text).toContain('<p class="error">Error 404: not found</p>');
    await get('/shipments/new').expect(404).expect('content-type', 'application/problem+json');
  });

  test('answers HEAD without a body', async () => {
    const head = await request(services.url).head('/shipments/7').set('strangler-at-least', position).expect(200);
    expect(Number(head.get('content-length'))).toBeGreaterThan(100);
  });

  test('shows new-side shipments in legacy’s formats', async () => {
    const created = event(
      'shipment-created',
      { sender: 'a', receiver: 'b', 'packing-list': ['x'], 'estimated-arrival': '2025-12-24T00:00:00.000-00:00' },
      { origin: 'new', at: '2025-12-21T08:30:00.123Z' },
    );
    const offset = await append(services.log, 'shipment-1000000000', created);
    const { body } = await get('/shipments/1000000000').set('strangler-at-least', `domain/0/${offset}`);
    expect(body).toMatchObject({
      estimated_arrival: '2025-12-24',
      created_at: '2025-12-21 08:30:00',
      updated_at: '2025-12-21 08:30:00',
      price: '0.00',
      packing_list: [{ id: 1, description: 'x', quantity: 1 }],
    });
  });
});

describe('the shipment’s page', () => {
  test('is HTML for a browser, with everything escaped', async () => {
    const answer = await page('/shipments/7').expect(200).expect('content-type', 'text/html; charset=utf-8');
    expect(answer.text).toContain('<title>Shipment 7 – Acme Shipping</title>');
    expect(answer.text).toContain('<td>string &lt;b&gt;</td>');
    expect(answer.text).toContain('>Bob &amp; Sons</a>');
    expect(answer.text).toContain('Log in</a> to change this shipment.');
  });

  test('says who is signed in, and offers legacy’s forms, only when the gateway signed it', async () => {
    const signed = await page('/shipments/7').set('strangler-user', signUser('alice', secret));
    expect(signed.text).toContain('Signed in as <strong>alice</strong>');
    expect(signed.text).toContain('<button>Change status</button>');
    const forged = await page('/shipments/7').set('strangler-user', signUser('alice', 'another secret'));
    expect(forged.text).not.toContain('Signed in');
  });

  test('has absolute links to the host that was asked', async () => {
    const answer = await page('/shipments/7').set('host', 'shop.example:8080');
    expect(answer.text).toContain('<link rel="canonical" href="http://shop.example:8080/shipments/7">');
    const odd = await page('/shipments/7').set('host', 'x"><script>');
    expect(odd.text).not.toContain('<script>');
  });
});

describe('GET /shipments as legacy answers it', () => {
  test('lists rows, total and page', async () => {
    const { body } = await get('/shipments?q=BOB&status=in_transit&page=1').expect(200);
    expect(body).toMatchObject({ total: 2, page: 1 });
    expect(body.shipments.map(({ id }: { id: number }) => id)).toEqual([8, 7]);
    expect(body.shipments[1]).toEqual(row7);
  });

  test('takes the last of repeated parameters and the first page for nonsense', async () => {
    const { body } = await get('/shipments?q=nobody&q=bill&page=minus').expect(200);
    expect(body).toMatchObject({ total: 2, page: 1 });
    expect((await get('/shipments?page=3').expect(200)).body).toEqual({ shipments: [], total: 2, page: 3 });
    expect((await get('/shipments?q=%25').expect(200)).body).toMatchObject({ total: 0 });
  });

  test('is a page with the filter kept in its form and links', async () => {
    const { text } = await page('/shipments?q=b%22o&status=delayed').expect(200);
    expect(text).toContain('<input type="search" name="q" value="b&quot;o">');
    expect(text).toContain('<option value="delayed" selected>delayed</option>');
    expect(text).toContain('/shipments.csv?q=b%22o&amp;status=delayed');
    expect(text).toContain('No shipments found.');
  });

  test('waits for its position, or says 409', async () => {
    const answer = await get('/shipments').set('strangler-at-least', 'domain/0/1000').expect(409);
    expect(answer.body).toMatchObject({ code: 'not-yet-at-position' });
  });
});
