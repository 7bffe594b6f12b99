import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JsonObject } from '../../contract/json.ts';
import { openLog } from '../../event-log/open.ts';
import { until } from '../until.ts';
import { startSystem, type TestSystem } from './system.ts';

let system: TestSystem;
beforeAll(async () => {
  system = await startSystem();
}, 120_000);
afterAll(() => system?.remove());

const right = 'receiver-phone: receiver_phone, price: price,';
const wrong = 'receiver-phone: receiver_phone, price: before.price,';

/** Writes the mapping of changed details anew. */
function mapPriceBy(found: string, wanted: string): void {
  const path = join(system.folder, 'capabilities/shipments.yaml');
  const text = readFileSync(path, 'utf8');
  const at = text.indexOf(found, text.indexOf('shipment-details-changed:'));
  expect(at).toBeGreaterThan(0);
  writeFileSync(path, text.slice(0, at) + wanted + text.slice(at + found.length));
}

async function setPrice(id: number, price: string): Promise<void> {
  const answer = await fetch(`${system.legacy}/shipments/${id}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ price }),
  });
  expect(answer.status).toBe(200);
  await answer.body?.cancel();
}

async function priceOf(id: number): Promise<unknown> {
  const answer = await fetch(`${system.services}/shipments/${id}`);
  return answer.ok ? ((await answer.json()) as JsonObject).price : answer.status;
}

const post = (path: string, body: JsonObject) =>
  fetch(`${system.services}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

async function createOnTheNewSide(): Promise<string> {
  const id = randomUUID();
  const data = { sender: 'bob', receiver: 'bill', 'packing-list': ['marbles'] };
  expect((await post(`/command/${id}`, { id, action: 'create-shipment', data })).status).toBeLessThan(300);
  return id;
}

async function isShown(commandId: string): Promise<boolean> {
  const query = { id: randomUUID(), action: 'get-shipment', data: { 'shipment-id': commandId } };
  return (await post('/query', query)).status === 200;
}

it('tells the past by a corrected mapping, shows it, and loses nothing that was written before and goes on afterwards', async () => {
  await system.stop();
  mapPriceBy(right, wrong);
  await system.start();
  const price = await priceOf(3);
  await setPrice(3, '111.11');
  await setPrice(4, '222.22');
  const created = await createOnTheNewSide();
  await until(() => isShown(created));
  await setPrice(3, '333.33');
  await until(async () => (await priceOf(3)) === '111.11');
  expect(price).not.toBe('111.11');
  const running = await system.strangler('cdc', 'remap', '--switch');
  expect(`${running.stdout}${running.stderr}`).toContain('a bridge is at work');
  expect((await system.strangler('cdc', 'status')).stdout).toContain(
    '1 rules map otherwise now (shipments.shipment-details-changed)',
  );

  await system.stop();
  mapPriceBy(wrong, right);
  const compared = await system.strangler('--json', 'cdc', 'remap');
  expect(compared.stderr).toBe('');
  expect(JSON.parse(compared.stdout)).toMatchObject({
    difference: { added: [], missing: [], changed: [{}, {}, {}] },
    built: { generation: 2, from: 1, unclear: 0 },
  });
  const switched = await system.strangler('cdc', 'remap', '--switch');
  expect(switched).toMatchObject({ code: 0, stderr: '' });
  expect(switched.stdout).toContain('It is the current one now, up to domain.2/0/');

  await system.start();
  await until(async () => (await priceOf(3)) === '333.33' && (await priceOf(4)) === '222.22');
  expect(await isShown(created)).toBe(true);
  expect((await system.strangler('cdc', 'status')).stdout).toMatch(/generation 2, made by mapping \w+, as it is now/);
  await setPrice(3, '444.44');
  const later = await createOnTheNewSide();
  await until(async () => (await priceOf(3)) === '444.44' && (await isShown(later)));
  await expectNothingLost();
}, 180_000);

/** Both generations have the same events, but for what they say and for what came afterwards. */
async function expectNothingLost(): Promise<void> {
  const log = openLog(`sqlite:${system.folder}/.data/log.db`);
  try {
    const idsOf = async (history: 'domain.1' | 'domain.2') => (await log.read(history, 0, 10_000)).map(({ id }) => id);
    const old = await idsOf('domain.1');
    const now = await idsOf('domain.2');
    expect(now.slice(0, old.length)).toEqual(old);
    expect(now.length).toBeGreaterThan(old.length);
  } finally {
    await log.close();
  }
}
