import type { Logger } from '../../runtime/logger.ts';
import type { Metrics } from '../../runtime/metrics.ts';

/** What flags tell about themselves, one function per thing that happens. */
export interface FlagsTelemetry {
  /** The Unleash server answers, for the first time or again. */
  inContact(url: string): void;
  /** The Unleash server does not answer any more; said once per absence. */
  lostContact(url: string, detail: string): void;
  /** The evaluator complains: about a strategy it does not know, or about its server. */
  complained(complaint: unknown): void;
  /** The last good copy could not be read or written. */
  copyFailed(path: string, error: unknown): void;
}

export function flagsTelemetry(logger: Logger, metrics: Metrics): FlagsTelemetry {
  const fresh = metrics.gauge('strangler_gateway_flags_fresh', '1 while the source of flags answers.', [], 'min');
  const complaints = metrics.counter('strangler_gateway_flags_complaints_total', 'Complaints of the flag evaluator.');
  fresh.set(1);
  return {
    inContact(url) {
      fresh.set(1);
      logger.info({ url }, 'in contact with Unleash');
    },
    lostContact(url, detail) {
      fresh.set(0);
      logger.warn({ url, detail }, 'Unleash does not answer');
    },
    complained(complaint) {
      complaints.inc();
      logger.debug({ complaint: complaint instanceof Error ? complaint.message : complaint }, 'flag evaluator');
    },
    copyFailed(path, error) {
      logger.error({ path, err: error }, 'the copy of the flags failed');
    },
  };
}
