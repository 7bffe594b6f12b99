import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { connectAdmin, startTestApplication, type TestApplication } from './legacy-application.ts';

/** A cable between the application and the database that can be pulled and plugged in again. */
class Cable {
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((near) => this.#join(near));
  #target = { host: '', port: 0 };
  #port = 0;

  async plugIn(target = this.#target): Promise<number> {
    this.#target = target;
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
    return this.#port;
  }

  async pull(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #join(near: Socket): void {
    const far = connect(this.#target);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => {}).on('close', () => other.destroy());
      socket.pipe(other);
    }
  }
}

const cable = new Cable();
let legacy: TestApplication;

beforeAll(async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {});
  legacy = await startTestApplication('outage', async (server) => ({
    ...server,
    host: '127.0.0.1',
    port: await cable.plugIn(server),
  }));
});
afterAll(async () => {
  await legacy.stop();
  await cable.pull();
  vi.restoreAllMocks();
});

test('without its database the application answers 500 as page and as JSON, and recovers by itself', async () => {
  await cable.pull();
  const page = await legacy.request('/shipments', { headers: { accept: 'text/html' } });
  expect(page.status).toBe(500);
  expect(await page.text()).toContain('error establishing a database connection');
  const answer = await legacy.request('/shipments/7');
  expect([answer.status, await answer.json()]).toEqual([500, { error: 'error establishing a database connection' }]);
  expect((await legacy.request('/style.css')).status).toBe(200);
  await cable.plugIn();
  expect((await legacy.request('/shipments/7')).status).toBe(200);
});

test('connections that break in the middle of requests fail those alone, and only 64 requests have one', async () => {
  const { database } = legacy.address;
  const blocker = await connectAdmin(legacy.address);
  await blocker.query('LOCK TABLES ??.customers WRITE', [database]);
  const requests = Array.from({ length: 80 }, () => legacy.request('/customers'));
  const blocked = "SELECT id FROM information_schema.processlist WHERE db = ? AND state LIKE '%metadata lock%'";
  await vi.waitFor(async () => expect((await legacy.admin.query(blocked, [database]))[0]).toHaveLength(64), {
    timeout: 10_000,
    interval: 20,
  });
  await cable.pull();
  expect(new Set((await Promise.all(requests)).map(({ status }) => status))).toEqual(new Set([500]));
  await blocker.end();
  await cable.plugIn();
  expect((await legacy.request('/customers')).status).toBe(200);
});
