import { accountingConfig } from '../gateway/accounting/config.ts';
import { createLogger } from '../runtime/logger.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { RunningOtlp } from './otlp.ts';
import type { System } from './system.ts';

/** Starts to export what this process measures; undefined where nothing is to be exported. OpenTelemetry's code is loaded only then. */
export async function startOtlpOf(
  { configuration, dataDir }: System,
  service: string,
  metrics: Metrics,
): Promise<RunningOtlp | undefined> {
  const { telemetry } = accountingConfig(configuration, dataDir);
  if (telemetry === undefined) return undefined;
  const { startOtlp } = await import('./otlp.ts');
  return startOtlp(telemetry, { service, metrics, logger: createLogger('telemetry') });
}
