/** Follows the log in a process of its own, as any consumer would, and asks the new service for what each event says. */
import { Agent } from 'node:http';
import { strangler } from '../../contract/headers.ts';
import { formatLogAddress } from '../../contract/log-address.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import { openLog } from '../../event-log/open.ts';
import { until } from '../../test/until.ts';
import { nowMs } from '../clock.ts';
import { endWithParent } from '../helper-process.ts';
import { askPrice } from './ask-price.ts';

/** A legacy write as it was seen. Times as of bench/clock.ts. */
export interface Sighting {
  readonly price: string;
  /** When the event came out of the log. */
  readonly seenAt: number;
  /** When the new service's answer with this price, or a later one, arrived. */
  readonly answeredAt: number;
}

/** Asks for all sightings as soon as there are this many. */
export interface ObserverQuestion {
  readonly count: number;
}

const [logUrl, services] = process.argv.slice(2) as [string, string];
const log = openLog(logUrl);
const agent = new Agent({ keepAlive: true });
const sightings: Sighting[] = [];
endWithParent();

/** The address makes the service wait for its projection, so that one question per write is enough. */
async function see({ data, meta }: RecordedEvent, seenAt: number): Promise<void> {
  const { price } = data as { price: string };
  const id = meta.stream.replace('shipment-', '');
  const told = await askPrice(agent, services, id, { [strangler.atLeast]: formatLogAddress(meta.address) });
  if (Number(told) < Number(price)) throw new Error(`shipment ${id}: expected price ${price} or later, found ${told}`);
  sightings.push({ price, seenAt, answeredAt: nowMs() });
}

process.once('message', async ({ count }: ObserverQuestion) => {
  const missing = () => `${count} events, ${sightings.length} came`;
  await until(() => sightings.length >= count, 30_000, missing).catch((error: Error) => console.error(error.message));
  process.send!(sightings);
});

const { offset } = await log.head('domain');
process.send!({ ready: true });
for await (const events of log.follow('domain', offset, new AbortController().signal)) {
  const seenAt = nowMs();
  for (const event of events) if (event.action === 'shipment-details-changed') void see(event, seenAt);
}
