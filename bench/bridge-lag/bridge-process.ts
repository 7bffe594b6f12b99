/** The bridge: tells when each event was durable on the log. Arguments: database, log. */
import { z } from 'zod';
import { startBridge } from '../../cdc-bridge/bridge.ts';
import { bridgeCapability, bridgeLegacy } from '../../cdc-bridge/config.ts';
import type { EventLog } from '../../contract/event-log.ts';
import { openLog } from '../../event-log/open.ts';
import { silent } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { until } from '../../test/until.ts';
import { nowMs } from '../clock.ts';
import { endWithParent } from '../helper-process.ts';
import type { Sighting, SightingsQuestion } from './sighting.ts';

const [url, logUrl] = process.argv.slice(2) as [string, string];
endWithParent();
const { database } = z.object(bridgeLegacy).parse({ database: { url, snapshotMode: 'never' } });
const { tables } = z.object(bridgeCapability).parse({
  tables: { orders: { key: 'id', stream: 'order-{id}', events: { 'order-placed': { op: 'c', data: '*' } } } },
});
const sightings: Sighting[] = [];
const log = openLog(logUrl);
const append = log.append.bind(log);
const watched: EventLog = Object.assign(log, {
  append: async (...call: Parameters<EventLog['append']>) => {
    const results = await append(...call);
    const at = nowMs();
    for (const { topic = call[0], events } of call[1])
      if (topic === 'domain') for (const { data } of events) sightings.push([Number(data.id), at]);
    return results;
  },
});

process.once('message', async ({ count }: SightingsQuestion) => {
  await until(
    () => sightings.length >= count,
    30_000,
    () => `${count} events, ${sightings.length} came`,
  );
  process.send!(sightings);
});

const bridge = await startBridge(
  { name: 'bench', database: database!, tables: tables!, port: 0 },
  { log: watched, logger: silent, metrics: new Metrics() },
);
bridge.failed.then((error) => {
  throw error;
});
await until(async () => (await bridge.status()).phase === 'streaming');
process.send!({ ready: true });
