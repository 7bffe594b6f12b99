import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startLegacyRows } from './bridge/legacy-rows.ts';
import type { Sighting, SightingsQuestion } from './bridge-lag/sighting.ts';
import { nowMs } from './clock.ts';
import { startHelper } from './helper-process.ts';
import { quantile } from './quantile.ts';
import type { Effort, Report } from './report.ts';

const transactionsPerSecond = 200;
/** Transactions before the first one that counts: code gets compiled. */
const warmUp = 1_000;

/** A transaction of one row. Times as of bench/clock.ts. */
interface Commit {
  readonly id: number;
  readonly committedAt: number;
}

/**
 * How long after a commit its change is in the hand of our reader, and its event durable on the log: each in a process of its own, at 200
 * transactions a second, from the moment at which the database's answer to the commit came.
 */
export async function measureBridgeLag({ seconds }: Effort): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-bridge-lag-'));
  const legacy = await startLegacyRows(join(folder, 'database'));
  try {
    const reader = await startHelper(new URL('./bridge-lag/reader-process.ts', import.meta.url), [legacy.url]);
    const log = `sqlite:${join(folder, 'log', 'log.db')}`;
    const bridge = await startHelper(new URL('./bridge-lag/bridge-process.ts', import.meta.url), [legacy.url, log]);
    const count = warmUp + transactionsPerSecond * seconds;
    const commits = await commitAtRate((n) => legacy.insert(1, 1).then(() => n + 1), count);
    const [inHand, durable] = await Promise.all(
      [reader, bridge].map((helper) => helper.ask<Sighting[]>({ count } satisfies SightingsQuestion)),
    );
    await Promise.all([reader.stop(), bridge.stop()]);
    return report(commits.slice(warmUp), inHand!, durable!);
  } finally {
    await legacy.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One after the other on one connection, each due at a moment fixed beforehand: their ids count from 1. */
async function commitAtRate(insert: (n: number) => Promise<number>, count: number): Promise<Commit[]> {
  const startAt = nowMs() + 100;
  const commits: Commit[] = [];
  for (let n = 0; n < count; n += 1) {
    const waitMs = startAt + (n * 1_000) / transactionsPerSecond - nowMs();
    if (waitMs > 0) await delay(waitMs);
    commits.push({ id: await insert(n), committedAt: nowMs() });
  }
  return commits;
}

function report(commits: readonly Commit[], inHand: readonly Sighting[], durable: readonly Sighting[]): Report {
  const row = (name: string, sightings: readonly Sighting[]) => {
    const at = new Map(sightings);
    const lags = commits.map(({ id, committedAt }) => Math.max(0, at.get(id)! - committedAt));
    return [name, lags.length, ...[0.5, 0.9, 0.99, 1].map((q) => quantile(lags, q))];
  };
  return {
    bench: 'bridge-lag',
    tables: [
      {
        title: `Milliseconds at ${transactionsPerSecond} transactions a second; 0: before the writer had its answer`,
        columns: ['commit → …', 'n', 'p50', 'p90', 'p99', 'max'],
        rows: [row('change in hand', inHand), row('event durable on the log', durable)],
      },
    ],
  };
}
