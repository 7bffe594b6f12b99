import { afterEach, beforeEach, expect, it } from 'vitest';
import { tracedLog } from '../../cdc-bridge/health/traced-log.ts';
import { fencedLog } from '../../cdc-bridge/lease/fenced-log.ts';
import type { StreamAppend } from '../../contract/event-log.ts';
import type { EventSpans } from '../../contract/event-spans.ts';
import { type TempLog, tempLog } from './legacy.ts';

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

let log: TempLog;
beforeEach(() => {
  log = tempLog();
});
afterEach(() => log.remove());

const event = (id: string, trace?: string, topic?: 'row-changes'): StreamAppend => ({
  ...(topic && { topic }),
  stream: 'shipment-7',
  expect: 'any',
  events: [
    {
      id,
      parent: 'mariadb:0-1-57',
      action: 'shipment-delayed',
      data: {},
      meta: {
        schema: 1,
        occurredAt: '2026-01-01T00:00:00.000Z',
        origin: 'legacy-cdc',
        ...(trace && { traceparent: trace }),
      },
    },
  ],
});

it('tells of each domain event that a request caused, once, and keeps the fence and all else of the log', async () => {
  const told: string[] = [];
  const spans: EventSpans = {
    appended: ({ id, meta }, startTime, endTime) => {
      expect(endTime).toBeGreaterThanOrEqual(startTime);
      told.push(`${meta.stream} ${id}`);
    },
    projected: () => {},
  };
  const lease = await log.log.leases.acquire('bridge:test', 'us', 60_000);
  if (lease.kind !== 'acquired') throw new Error(lease.kind);
  const traced = tracedLog(fencedLog(log.log, lease.lease), spans);
  const first = [event('raw', traceparent, 'row-changes'), event('a', traceparent), event('b')];
  await traced.append('domain', first);
  await traced.append('domain', [event('a', traceparent), event('c', traceparent)]);
  expect(told).toEqual(['shipment-7 a', 'shipment-7 c']);
  expect((await traced.head('domain')).offset).toBe(3);
  expect((await traced.read('domain', 0, 10)).map(({ id }) => id)).toEqual(['a', 'b', 'c']);
});
