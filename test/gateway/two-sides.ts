import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { EventLog } from '../../contract/event-log.ts';
import { type RunningGateway, startGateway } from '../../gateway/gateway.ts';
import { type Logger, silent } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { configure } from './configure.ts';
import { type Side, startSide } from './sides.ts';

/** What a gateway is given beside its configuration. */
interface GatewayWanted {
  /** Without it the gateway starts while its log is away, and serves from what the configuration says. */
  readonly openLog?: () => Promise<EventLog>;
  readonly bridgeUrl?: string | undefined;
  readonly logger?: Logger | undefined;
  readonly metrics?: Metrics;
  /** Below the test's folder; else the folder itself. */
  readonly dataDir?: string;
}

/** A legacy application, a new service and a folder, anew for each test. */
export interface TwoSides {
  readonly legacy: Side;
  readonly service: Side;
  readonly folder: string;
  /** Ends something after the test, before all that was there before it. */
  cleanUp(work: () => Promise<unknown>): void;
  /** Starts a gateway from what a user would write; it is stopped after the test. */
  start(written: object, wanted?: GatewayWanted): Promise<RunningGateway>;
}

const logAway = (): Promise<EventLog> => Promise.reject(new Error('the log is away'));

/** Sets two sides up before each test of the file that calls this, and takes them away after it. */
export function twoSides(): TwoSides {
  const cleanups: (() => Promise<unknown>)[] = [];
  const current = {} as { legacy: Side; service: Side; folder: string };
  beforeEach(async () => {
    const [legacy, service, folder] = await Promise.all([
      startSide('legacy'),
      startSide('new'),
      mkdtemp(join(tmpdir(), 'gateway-')),
    ]);
    Object.assign(current, { legacy, service, folder });
    cleanups.push(() => rm(folder, { recursive: true, force: true }), service.stop, legacy.stop);
  });
  afterEach(async () => {
    for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
  });
  return Object.assign(current, {
    cleanUp: (work: () => Promise<unknown>) => void cleanups.push(work),
    async start(written: object, { openLog = logAway, bridgeUrl, dataDir, ...ports }: GatewayWanted = {}) {
      const config = configure(written, { dataDir: dataDir ?? current.folder, bridgeUrl });
      const gateway = await startGateway(config, {
        openLog,
        logger: ports.logger ?? silent,
        metrics: ports.metrics ?? new Metrics(),
      });
      cleanups.push(gateway.stop);
      return gateway;
    },
  });
}
