import type { Logger } from '../runtime/logger.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { type BridgeError, remedyOf } from './errors.ts';
import type { PurgeDistance } from './health/kept-binlog.ts';
import type { SnapshotAnswer } from './known-rows/snapshot-request.ts';
import type { Held } from './lease/another-bridge.ts';
import type { ParkedChange } from './parking/parked-change.ts';
import type { ParkingAnswer } from './parking/parking-request.ts';
import type { SnapshotState } from './positions/progress.ts';
import type { PreflightProblem } from './preflight/problem.ts';
import type { GivenUp } from './streaming/live-snapshot.ts';

/** What became of a row change. `covered`: the initial snapshot had seen it already. */
export type Outcome = (typeof outcomes)[number];

export const outcomes = ['mapped', 'ignored', 'unmapped', 'parked', 'covered'] as const;

/** One function per thing that happens in the bridge, each writing its log line and its metric together. */
export type Telemetry = ReturnType<typeof bridgeTelemetry>;

export function bridgeTelemetry(logger: Logger, metrics: Metrics) {
  const rows = metrics.counter('strangler_bridge_row_changes_total', 'Row changes read, by what became of them', [
    'table',
    'op',
    'outcome',
  ]);
  const events = metrics.counter('strangler_bridge_events_total', 'Domain events appended');
  const reconnects = metrics.counter('strangler_bridge_reconnects_total', 'Lost connections to the legacy database');
  const parked = metrics.gauge('strangler_bridge_parked', 'Row changes set aside');
  const snapshotRunning = metrics.gauge(
    'strangler_bridge_snapshot_running',
    'SnapshotRunning: 1 while tables are imported',
  );
  const snapshotTables = metrics.gauge('strangler_bridge_snapshot_tables', 'TotalTableCount of the snapshot');
  const snapshotTablesLeft = metrics.gauge(
    'strangler_bridge_snapshot_tables_remaining',
    'RemainingTableCount of the snapshot',
  );
  const snapshotRows = metrics.gauge('strangler_bridge_snapshot_rows', 'RowsScanned by the snapshot');
  const snapshotRowsLeft = metrics.gauge(
    'strangler_bridge_snapshot_rows_remaining',
    'Estimate of the rows that the table being imported still has',
  );
  const snapshotPaused = metrics.gauge(
    'strangler_bridge_snapshot_paused',
    'SnapshotPaused: 1 while the server is busy',
  );
  const snapshotGivenUp = metrics.counter(
    'strangler_bridge_snapshot_chunks_given_up_total',
    'Chunks that had to be read again',
    ['why'],
  );
  return {
    started: (position: string, url: string) => logger.info({ position, url }, 'bridge started'),
    warned: ({ code, message, fix }: PreflightProblem) => logger.warn({ code, fix }, message),
    mappingChanged: (generation: number, rules: readonly string[]) =>
      logger.warn(
        { generation, rules },
        `${rules.length} rules map otherwise than when generation ${generation} of the streams was made: what happened before is told by the old ones; strangler cdc remap tells it by the new`,
      ),
    snapshotStarted(position: string, tables: readonly string[]) {
      snapshotRunning.set(1);
      logger.info({ position, tables }, 'snapshot started');
    },
    snapshotProgress({ tables, tablesDone, rows: rowCount, remainingRows, waitsFor }: SnapshotState) {
      snapshotTables.set(tables);
      snapshotTablesLeft.set(tables - tablesDone);
      snapshotRows.set(rowCount);
      snapshotRowsLeft.set(remainingRows);
      snapshotPaused.set(waitsFor === undefined ? 0 : 1);
      if (waitsFor !== undefined) logger.info({ waitsFor }, 'snapshot waits');
    },
    chunkGivenUp(why: GivenUp) {
      snapshotGivenUp.inc({ why });
      logger.debug({ why }, 'a chunk of the snapshot is read again');
    },
    tablesLeft: (tables: readonly string[]) =>
      logger.warn(
        { tables },
        'tables that were imported are not mapped any more; changes from now on are not followed, and mapping them again will not bring those back',
      ),
    snapshotFinished(rowCount: number) {
      snapshotRunning.set(0);
      logger.info({ rows: rowCount }, 'snapshot finished');
    },
    recheckStarted(request: string, tables: readonly string[]) {
      snapshotRunning.set(1);
      logger.info({ request, tables }, 'differential snapshot started');
    },
    recheckFinished(request: string, answer: SnapshotAnswer, parkedNow: number) {
      snapshotRunning.set(0);
      parked.set(parkedNow);
      logger.info({ request, ...answer }, 'differential snapshot finished');
    },
    skippedToHead: (from: string, position: string, request: string) =>
      logger.warn(
        { from, position, request },
        'what the binlog would have told up to its head is given up; the tables are read again instead',
      ),
    streaming: (position: string) => logger.info({ position }, 'following the binlog'),
    rowChange: (table: string, op: string, outcome: Outcome) => rows.inc({ table, op, outcome }),
    appended: (count: number) => events.inc(count),
    parked({ id, reason, detail, table, streams, transaction }: ParkedChange, total: number) {
      parked.set(total);
      logger.warn({ id, reason, detail, table, streams, transaction }, 'row change parked');
    },
    parkedRequestAnswered(what: 'retry' | 'skip', answer: ParkingAnswer, total: number) {
      parked.set(total);
      logger.info({ what, ...answer }, 'parked row changes: what was asked for is done');
    },
    parkedAtStart(total: number) {
      parked.set(total);
      if (total > 0) logger.warn({ parked: total }, 'row changes are parked from before');
    },
    connectionLost(error: BridgeError, waitMs: number) {
      reconnects.inc();
      logger.warn(
        { code: error.code, waitMs },
        `${error.message}; trying again. When this repeats, look for another reader with the same serverId`,
      );
    },
    topicsAltered: (table: string, losses: readonly string[]) =>
      logger.warn({ table, losses }, 'Debezium alters values of this table before they get here: see docs/debezium.md'),
    connectorSilent: (silentMs: number) =>
      logger.warn(
        { silentMs },
        'the Debezium connector sends nothing, not even heartbeats: look at the state of its task',
      ),
    connectorHeard: () => logger.info({}, 'the Debezium connector sends again'),
    logUnavailable: (message: string, waitMs: number) => logger.warn({ waitMs }, `${message}; trying again`),
    standingBy: ({ holder, until }: Held) =>
      logger.info({ holder, until }, 'another bridge of this name is at work; waiting for it'),
    tookOver: (name: string, epoch: number) => logger.info({ name, epoch }, 'the lease is ours'),
    leaseNotReleased: (message: string) =>
      logger.warn({}, `${message}; the lease was not given back, the next bridge waits until it runs out`),
    purgeNear: (distance: PurgeDistance) =>
      logger.warn(
        distance,
        distance.isPurged
          ? 'the server has purged binlog that the bridge has not read'
          : 'the server will soon purge binlog that the bridge has not read: see to it that the bridge reads on, or raise binlog_expire_logs_seconds',
      ),
    purgeUnknown: (reason: string) =>
      logger.warn({ reason }, 'how long the server keeps its binlog cannot be told now'),
    purgeFar: (distance: PurgeDistance) => logger.info(distance, 'the binlog is kept long enough again'),
    stoppedLoudly: (error: Error & { code?: string }) =>
      logger.error({ code: error.code, err: error.message, remedy: remedyOf(error) }, 'bridge stopped'),
    stopped: (position: string | undefined) => logger.info({ position }, 'bridge stopped on request'),
  };
}
