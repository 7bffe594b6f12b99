import { type Logger, silent } from '../runtime/logger.ts';
import type { Metrics } from '../runtime/metrics.ts';

/** What the log tells about itself, one function per thing that happens. */
export interface LogTelemetry {
  /** One transaction became durable with this many events from this many append calls. */
  committed(events: number, calls: number, seconds: number): void;
  /** Another process held the lock; the operation is tried again. */
  busy(): void;
  /** The store failed; the error goes to the caller as well. */
  unavailable(error: Error): void;
  /** Change notices of the file system could not be sent or received; appends of other processes are found by polling. Logged once. */
  noticeFailed(error: unknown): void;
}

/** Writes log lines to `logger` and counters to `metrics`, as far as they are given. */
export function logTelemetry(logger: Logger = silent, metrics?: Metrics): LogTelemetry {
  const events = metrics?.counter('strangler_log_events_appended_total', 'Events made durable by this process.');
  const calls = metrics?.counter('strangler_log_append_calls_total', 'Append calls made durable by this process.');
  const seconds = metrics?.histogram(
    'strangler_log_commit_seconds',
    'Time of one commit, writing to disk included.',
    [],
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1],
  );
  const busy = metrics?.counter('strangler_log_busy_total', 'Attempts put off because another process held the lock.');
  const failures = metrics?.counter('strangler_log_unavailable_total', 'Operations that the store failed.');
  let warned = false;
  return {
    committed(eventCount, callCount, duration) {
      events?.inc(eventCount);
      calls?.inc(callCount);
      seconds?.observe(duration);
    },
    busy() {
      busy?.inc();
    },
    unavailable(error) {
      failures?.inc();
      logger.error({ err: error }, 'event log unavailable');
    },
    noticeFailed(error) {
      if (warned) return;
      warned = true;
      logger.warn({ err: error }, 'event log: no change notices from the file system, polling only');
    },
  };
}
