import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { startBridge } from '../cdc-bridge/bridge.ts';
import { bridgeConfig } from '../cdc-bridge/config.ts';
import type { EventLog } from '../contract/event-log.ts';
import { openLog } from '../event-log/open.ts';
import { gatewayConfig } from '../gateway/config.ts';
import { startGateway } from '../gateway/gateway.ts';
import { servicesConfig } from '../new-services/config.ts';
import { startServices } from '../new-services/services.ts';
import { createLogger } from '../runtime/logger.ts';
import { Metrics } from '../runtime/metrics.ts';
import type { System } from './system.ts';

/** The parts that one process may hold. */
export const partNames = ['gateway', 'bridge', 'services'] as const;
export type PartName = (typeof partNames)[number];

/** Parts that this configuration asks for: the gateway always, the bridge with a database, the sample services when configured. */
export function configuredParts({ configuration }: System): PartName[] {
  return partNames.filter(
    (name) =>
      name === 'gateway' || (name === 'bridge' ? configuration.legacy.database : configuration.services) !== undefined,
  );
}

/** Parts running in this process. */
export interface RunningParts {
  /** Resolves with the error of a part that cannot go on, so that the process ends and is started again. */
  readonly failed: Promise<Error>;
  stop(): Promise<void>;
}
