import type { RowDataPacket } from 'mysql2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { install } from '../../legacy-stub/install.ts';
import { form, json, startTestApplication, type TestApplication } from './legacy-application.ts';

let legacy: TestApplication;
let cookie: string;
beforeAll(async () => {
  legacy = await startTestApplication('data');
  cookie = await legacy.logIn();
});
afterAll(() => legacy.stop());

const rows = async (sql: string, values: unknown[] = []) => (await legacy.admin.query<RowDataPacket[]>(sql, values))[0];
const shipment = async (id: number) =>
  (await legacy.request(`/shipments/${id}`)).json() as Promise<Record<string, unknown>>;

test('the seed has every status, zero dates, and names beyond ASCII', async () => {
  expect(
    await rows('SELECT COUNT(DISTINCT shipment_status) AS statuses, COUNT(*) AS shipments FROM shipments'),
  ).toEqual([{ statuses: 5, shipments: 60 }]);
  const undated = await rows("SELECT id FROM shipments WHERE CAST(estimated_arrival AS CHAR) = '0000-00-00'");
  expect(undated.length).toBeGreaterThan(2);
  expect(await rows('SELECT name, HEX(name) AS hex FROM customers WHERE id = 1')).toEqual([
    { name: 'Søren Ågård', hex: '53F872656E20C567E57264' },
  ]);
});

test('installing again, even at the same time, changes nothing and does not bring deleted rows back', async () => {
  await legacy.request('/shipments/60', { method: 'DELETE' });
  await Promise.all([install(legacy.address), install(legacy.address)]);
  expect(await rows('SELECT COUNT(*) AS count, MAX(id) AS last FROM shipments')).toEqual([{ count: 59, last: 59 }]);
});

test('each GET of a shipment counts one view, HTML or JSON', async () => {
  const before = (await shipment(11)).views as number;
  const page = await legacy.request('/shipments/11', { headers: { accept: 'text/html' } });
  expect(await page.text()).toContain(`Viewed ${before + 1} times`);
  expect((await shipment(11)).views).toBe(before + 2);
});

test('a view of a shipment that is not there leaves no row', async () => {
  expect((await legacy.request('/shipments/4000000000')).status).toBe(404);
  expect(await rows("SELECT * FROM page_views WHERE path = '/shipments/4000000000'")).toEqual([]);
});

test('latin1 names go in and out unchanged', async () => {
  const name = 'Søren Ågård – “Œuvre” €';
  const created = (await (await legacy.request('/customers', json('POST', { name }))).json()) as {
    id: number;
    name: string;
  };
  expect(created.name).toBe(name);
  expect(
    await rows('SELECT name, CHAR_LENGTH(name) AS characters, LENGTH(name) AS bytes FROM customers WHERE id = ?', [
      created.id,
    ]),
  ).toEqual([{ name, characters: name.length, bytes: name.length }]);
});

test('the form stores what MySQL makes of odd values: an unknown status is empty, a date that is none is zero', async () => {
  await legacy.request('/shipments/12/status', form({ status: 'lost' }, { cookie }));
  await legacy.request(
    '/shipments/12',
    form({ price: '1e3x', estimated_arrival: 'soon', sender: 'x'.repeat(150) }, { cookie }),
  );
  expect(await shipment(12)).toMatchObject({
    shipment_status: '',
    price: '1000.00',
    estimated_arrival: '0000-00-00',
    sender: 'x'.repeat(100),
  });
  const page = await legacy.request('/shipments/12', { headers: { accept: 'text/html' } });
  expect(await page.text()).toContain('<dd>0000-00-00</dd>');
});

test('every write carries the traceparent of its request into the binlog, and only a well-formed one', async () => {
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const end = (await rows('SHOW BINARY LOGS')).at(-1)!;
  await legacy.request('/shipments/13/status', form({ status: 'cancelled' }, { cookie, traceparent }));
  await legacy.request('/packing_list_items', json('POST', { shipment_id: 13, description: "it's" }, { traceparent }));
  await legacy.request(
    '/shipments/13/status',
    form({ status: 'delayed' }, { cookie, traceparent: "00-x'*/; DROP TABLE users; /*" }),
  );
  const events = await rows(`SHOW BINLOG EVENTS IN '${end.Log_name}' FROM ${end.File_size}`);
  const statements = events.filter(({ Event_type }) => ['Annotate_rows', 'Rows_query'].includes(Event_type));
  const written = statements.map(({ Info }) => Info as string);
  expect(written).toContainEqual(
    expect.stringMatching(
      /UPDATE shipments SET shipment_status = 'cancelled' WHERE id = 13 \/\*traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'\*\//,
    ),
  );
  expect(written).toContainEqual(expect.stringContaining(`VALUES (13, 'it\\'s') /*traceparent='${traceparent}'*/`));
  const malformed = written.find((sql) => sql.includes("shipment_status = 'delayed' WHERE id = 13"));
  expect(malformed?.trim().endsWith('WHERE id = 13')).toBe(true);
});
