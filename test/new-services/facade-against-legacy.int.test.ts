import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../contract/json.ts';
import type { NewEvent } from '../../contract/recorded-event.ts';
import { startTestApplication, type TestApplication } from '../legacy-stub/legacy-application.ts';
import { append, event, startTestServices, type TestServices } from './test-services.ts';

interface LegacyShipment {
  readonly id: number;
  readonly customer_id: number | null;
  readonly customer_name: string | null;
  readonly packing_list: readonly { id: number; description: string; quantity: number }[];
  readonly notes: readonly { id: number; author: string; body: string; created_at: string }[];
  readonly [column: string]: unknown;
}

let legacy: TestApplication;
let services: TestServices;
let position: string;
let ids: readonly number[];

beforeAll(async () => {
  legacy = await startTestApplication('facade');
  services = await startTestServices({ waitMs: 10_000 });
  ids = await allIds();
  for (const id of ids) await copy((await (await legacy.request(`/shipments/${id}`)).json()) as LegacyShipment);
  position = `domain/0/${(await services.log.head('domain')).offset}`;
});
afterAll(async () => {
  await services.stop();
  await legacy.stop();
});

async function allIds(): Promise<number[]> {
  const pages = await Promise.all(
    [1, 2, 3].map(async (page) => (await legacy.request(`/shipments?page=${page}`)).json() as Promise<never>),
  );
  return pages.flatMap(({ shipments }: { shipments: LegacyShipment[] }) => shipments.map(({ id }) => id));
}

/** Appends what the bridge's initial snapshot would append for one shipment. */
async function copy(row: LegacyShipment): Promise<void> {
  const renamed = Object.entries(row).map(([column, value]) => [column.replaceAll('_', '-'), value] as const);
  const { 'shipment-status': status, 'packing-list': _list, notes: _notes, ...columns } = Object.fromEntries(renamed);
  const events: [NewEvent, ...NewEvent[]] = [event('shipment-imported', { ...columns, status } as JsonObject)];
  for (const { id, ...item } of row.packing_list) {
    events.push(event('packing-list-item-imported', { 'item-id': id, ...item }));
  }
  for (const { id, author, body, created_at } of row.notes) {
    events.push(event('shipment-note-imported', { 'note-id': id, author, body, 'created-at': created_at }));
  }
  await append(services.log, `shipment-${row.id}`, ...events);
  const { customer_id, customer_name: name } = row;
  if (customer_id !== null) await append(services.log, `customer-${customer_id}`, event('customer-imported', { name }));
}

async function both(path: string, accept = 'application/json'): Promise<[legacy: string, facade: string]> {
  const headers = { accept, 'strangler-at-least': position };
  const answers = [legacy.request(path, { headers }), fetch(services.url + path, { headers })];
  const texts = await Promise.all(answers.map(async (answer) => (await answer).text()));
  return [agreedDifferences(texts[0]!), agreedDifferences(texts[1]!)];
}

/** Addresses of the two servers, counted views, zero dates, and when a record last changed: the differences that are meant. */
function agreedDifferences(text: string): string {
  return text
    .replaceAll(legacy.url, 'http://HOST')
    .replaceAll(services.url, 'http://HOST')
    .replace(/,"views":\d+/, '')
    .replace(/\n<p class="views">.*<\/p>/, '')
    .replaceAll('"estimated_arrival":"0000-00-00"', '"estimated_arrival":null')
    .replace(/(<dt>Estimated arrival<\/dt><dd>)0000-00-00/, '$1–')
    .replaceAll('<td>0000-00-00</td>', '<td></td>')
    .replace(/"updated_at":"[^"]*"/g, '"updated_at":"T"')
    .replace(/(<dt>Last changed<\/dt><dd>)[^<]*/, '$1T');
}

describe('the facade answers as legacy does on its own data', () => {
  test('for every shipment, as JSON and as a page', async () => {
    expect(ids.length).toBe(60);
    for (const id of ids) {
      const [oldJson, newJson] = await both(`/shipments/${id}`);
      expect(newJson).toBe(oldJson);
      const [oldPage, newPage] = await both(`/shipments/${id}`, 'text/html');
      expect(newPage).toBe(oldPage);
    }
  });

  test.each([
    '',
    '?page=2',
    '?page=3',
    '?page=4',
    '?page=0',
    '?page=02',
    '?page=x',
    '?status=delayed',
    '?status=DELAYED',
    '?status=lost',
    '?q=bob',
    '?q=BOB&status=created',
    '?q=pena',
    '?q=JURGEN',
    '?q=ost',
    '?q=%C3%98st',
    '?q=%E5%B0%8F',
    '?q=zo%C3%AB',
    "?q=o'b",
    '?q=%25',
    '?q=_',
    '?q=%5C',
    '?q=%20bob%20',
    '?q=nobody&q=bill',
    '?q=bo&unknown=1',
    '?q=weiss',
    '?q=%00',
    '?q=bob%0Abill',
    '?q=x%00bob',
  ])('for the list %s', async (query) => {
    const [oldJson, newJson] = await both(`/shipments${query}`);
    expect(newJson).toBe(oldJson);
    const [oldPage, newPage] = await both(`/shipments${query}`, 'text/html');
    expect(newPage).toBe(oldPage);
  });

  test.each([
    '/shipments/999999',
    '/shipments/0',
    '/shipments/007',
    '/shipments/7x',
    '/shipments/%20',
    '/shipments/99999999999',
  ])('for %s', async (path) => {
    const [oldJson, newJson] = await both(path);
    expect(newJson).toBe(oldJson);
    const [oldPage, newPage] = await both(path, 'text/html');
    expect(newPage).toBe(oldPage);
  });
});
