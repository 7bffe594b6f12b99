import type { Logger } from '../../runtime/logger.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { ReloadOutcome } from './configuration.ts';

/** What becomes of configurations that are read again. */
export type ReloadTelemetry = ReturnType<typeof reloadTelemetry>;

/** Registers the counter of reloads. */
export function reloadTelemetry(logger: Logger, metrics: Metrics) {
  const reloads = metrics.counter('strangler_reloads_total', 'Configurations read again, by what came of it.', [
    'outcome',
  ]);
  return {
    /** `known`: these problems were told before. */
    reloaded(outcome: ReloadOutcome, known: boolean): void {
      reloads.inc({ outcome: outcome.kind });
      switch (outcome.kind) {
        case 'unchanged':
          logger.debug({}, 'the configuration was read again and says the same');
          break;
        case 'reloaded':
          logger.info({ changed: outcome.changed }, 'the configuration was reloaded');
          break;
        case 'refused':
          if (!known)
            logger.error({ problems: outcome.problems }, 'the configuration cannot be used; the one before goes on');
          break;
        default:
          outcome satisfies never;
      }
    },
  };
}
