import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { nowMs } from './clock.ts';
import { startHelper } from './helper-process.ts';
import { residentMebibytes } from './process-usage.ts';
import type { Turn } from './proxy/load.ts';
import { quantile } from './quantile.ts';
import type { Effort, Report, ReportTable } from './report.ts';
import { type FreshCheckout, freshCheckout, type Started } from './start/fresh-checkout.ts';

/**
 * How long `npm start` takes until the system is ready, in a fresh checkout (cold: the database's packages are fetched, its data is made, its
 * rows become events) and again in the same one (warm); how long a command takes; and how much memory each process holds.
 */
export async function measureStart(effort: Effort): Promise<Report> {
  const starts: { kind: string; started: Started }[] = [];
  const tables: ReportTable[] = [];
  for (let run = 1; run <= effort.runs; run += 1) {
    const checkout = await freshCheckout();
    try {
      starts.push({ kind: `cold ${run}`, started: await checkout.start() });
      await checkout.stop();
      starts.push({ kind: `warm ${run}`, started: await checkout.start() });
      if (run === effort.runs) tables.push(await commandTimes(checkout), await memory(checkout, effort.requests));
    } finally {
      await checkout.remove();
    }
  }
  return { bench: 'start', tables: [startTimes(starts), ...tables] };
}

function startTimes(starts: readonly { kind: string; started: Started }[]): ReportTable {
  const steps = ['database', 'legacy', 'data', 'gateway'];
  return {
    title: 'Seconds to ready; data and gateway start at the same time',
    columns: ['start', 'total', ...steps],
    rows: [...starts]
      .sort((a, b) => a.kind.localeCompare(b.kind))
      .map(({ kind, started }) => [kind, started.seconds, ...steps.map((step) => started.steps[step] ?? '–')]),
  };
}

async function commandTimes(checkout: FreshCheckout): Promise<ReportTable> {
  const commands: [string, () => Promise<number>][] = [
    ['node -e 0, the floor', nodeAlone],
    ['strangler --help', () => checkout.strangler('--help')],
    ['strangler check', () => checkout.strangler('check')],
    ['strangler flags list', () => checkout.strangler('flags', 'list')],
    ['strangler events tail --no-follow', () => checkout.strangler('events', 'tail', '--no-follow')],
    ['strangler doctor', () => checkout.strangler('doctor')],
  ];
  const rows: (string | number)[][] = [];
  for (const [name, run] of commands) {
    const times: number[] = [];
    for (let i = 0; i < 10; i += 1) times.push(await run());
    rows.push([name, quantile(times, 0.5), Math.min(...times), Math.max(...times)]);
  }
  return {
    title: 'Milliseconds that a command takes; 10 times each',
    columns: ['command', 'p50', 'least', 'most'],
    rows,
  };
}

async function nodeAlone(): Promise<number> {
  const startedAt = nowMs();
  await promisify(execFile)(process.execPath, ['-e', '0']);
  return nowMs() - startedAt;
}

/** Reads of one shipment in the sample's first stage: legacy answers, the new service is asked afterwards. */
async function memory(checkout: FreshCheckout, requests: number): Promise<ReportTable> {
  const settleMs = 5_000;
  await delay(settleMs);
  const measure = () => Object.entries(checkout.pids()).map(([name, pid]) => [name, residentMebibytes(pid)] as const);
  const idle = measure();
  const load = await startHelper(new URL('./proxy/load.ts', import.meta.url));
  const request = 'GET /shipments/7 HTTP/1.1\r\nhost: shop.example\r\naccept: application/json\r\n\r\n';
  const turn: Turn = { port: Number(new URL(checkout.site).port), requests, connections: 16, request };
  const { error } = await load.ask<{ error?: string }>(turn);
  await load.stop();
  if (error) throw new Error(error);
  const loaded = new Map(measure());
  await delay(settleMs);
  const after = new Map(measure());
  return {
    title: `Resident memory in MiB; ${requests} reads through the gateway, shadowed`,
    columns: ['process', 'idle', 'after the last answer', `${settleMs / 1_000} s later`],
    rows: idle.map(([name, mebibytes]) => [name, mebibytes, loaded.get(name) ?? '–', after.get(name) ?? '–']),
  };
}
