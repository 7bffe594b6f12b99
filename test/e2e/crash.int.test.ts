import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventLog } from '../../contract/event-log.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import { openLog } from '../../event-log/open.ts';
import { until } from '../until.ts';
import { startSystem, type TestSystem } from './system.ts';

const writes = 2_000;
const shipments = 20;

describe('killed with SIGKILL in the middle of 2,000 legacy writes', () => {
  let system: TestSystem;
  beforeAll(async () => {
    system = await startSystem();
  }, 120_000);
  afterAll(() => system?.remove());

  it('makes each committed write one event, none lost, none doubled, and legacy’s clients notice nothing', async () => {
    let done = 0;
    const killAt = new Map<number, () => Promise<void>>([
      [200, async () => void process.kill(system.pids().data!, 'SIGKILL')],
      [600, async () => void process.kill(system.pids().data!, 'SIGKILL')],
      [900, async () => void process.kill(system.pids().gateway!, 'SIGKILL')],
      [1_300, async () => void process.kill(system.pids().data!, 'SIGKILL')],
      [1_301, async () => void process.kill(system.pids().gateway!, 'SIGKILL')],
    ]);
    const reader = readThroughGateway(system, () => done < 850);
    const write = async (worker: number) => {
      for (let number = worker; number < writes; number += 4) {
        await put(system, (number % shipments) + 1, priceOf(number));
        done += 1;
        await killAt.get(done)?.();
      }
    };
    await Promise.all([0, 1, 2, 3].map(write));
    expect(await reader).toEqual({ failed: [], answered: expect.any(Number) });

    const prices = await pricesOnTheLog(system, writes);
    expect(prices).toHaveLength(writes);
    expect(new Set(prices)).toEqual(new Set(Array.from({ length: writes }, (_, number) => priceOf(number))));
    await agreeWithLegacy(system);
  }, 180_000);

  it('goes on after everything of ours was killed at once', async () => {
    await system.kill();
    const { legacy, data, gateway } = system.pids();
    await until(
      () => [legacy, data, gateway].every((pid) => !isAlive(pid!)),
      20_000,
      'the children to end with their parent',
    );
    await system.start();
    await put(system, 1, '77777.77');
    await until(async () => (await eventsOf(system)).some(({ data }) => data.price === '77777.77'));
    await agreeWithLegacy(system);
  }, 180_000);
});

/** Every write has a price of its own, so that each event can be told from every other. */
const priceOf = (number: number) => `${10_000 + number}.25`;

async function put(system: TestSystem, id: number, price: string): Promise<void> {
  const answer = await fetch(`${system.legacy}/shipments/${id}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ price }),
  });
  expect(answer.status).toBe(200);
  await answer.body?.cancel();
}

/** Reads legacy-served pages through the gateway for as long as only the data side is being killed. */
async function readThroughGateway(
  system: TestSystem,
  goOn: () => boolean,
): Promise<{ failed: number[]; answered: number }> {
  const failed: number[] = [];
  let answered = 0;
  for (let id = 1; goOn(); id = (id % 60) + 1) {
    const answer = await fetch(`${system.site}/shipments/${id}`);
    const shipment = (await answer.json()) as { views?: number };
    if (answer.status !== 200 || shipment.views === undefined) failed.push(answer.status);
    answered += 1;
  }
  return { failed, answered };
}

async function eventsOf(system: TestSystem): Promise<RecordedEvent[]> {
  const log: EventLog = openLog(`sqlite:${system.folder}/.data/log.db`);
  try {
    const events: RecordedEvent[] = [];
    for (;;) {
      const batch = await log.read('domain', events.length, 1_000);
      if (batch.length === 0) return events;
      events.push(...batch);
    }
  } finally {
    await log.close();
  }
}

function pricesOnTheLog(system: TestSystem, expected: number): Promise<string[]> {
  return until(async () => {
    const changes = (await eventsOf(system)).filter(({ action }) => action === 'shipment-details-changed');
    return changes.length >= expected && changes.map(({ data }) => String(data.price));
  }, 60_000);
}

/** The new side's answers equal legacy's for every shipment, but for what is declared harmless. */
async function agreeWithLegacy(system: TestSystem): Promise<void> {
  for (let id = 1; id <= shipments; id++) {
    await until(async () => (await shipment(system.services, id)).price === (await shipment(system.legacy, id)).price);
    const [
      { views: _, updated_at: __, estimated_arrival: ___, ...old },
      { updated_at: ____, estimated_arrival: _____, ...fresh },
    ] = await Promise.all([shipment(system.legacy, id), shipment(system.services, id)]);
    expect(fresh).toEqual(old);
  }
}

async function shipment(origin: string, id: number): Promise<Record<string, unknown>> {
  return (await (await fetch(`${origin}/shipments/${id}`)).json()) as Record<string, unknown>;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
