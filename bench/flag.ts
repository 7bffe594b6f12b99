import { closeSync, existsSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
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
/** Files here are in memory, on Linux. */
const memory = '/dev/shm';
const onePage = Buffer.alloc(4096, 'x');

/**
 * How long after an operator's request a flag of the built-in store sends requests to the other side, of a gateway in its own process; and
 * what one evaluation costs. A change is made durable before it counts, so what the disk takes is shown beside, and what is left without it.
 */
export async function measureFlag({ changes }: Effort): Promise<Report> {
  const sides = await startHelper<SidePorts>(new URL('./flag/sides.ts', import.meta.url));
  try {
    const onDisk = await measureChanges(sides.first, tmpdir(), changes);
    const inMemory = existsSync(memory) ? await measureChanges(sides.first, memory, changes) : undefined;
    return report(changes, onDisk, inMemory);
  } finally {
    await sides.stop();
  }
}

interface MeasuredChange extends Change {
  /** A write of one page to a file beside, made durable, directly after the change. */
  readonly syncMs: number;
}

async function measureChanges(sides: SidePorts, parent: string, count: number): Promise<MeasuredChange[]> {
  const folder = mkdtempSync(join(parent, 'bench-flag-'));
  const [publicPort, adminPort] = [await freePort(), await freePort()];
  const gateway = await startMeasuredGateway(folder, configuration(sides, publicPort, adminPort), adminPort);
  const changer = new FlagChanger({ publicPort, adminPort, token, flag });
  try {
    const measured = await changeOften(changer, join(folder, 'page'), warmUpChanges + count);
    return measured.slice(warmUpChanges);
  } finally {
    changer.stop();
    await gateway.stop();
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

async function changeOften(changer: FlagChanger, path: string, count: number): Promise<MeasuredChange[]> {
  const page = openSync(path, 'w');
  const changes: MeasuredChange[] = [];
  for (let index = 0; index < count; index += 1) {
    const change = await changer.change(index % 2 === 0);
    changes.push({ ...change, syncMs: timeSync(page) });
    await delay(pauseMs);
  }
  closeSync(page);
  return changes;
}

function timeSync(file: number): number {
  const startedAt = performance.now();
  writeSync(file, onePage);
  fdatasyncSync(file);
  return performance.now() - startedAt;
}

function report(changes: number, onDisk: readonly MeasuredChange[], inMemory: readonly MeasuredChange[] | undefined) {
  const rows: (readonly [string, readonly number[]])[] = [
    ['log on disk: admin request sent → first request at the other side', onDisk.map((one) => one.effectiveMs)],
    ['log on disk: admin request sent → its own answer', onDisk.map((one) => one.answeredMs)],
    ['the disk alone: 4 KiB made durable', onDisk.map((one) => one.syncMs)],
    [
      'log in memory: admin request sent → first request at the other side',
      inMemory?.map((one) => one.effectiveMs) ?? [],
    ],
    ['log in memory: admin request sent → its own answer', inMemory?.map((one) => one.answeredMs) ?? []],
  ];
  return {
    bench: 'flag',
    tables: [
      {
        title: `Milliseconds over ${changes} changes of a flag of the built-in store`,
        columns: ['what', 'p50', 'p90', 'p99', 'max'],
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
