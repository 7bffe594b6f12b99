import type { Logger } from '../../runtime/logger.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { RunningPart } from '../../runtime/part.ts';
import type { GatewayError } from '../errors.ts';
import { createAccessLine } from './access-line.ts';
import { AccessLog } from './access-log.ts';
import { type AccountingTelemetry, accountingTelemetry } from './accounting-telemetry.ts';
import type { AccessLogConfig, AccountingConfig } from './config.ts';
import { createUserHash } from './hashes.ts';
import { LogFile } from './log-file.ts';
import { type RefusedEnd, recordRefused, recordServed, type ServedEnd } from './record-request.ts';
import { createRequestIds, type RequestIds } from './request-ids.ts';
import { type RequestCounts, RequestMetrics } from './request-metrics.ts';
import type { RequestRecord } from './request-record.ts';
import { recordSpan, type Tracing } from './request-span.ts';
import { openStandardOutput } from './standard-output.ts';
import { noSampling } from './trace.ts';

/** What accounting stands on. */
export interface AccountingPorts {
  readonly config: AccountingConfig;
  /** Keys the hash that stands for a user. */
  readonly secret: string;
  /** Undefined: no spans are recorded. */
  readonly tracing: Tracing | undefined;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Tells what every request came to: a line in the access log, counters, and a span when it is sampled. */
export interface Accounting extends RunningPart {
  /** Names requests, and decides which are sampled. */
  readonly ids: RequestIds;
  /** A request that a side was asked for has ended. Never throws, never waits. */
  served(end: ServedEnd): void;
  /** The gateway answered a request itself; what is not known of it may be left out. Never throws, never waits. */
  refused(error: GatewayError, known?: Partial<Omit<RefusedEnd, 'error'>>): void;
  /** Requests of a route by the side that answered, since the start. */
  countsOf(route: string): RequestCounts;
  /** The log's file was moved away: lines from now on go to a new one. */
  reopenLog(): Promise<void>;
}

/** Starts accounting. A log that cannot be opened is told and tried again; requests are served meanwhile. */
export async function startAccounting({
  config,
  secret,
  tracing,
  logger,
  metrics,
}: AccountingPorts): Promise<Accounting> {
  const telemetry = accountingTelemetry(logger, metrics, () => log?.counts ?? { written: 0, dropped: 0 });
  const log = config.accessLog && openAccessLog(config.accessLog, telemetry);
  const line = createAccessLine({ query: config.accessLog?.query ?? false, userHash: createUserHash(secret) });
  const requests = new RequestMetrics(metrics);
  await log?.reopen();

  const account = (record: RequestRecord) => {
    if (record.side !== undefined && record.outcome !== 'refused') {
      requests.count(record.route ?? 'none', record.side, record.outcome, record.status, record.durationMs);
    }
    log?.append(line(record));
    if (tracing && record.trace.sampled) recordSpan(tracing, record);
  };
  const safely = (make: (now: number, epochMs: number) => RequestRecord) => {
    try {
      account(make(performance.now(), Date.now()));
    } catch (error) {
      telemetry.accountingFailed(error);
    }
  };
  const { telemetry: exported } = config;
  const ids = createRequestIds(exported ? { percent: exported.samplePercent, follow: exported.follow } : noSampling);
  return {
    ids,
    served: (end) => safely((now, epochMs) => recordServed(end, now, epochMs)),
    refused: (error, known) =>
      safely((now, epochMs) => {
        const unknown = { startedAt: now, requestId: ids.requestId(), trace: ids.trace(undefined, false), head: {} };
        return recordRefused({ ...unknown, ...known, error }, now, epochMs);
      }),
    countsOf: (route) => requests.countsOf(route),
    reopenLog: async () => log?.reopen(),
    stop: async () => log?.stop(),
  };
}

function openAccessLog({ file, rotate, bufferBytes }: AccessLogConfig, events: AccountingTelemetry): AccessLog {
  const destination =
    file === '-'
      ? openStandardOutput()
      : new LogFile({ path: file, rotation: rotate, rotationFailed: events.rotationFailed });
  return new AccessLog({ destination, bufferBytes, events, droppedLine });
}

function droppedLine(lines: number): string {
  return `${JSON.stringify({ time: new Date().toISOString(), event: 'lines-dropped', lines })}\n`;
}
