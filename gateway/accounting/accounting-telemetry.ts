import type { Logger } from '../../runtime/logger.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { AccessLogEvents } from './access-log.ts';

/** What happens to the access log: one function per thing. None throws. */
export interface AccountingTelemetry extends AccessLogEvents {
  /** A full file could not be moved away. */
  rotationFailed(error: Error): void;
  /** A request could not be accounted for: a defect. */
  accountingFailed(error: unknown): void;
}

/** `lines` tells how many were written and dropped since the start. */
export function accountingTelemetry(
  logger: Logger,
  metrics: Metrics,
  lines: () => { readonly written: number; readonly dropped: number },
): AccountingTelemetry {
  metrics.counted('strangler_access_log_lines_total', 'Lines of the access log, written and dropped.', () =>
    Object.entries(lines()).map(([result, value]) => ({ labels: { result }, value })),
  );
  return {
    failing(error) {
      logger.error(
        { cause: error.message },
        'the access log cannot be written; lines wait, and are dropped when too many do',
      );
    },
    recovered(dropped) {
      logger.warn({ dropped }, 'the access log is written again');
    },
    reopenFailed(error) {
      logger.error({ cause: error.message }, 'the access log could not be reopened; it goes on where it was');
    },
    rotationFailed(error) {
      logger.error({ cause: error.message }, 'the access log could not be rotated; the file grows on');
    },
    accountingFailed(error) {
      logger.error({ err: error }, 'the gateway failed while accounting for a request');
    },
  };
}
