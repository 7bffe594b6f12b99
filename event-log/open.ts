import type { EventLog } from '../contract/event-log.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { parseLogUrl } from './log-url.ts';
import { openSqliteLog } from './sqlite/sqlite-log.ts';
import { logTelemetry } from './telemetry.ts';

/** What a log is given from outside; each has a default. */
export interface OpenLogOptions {
  readonly logger?: Logger;
  readonly metrics?: Metrics;
  /** The clock behind `recordedAt`. */
  readonly now?: () => Date;
  /** How long an operation is tried again while another process holds the lock; then `log-unavailable`. Default 5,000. */
  readonly busyTimeoutMs?: number;
}

/**
 * Opens the log at `sqlite:PATH`, creating file and directories when missing; any number of processes may hold it.
 * Throws a RangeError for any other URL, and LogError `log-format-newer`, `not-a-log` or `log-unavailable`.
 */
export function openLog(url: string, options: OpenLogOptions = {}): EventLog {
  const { logger, metrics, now = () => new Date(), busyTimeoutMs = 5_000 } = options;
  return openSqliteLog(parseLogUrl(url).path, { now, busyTimeoutMs, telemetry: logTelemetry(logger, metrics) });
}
