import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { startSystem, type TestSystem } from '../test/e2e/system.ts';
import { startHelper } from './helper-process.ts';
import type { ObserverQuestion, Sighting } from './lag/observer.ts';
import { type Write, writeAtRate } from './lag/write-at-rate.ts';
import { quantile } from './quantile.ts';
import type { Effort, Report } from './report.ts';

/** Writes before the first one that counts: code gets compiled, caches fill. */
const warmUpWrites = 300;

/**
 * How long after a legacy commit its event stands on the log, and the new service answers with it: on the sample system, started as
 * `npm start` does, while legacy commits at a steady rate.
 */
export async function measureLag({ writesPerSecond, seconds }: Effort): Promise<Report> {
  const system = await startSystem();
  try {
    const observer = await startHelper(new URL('./lag/observer.ts', import.meta.url), [
      `sqlite:${join(system.folder, '.data', 'log.db')}`,
      system.services,
    ]);
    const count = warmUpWrites + writesPerSecond * seconds;
    const writes = await writeAtRate({
      databaseUrl: legacyDatabaseUrl(system),
      services: system.services,
      writesPerSecond,
      count,
    });
    const sightings = await observer.ask<Sighting[]>({ count } satisfies ObserverQuestion);
    await observer.stop();
    return report(writes.slice(warmUpWrites), sightings, writesPerSecond);
  } finally {
    await system.remove();
  }
}

/** The legacy application's account: the bridge's may only read. A server given by LEGACY_DB_URL has one account for all. */
function legacyDatabaseUrl({ folder }: TestSystem): string {
  const chosen = parseEnv(readFileSync(join(folder, '.data', 'environment'), 'utf8'));
  return process.env.LEGACY_APP_DB_URL ?? String(chosen.LEGACY_DB_URL).replace('//bridge:', '//legacy:');
}

function report(writes: readonly Write[], sightings: readonly Sighting[], writesPerSecond: number): Report {
  const byPrice = new Map(sightings.map((sighting) => [sighting.price, sighting]));
  const matched = writes.flatMap((write) => {
    const sighting = byPrice.get(write.price);
    return sighting ? [{ ...write, ...sighting }] : [];
  });
  const polled = writes.flatMap(({ committedAt, polledAt }) =>
    polledAt === undefined ? [] : [polledAt - committedAt],
  );
  const rows: [string, number[]][] = [
    ['write due → committed (the database itself)', writes.map((write) => write.committedAt - write.dueAt)],
    ['commit → event on the log', matched.map((write) => write.seenAt - write.committedAt)],
    ['commit → projection answers, every write, strangler-at-least', matched.map((w) => w.answeredAt - w.committedAt)],
    ['commit → projection answers, every 20th write, polled', polled],
  ];
  return {
    bench: 'lag',
    tables: [
      {
        title: `Milliseconds at ${writesPerSecond} legacy writes a second; ${writes.length} writes, ${writes.length - matched.length} of them without an event`,
        columns: ['from → to', 'n', 'p50', 'p90', 'p99', 'max'],
        rows: rows.map(([name, values]) => [
          name,
          values.length,
          ...[0.5, 0.9, 0.99, 1].map((q) => quantile(values, q)),
        ]),
      },
    ],
  };
}
