import type { RecordedEvent } from '../../contract/recorded-event.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Metrics } from '../../runtime/metrics.ts';

/** What the journal tells about itself, one function per thing that happens. */
export interface JournalTelemetry {
  /** The log answers and the state has caught up with it. */
  following(offset: number): void;
  /** The log does not answer; said once per absence. */
  away(reason: string): void;
  /** A stage or a flag changed, by any gateway on the log. */
  changed(event: RecordedEvent): void;
  /** The copy on disk could not be read; the state begins with the log's first event. */
  copyUnreadable(path: string, error: unknown): void;
  /** The copy on disk could not be written; after a restart without the log an older state would be served. */
  copyNotWritten(path: string, error: unknown): void;
  /** A subscriber threw; the others were told. */
  subscriberFailed(error: unknown): void;
}

export function journalTelemetry(logger: Logger, metrics: Metrics): JournalTelemetry {
  const connected = metrics.gauge(
    'strangler_gateway_journal_following',
    '1 while the log of stages and flags answers.',
    [],
    'min',
  );
  const changes = metrics.counter('strangler_gateway_journal_changes_total', 'Stage and flag changes.', ['action']);
  const failures = metrics.counter('strangler_gateway_journal_copy_failures_total', 'Copies of the state not written.');
  return {
    following(offset) {
      connected.set(1);
      logger.info({ topic: 'migration', offset }, 'following the log of stages and flags');
    },
    away(reason) {
      connected.set(0);
      logger.warn({ topic: 'migration', reason }, 'the log is away: stages and flags stay as they are');
    },
    changed({ action, data, meta }) {
      if (action === 'shadow-tallied') return;
      changes.inc({ action });
      logger.info({ stream: meta.stream, version: meta.version, change: data }, action);
    },
    copyUnreadable(path, error) {
      logger.error({ path, err: error }, 'the copy of stages and flags cannot be read and is left aside');
    },
    copyNotWritten(path, error) {
      failures.inc();
      logger.error({ path, err: error }, 'the copy of stages and flags cannot be written');
    },
    subscriberFailed(error) {
      logger.error({ err: error }, 'a reaction to a change of stages and flags failed');
    },
  };
}
