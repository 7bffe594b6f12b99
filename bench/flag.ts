import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../test/free-port.ts';
import { type Change, FlagChanger } from './flag/change.ts';
import { measureEvaluations } from './flag/evaluations.ts';
import type { SidePorts } from './flag/sides.ts';
import { startHelper } from './helper-process.ts';
import { startMeasuredGateway } from './proxy/gateway.ts';
import { quantile } from './quantile.ts';
import type { Effort, Report } from './report.ts';

/** Between two changes, so that each meets a gateway that has settled: its copy on disk of the change before is written. */
const pauseMs = 10;
/** Changes before the first one that counts: code gets compiled, the log's file grows to its size. */
const warmUpChanges = 100;
const flag = 'new-side';
const token = 'bench-flag-token';

/**
 * How long after an operator's request a flag of the built-in store sends requests to the other side, of a gateway in its own process with its
 * log on disk; and what one evaluation costs.
 */
export async function measureFlag({ changes }: Effort): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-flag-'));
  const sides = await startHelper<SidePorts>(new URL('./flag/sides.ts', import.meta.url));
  const [publicPort, adminPort] = [await freePort(), await freePort()];
  const gateway = await startMeasuredGateway(folder, configuration(sides.first, publicPort, adminPort), adminPort);
  const changer = new FlagChanger({ publicPort, adminPort, token, flag });
  try {
    const measured = await changeOften(changer, warmUpChanges + changes);
    return report(measured.slice(warmUpChanges));
  } finally {
    changer.stop();
    await gateway.stop();
    await sides.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function configuration(sides: SidePorts, port: number, adminPort: number): object {
  return {
    legacy: `http://127.0.0.1:${sides.legacy}`,
    listeners: { public: { port }, admin: { port: adminPort, token } },
    capabilities: {
      orders: { service: `http://127.0.0.1:${sides.new}`, routes: ['GET /split'], split: [{ flag }] },
    },
  };
}

async function changeOften(changer: FlagChanger, count: number): Promise<Change[]> {
  const changes: Change[] = [];
  for (let index = 0; index < count; index += 1) {
    changes.push(await changer.change(index % 2 === 0));
    await delay(pauseMs);
  }
  return changes;
}

function report(changes: readonly Change[]): Report {
  const rows: [string, number[]][] = [
    ['admin request sent → first answer of the other side', changes.map(({ effectiveMs }) => effectiveMs)],
    ['admin request sent → its own answer', changes.map(({ answeredMs }) => answeredMs)],
  ];
  return {
    bench: 'flag',
    tables: [
      {
        title: `Milliseconds over ${changes.length} changes of a flag of the built-in store`,
        columns: ['from → to', 'p50', 'p90', 'p99', 'max'],
        rows: rows.map(([name, values]) => [name, ...[0.5, 0.9, 0.99, 1].map((q) => quantile(values, q))]),
      },
      {
        title: 'Microseconds per evaluation, its use counted',
        columns: ['flag', 'compiled', 'unleash-client', 'ratio'],
        rows: measureEvaluations(),
      },
    ],
  };
}
