import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startTestApplication, type TestApplication } from './legacy-application.ts';

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

test('a connection that breaks in the middle of requests fails those alone', async () => {
  const requests = Array.from({ length: 100 }, (_, index) => legacy.request(`/shipments/${(index % 50) + 1}`));
  await requests[0];
  await cable.pull();
  const statuses = (await Promise.all(requests)).map(({ status }) => status);
  expect(new Set(statuses)).toEqual(new Set([200, 500]));
  await cable.plugIn();
  expect((await legacy.request('/')).status).toBe(200);
});
