import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type HelperProcess, startHelper } from '../helper-process.ts';
import type { Report } from '../report.ts';
import { cores, pin } from './contestant.ts';

/** What the contestants share. */
export interface Field {
  readonly folder: string;
  readonly upstreamPort: number;
  readonly otlpPort: number;
}

/** Upstream, load and collector around a measurement, on the core where no contestant runs. */
export async function onField(
  measure: (field: Field, load: HelperProcess<unknown>) => Promise<Report>,
): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'strangler-bench-'));
  const helpers: HelperProcess<{ port: number }>[] = [];
  try {
    for (const name of ['upstream', 'collector', 'load']) {
      const helper = await startHelper<{ port: number }>(new URL(`./${name}.ts`, import.meta.url));
      helpers.push(helper);
      await pin(helper.pid, cores.others);
    }
    const [upstream, collector, load] = helpers;
    return await measure({ folder, upstreamPort: upstream!.first.port, otlpPort: collector!.first.port }, load!);
  } finally {
    for (const { stop } of helpers) await stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
