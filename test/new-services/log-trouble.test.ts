import { join } from 'node:path';
import request from 'supertest';
import { expect, test } from 'vitest';
import { type EventLog, LogError } from '../../contract/event-log.ts';
import { openLog } from '../../event-log/open.ts';
import { until } from '../until.ts';
import { append, event, legacyShipment, startTestServices, temporaryFolder } from './test-services.ts';

/** A log that is out of reach while `down` says so. */
function unreliable(log: EventLog, down: () => boolean): EventLog {
  const refuse = () => {
    if (down()) throw new LogError('log-unavailable', 'the disk is away');
  };
  const async =
    (method: (...args: never[]) => unknown) =>
    async (...args: never[]) => {
      refuse();
      return method.apply(log, args);
    };
  return {
    ...log,
    capabilities: log.capabilities,
    append: async(log.append) as EventLog['append'],
    read: async(log.read) as EventLog['read'],
    readStream: async(log.readStream) as EventLog['readStream'],
    find: async(log.find) as EventLog['find'],
    head: async(log.head) as EventLog['head'],
    cursor: async(log.cursor) as EventLog['cursor'],
    close: () => log.close(),
    async *follow(...args) {
      for await (const batch of log.follow(...args)) {
        refuse();
        yield batch;
      }
    },
  };
}

test('while the log is away reads go on from the view, the rest says 503, and everything goes on when it is back', async () => {
  const folder = temporaryFolder();
  let down = false;
  const direct = openLog(`sqlite:${join(folder.path, 'log.db')}`);
  const services = await startTestServices({}, { log: unreliable(direct, () => down) });
  const first = await append(direct, 'shipment-7', event('shipment-imported', legacyShipment));
  const get = (path: string) => request(services.url).get(path);
  await get('/shipments/7').set('strangler-at-least', `domain/0/${first}`).expect(200);

  down = true;
  const second = await append(direct, 'shipment-7', event('shipment-delayed', { status: 'delayed' }));
  await until(async () => (await get('/readyz')).status === 503);
  await get('/shipments/7').expect(200);
  const command = {
    id: 'af523782-8572-49cb-b7ac-4e7a090a44e2',
    action: 'create-shipment',
    data: { sender: 'a', receiver: 'b' },
  };
  const post = () => request(services.url).post(`/command/${command.id}?wait=10000`).send(command);
  expect((await post().expect(503)).body).toMatchObject({ code: 'log-unavailable' });
  await get('/healthz').expect(200);

  down = false;
  await until(async () => (await get('/readyz')).status === 200);
  const answer = await get('/shipments/7').set('strangler-at-least', `domain/0/${second}`).expect(200);
  expect(answer.body.shipment_status).toBe('delayed');
  expect((await post().expect(200)).body).toMatchObject({ state: 'completed' });
  await services.stop();
  folder.remove();
});
