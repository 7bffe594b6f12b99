import { Agent } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { createPool, type Pool } from 'mysql2/promise';
import { nowMs } from '../clock.ts';
import { askPrice } from './ask-price.ts';

/** One legacy write. Times as of bench/clock.ts. */
export interface Write {
  /** What it wrote; each write has a price of its own, higher than the one before. */
  readonly price: string;
  readonly dueAt: number;
  /** When the database's answer to the UPDATE (autocommit) arrived. */
  readonly committedAt: number;
  /** When the new service answered with it, where that was polled. */
  readonly polledAt?: number;
}

export interface WritePlan {
  readonly databaseUrl: string;
  /** Polled after every 20th write. */
  readonly services: string;
  readonly writesPerSecond: number;
  readonly count: number;
}

/** Shipments that the legacy application's seed has; each is written to in turn. */
const shipments = 60;
const polledEach = 20;

/** Writes at fixed moments, whether earlier writes have been answered or not: a slow answer delays nothing that comes after it. */
export async function writeAtRate({ databaseUrl, services, writesPerSecond, count }: WritePlan): Promise<Write[]> {
  const pool = createPool({ uri: databaseUrl, connectionLimit: 10 });
  const agent = new Agent({ keepAlive: true });
  const startAt = nowMs() + 100;
  const writes: Promise<Write>[] = [];
  for (let n = 0; n < count; n += 1) {
    const dueAt = startAt + (n * 1_000) / writesPerSecond;
    const waitMs = dueAt - nowMs();
    if (waitMs > 0) await delay(waitMs);
    writes.push(write(pool, agent, services, n, dueAt));
  }
  const done = await Promise.all(writes);
  agent.destroy();
  await pool.end();
  return done;
}

async function write(pool: Pool, agent: Agent, services: string, n: number, dueAt: number): Promise<Write> {
  const price = (1_000 + n / 100).toFixed(2);
  const id = (n % shipments) + 1;
  await pool.query('UPDATE shipments SET price = ? WHERE id = ?', [price, id]);
  const committedAt = nowMs();
  if (n % polledEach !== 0) return { price, dueAt, committedAt };
  while (Number(await askPrice(agent, services, id)) < Number(price));
  return { price, dueAt, committedAt, polledAt: nowMs() };
}
