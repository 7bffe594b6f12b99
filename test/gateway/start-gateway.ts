import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningGateway, startGateway } from '../../gateway/gateway.ts';
import { silent } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { configure } from './configure.ts';

/** A gateway that passes everything on to one legacy application. */
export interface StartedGateway extends RunningGateway {
  readonly port: number;
  readonly metrics: Metrics;
}

/**
 * Starts a gateway without a log before `legacyOrigin`; `listener` are keys of `listeners.public`, `more` are others at the top. Stopping it removes
 * its data.
 */
export async function startGatewayBefore(
  legacyOrigin: string,
  listener: object = {},
  legacy: object = {},
  more: object = {},
): Promise<StartedGateway> {
  const dataDir = await mkdtemp(join(tmpdir(), 'gateway-'));
  const metrics = new Metrics();
  const config = configure(
    {
      legacy: { url: legacyOrigin, ...legacy },
      listeners: { public: { port: 0, ...listener }, admin: { port: 0 } },
      ...more,
    },
    { dataDir },
  );
  const gateway = await startGateway(config, {
    openLog: () => Promise.reject(new Error('the log is away')),
    logger: silent,
    metrics,
  });
  const { stop: stopGateway } = gateway;
  const stop = async () => {
    await stopGateway();
    await rm(dataDir, { recursive: true, force: true });
  };
  return Object.assign(gateway, { port: Number(new URL(gateway.publicUrl).port), metrics, stop });
}

/** How many connections were cut for a reason so far. */
export async function cutFor({ metrics }: StartedGateway, reason: string): Promise<number> {
  const line = new RegExp(`^strangler_connections_cut_total\\{reason="${reason}"\\} (\\d+)$`, 'm');
  return Number(line.exec(await metrics.text())?.[1] ?? 0);
}
