import type { Logger } from '../../runtime/logger.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { DropReason, ShadowResult } from './shadow-result.ts';

/** What evidence tells about itself, one function per thing that happens. */
export interface EvidenceTelemetry {
  compared(result: ShadowResult): void;
  dropped(route: string, reason: DropReason): void;
  /** Tallies could not go to the log; they are kept in a file and tried again. */
  notRecorded(route: string, reason: string): void;
  /** The file of tallies that wait for the log could not be read or written. */
  pendingFailed(path: string, error: unknown): void;
  /** Examples could not be read or written; the counts are not touched by that. */
  samplesFailed(dir: string, error: unknown): void;
  /** Files of examples held none; they are deleted. */
  samplesUnreadable(dir: string, count: number): void;
}

export function evidenceTelemetry(logger: Logger, metrics: Metrics): EvidenceTelemetry {
  const verdicts = metrics.counter('strangler_shadow_comparisons_total', 'Answers compared, by verdict.', [
    'route',
    'verdict',
  ]);
  const drops = metrics.counter('strangler_shadow_dropped_total', 'Exchanges not asked about.', ['route', 'reason']);
  const failures = metrics.counter('strangler_shadow_evidence_failures_total', 'Evidence that could not be kept.');
  return {
    compared({ route, comparison }) {
      verdicts.inc({ route, verdict: comparison.kind === 'not-comparable' ? comparison.reason : comparison.kind });
    },
    dropped(route, reason) {
      drops.inc({ route, reason });
    },
    notRecorded(route, reason) {
      logger.debug({ route, reason }, 'evidence waits for the log');
    },
    pendingFailed(path, error) {
      failures.inc();
      logger.error({ path, err: error }, 'evidence that waits for the log cannot be kept on disk');
    },
    samplesFailed(dir, error) {
      failures.inc();
      logger.error({ dir, err: error }, 'examples of differences cannot be kept on disk');
    },
    samplesUnreadable(dir, count) {
      failures.inc();
      logger.warn({ dir, count }, 'examples of differences could not be read and were deleted');
    },
  };
}
