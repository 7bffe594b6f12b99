import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BridgeCost } from './bridge/bridge-process.ts';
import { type LegacyRows, startLegacyRows } from './bridge/legacy-rows.ts';
import { startHelper } from './helper-process.ts';
import { median } from './quantile.ts';
import type { Effort, Report } from './report.ts';

const rowsPerTransaction = 25_000;

/** What is measured: rows that were written in one way, and how the bridge comes to them. */
interface Work {
  readonly name: string;
  readonly rows: number;
  readonly write: (legacy: LegacyRows, rows: number) => Promise<void>;
  readonly mode: 'initial' | 'never';
  readonly keep: boolean;
}

/**
 * What a row costs from the legacy database to a durable event on the log: CPU time of the bridge's process, against the log's own append of
 * the same events by a process that does nothing else. Both take turns.
 */
export async function measureBridge({ pairs, requests }: Effort): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-bridge-'));
  const bulk = (legacy: LegacyRows, rows: number) => legacy.insert(rows, rowsPerTransaction);
  const works: Work[] = [
    { name: 'changes in bulk', rows: requests * 10, write: bulk, mode: 'never', keep: false },
    { name: 'changes in bulk, row changes kept', rows: requests * 10, write: bulk, mode: 'never', keep: true },
    {
      name: 'one row a transaction',
      rows: requests * 2,
      write: (legacy, rows) => legacy.insert(rows, 1),
      mode: 'never',
      keep: false,
    },
    { name: 'initial snapshot', rows: requests * 10, write: bulk, mode: 'initial', keep: false },
  ];
  try {
    const rows: (string | number)[][] = [];
    for (const [index, work] of works.entries()) rows.push(await measure(work, pairs, join(folder, String(index))));
    return {
      bench: 'bridge',
      tables: [
        {
          title: 'µs of CPU time a row, medians of the rounds; MiB: the most the bridge’s process held',
          columns: ['', 'rows', 'bridge', 'append alone', 'ratio', 'least', 'most', 'MiB'],
          rows,
        },
      ],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(work: Work, pairs: number, folder: string): Promise<(string | number)[]> {
  const legacy = await startLegacyRows(join(folder, 'database'));
  try {
    if (work.mode === 'never') await runBridge(work, legacy, logIn(folder, 'start'));
    await work.write(legacy, work.rows);
    const rounds: { bridge: BridgeCost; append: number }[] = [];
    for (let round = 0; round < pairs; round += 1) {
      const log = logIn(folder, `round-${round}`);
      if (work.mode === 'never') cpSync(join(folder, 'start'), join(folder, `round-${round}`), { recursive: true });
      const bridge = await runBridge(work, legacy, log);
      if (bridge.events !== work.rows) throw new Error(`expected ${work.rows} events, found ${bridge.events}`);
      rounds.push({ bridge, append: await runAppend(log, logIn(folder, `append-${round}`)) });
      for (const name of [`round-${round}`, `append-${round}`]) rmSync(join(folder, name), { recursive: true });
    }
    const perRow = (microseconds: number) => microseconds / work.rows;
    const ratios = rounds.map(({ bridge, append }) => bridge.cpuMicroseconds / append);
    return [
      work.name,
      work.rows,
      median(rounds.map(({ bridge }) => perRow(bridge.cpuMicroseconds))),
      median(rounds.map(({ append }) => perRow(append))),
      median(ratios),
      Math.min(...ratios),
      Math.max(...ratios),
      Math.max(...rounds.map(({ bridge }) => bridge.peakMebibytes)),
    ];
  } finally {
    await legacy.stop();
  }
}

const logIn = (folder: string, name: string): string => `sqlite:${join(folder, name, 'log.db')}`;

async function runBridge({ mode, keep }: Work, legacy: LegacyRows, logUrl: string): Promise<BridgeCost> {
  const program = new URL('./bridge/bridge-process.ts', import.meta.url);
  const helper = await startHelper(program, [legacy.url, logUrl, mode, keep ? 'keep' : 'drop']);
  const cost = await helper.ask<BridgeCost>({});
  await helper.stop();
  return cost;
}

async function runAppend(from: string, to: string): Promise<number> {
  const helper = await startHelper(new URL('./bridge/append-process.ts', import.meta.url), [from, to]);
  const { cpuMicroseconds } = await helper.ask<{ cpuMicroseconds: number }>({});
  await helper.stop();
  return cpuMicroseconds;
}
