import type { EventLog, Keep } from '../contract/event-log.ts';
import type { EventSpans } from '../contract/event-spans.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { RunningPart } from '../runtime/part.ts';
import type { BridgeConfig } from './config.ts';
import { Coverage } from './coverage.ts';
import { remedyOf } from './errors.ts';
import { generationInUse } from './generations/generation-in-use.ts';
import { debeziumMetrics } from './health/debezium-metrics.ts';
import { registerHealthMetrics } from './health/health-metrics.ts';
import { watchPurge } from './health/purge-watch.ts';
import { StreamCounts } from './health/stream-counts.ts';
import { tracedLog } from './health/traced-log.ts';
import { serveBridge } from './http.ts';
import { KnownRows } from './known-rows/known-rows.ts';
import type { Held } from './lease/another-bridge.ts';
import { BridgeLease } from './lease/bridge-lease.ts';
import { compileMapping } from './mapping/mapping.ts';
import { RequestGroups } from './mapping/request-groups.ts';
import { followRequests } from './parking/follow-requests.ts';
import { ParkedChanges } from './parking/parked-changes.ts';
import { ParkedRelease } from './parking/release-parked.ts';
import { Turns } from './parking/turns.ts';
import { cursorName, parseCursor } from './positions/cursor.ts';
import { kindOf } from './positions/gtid.ts';
import { coalesced } from './positions/head.ts';
import { Progress, type SnapshotState } from './positions/progress.ts';
import { inspect, isError, refuseErrors } from './preflight/preflight.ts';
import { keepWithin } from './row-changes/keep-within.ts';
import { connectionSettings } from './source/connection-settings.ts';
import { LegacyDatabase } from './source/legacy-database.ts';
import { openSource } from './source/open-source.ts';
import type { OnLost } from './source/reconnecting.ts';
import { type BridgeStatus, bridgeStatus, type Condition } from './status.ts';
import { ChangeWriter } from './streaming/change-writer.ts';
import { compileStepShield } from './streaming/shielded-step.ts';
import { startingPlace } from './streaming/starting-place.ts';
import { streamChanges } from './streaming/stream-changes.ts';
import { bridgeTelemetry, type Telemetry } from './telemetry.ts';
import { together } from './together.ts';

/** What the bridge needs from outside. */
export interface BridgePorts {
  readonly log: EventLog;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Records events as spans of the requests that caused them. */
  readonly spans?: EventSpans | undefined;
  /** Told after each chunk of the initial snapshot. */
  readonly onSnapshot?: (state: SnapshotState) => void;
}

/** A bridge at work. `stop` lets the append under way finish. */
export interface RunningBridge extends RunningPart {
  /** Where /head, /status, /healthz, /readyz, /metrics and /metrics/debezium are served. */
  readonly url: string;
  status(): Promise<BridgeStatus>;
  /** Resolves, never rejects, with the error that stopped the bridge loudly; stays pending otherwise. HTTP goes on answering. */
  readonly failed: Promise<Error>;
}

const defaultPort = 8083;
const defaultLeaseMs = 5_000;

/**
 * Follows a legacy database and appends its row changes as domain events: preflight → binlog, and tables
 * that are not imported yet → mapping → append with the position. Resolves once the database is found fit and HTTP is served; the snapshot runs on.
 * Rejects with BridgeError `preflight-failed` (all problems and their remedies), `legacy-unreachable`, `legacy-refused` or
 * `cursor-unreadable`. A database that does not go with the stored position stops it loudly behind its HTTP, which goes on telling why.
 */
export async function startBridge(config: BridgeConfig, ports: BridgePorts): Promise<RunningBridge> {
  const telemetry = bridgeTelemetry(ports.logger, ports.metrics);
  const database = await LegacyDatabase.connect(connectionSettings(config.database));
  try {
    const problems = await inspect(database, config);
    refuseErrors(problems);
    for (const problem of problems) if (!isError(problem)) telemetry.warned(problem);
    return await run(config, ports, database, telemetry);
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Everything that a running bridge is made of. */
interface Parts {
  readonly config: BridgeConfig;
  readonly ports: BridgePorts;
  readonly database: LegacyDatabase;
  readonly telemetry: Telemetry;
  readonly progress: Progress;
  readonly counts: StreamCounts;
  readonly coverage: Coverage;
  readonly parked: ParkedChanges;
  readonly condition: Condition;
}

async function run(
  config: BridgeConfig,
  ports: BridgePorts,
  database: LegacyDatabase,
  telemetry: Telemetry,
): Promise<RunningBridge> {
  const stored = await ports.log.cursor(cursorName(config.name));
  if (stored) parseCursor(stored.value);
  const parts: Parts = {
    config,
    ports,
    database,
    telemetry,
    progress: new Progress(stored?.head ?? { topic: 'domain', partition: 0, offset: 0 }),
    counts: new StreamCounts(),
    coverage: new Coverage(config.tables),
    parked: await ParkedChanges.load(ports.log, config.name),
    condition: { phase: 'starting' },
  };
  const readHead = coalesced(() => database.head(headKind(parts.progress)));
  const status = () => statusOf(parts, readHead);
  registerHealthMetrics(ports.metrics, status);
  const asDebezium = async () => debeziumMetrics(database.identity.flavour, await status());
  const { port = defaultPort, host = '127.0.0.1' } = config;
  const http = await serveBridge(
    {
      progress: parts.progress,
      metrics: ports.metrics,
      asDebezium,
      condition: parts.condition,
      head: readHead,
      status,
    },
    { port, host },
  );
  telemetry.started(stored?.value ?? 'none yet', http.url);
  const { work, failed, abort } = begin(parts);
  const stop = async () => {
    abort();
    await work;
    parts.condition.phase = 'stopped';
    await http.stop();
    await database.close();
    telemetry.stopped(parts.progress.position);
  };
  let stopped: Promise<void> | undefined;
  return { url: http.url, status, failed, stop: () => (stopped ??= stop()) };
}

/** Sets the work going; `work` settles when it has ended, however it did. */
function begin(parts: Parts): { work: Promise<void>; failed: Promise<Error>; abort: () => void } {
  const stopping = new AbortController();
  let fail!: (error: Error) => void;
  const failed = new Promise<Error>((resolve) => {
    fail = resolve;
  });
  const work = lead(parts, stopping.signal).catch((error: Error) => {
    parts.condition.phase = 'stopped';
    parts.condition.failure = error.message;
    parts.condition.remedy = remedyOf(error);
    parts.telemetry.stoppedLoudly(error);
    fail(error);
  });
  return {
    work: Promise.all([work, watch(parts, stopping.signal)]).then(() => {}),
    failed,
    abort: () => stopping.abort(),
  };
}

/** Also of a bridge that stands still: its position comes nearer to the purge then. Behind topics that is a matter of the connector's. */
async function watch({ config, database, progress, condition, telemetry }: Parts, signal: AbortSignal): Promise<void> {
  if (config.database.topics) return;
  const looked = (distance: Condition['purge']) => {
    if (distance) condition.purge = distance;
    else delete condition.purge;
  };
  const { purgeNear: alarmed, purgeFar: relieved, purgeUnknown: unknown } = telemetry;
  await watchPurge({ database, progress, looked, alarmed, relieved, unknown }, signal);
}

/** Waits for its turn among bridges of this name, then writes, and nobody else does, until `signal` aborts. */
async function lead(parts: Parts, signal: AbortSignal): Promise<void> {
  const { config, ports, telemetry, condition, parked } = parts;
  const { name: bridge, leaseMs: ttlMs = defaultLeaseMs } = config;
  const standby = (heldBy: Held) => {
    if (condition.phase !== 'standby') telemetry.standingBy(heldBy);
    condition.phase = 'standby';
    condition.heldBy = heldBy;
  };
  const lease = await BridgeLease.take({ log: ports.log, bridge, ttlMs, telemetry }, standby, signal);
  if (!lease) return;
  delete condition.heldBy;
  const log = ports.spans ? tracedLog(lease.log, ports.spans) : lease.log;
  try {
    await parked.catchUp(lease.log);
    telemetry.parkedAtStart(parked.count);
    condition.generation = await generationInUse(lease.log, config, telemetry);
    await together(
      signal,
      (inner) => lease.keep(inner),
      (inner) => follow(parts, log, inner),
    );
  } finally {
    await lease.release();
  }
}

/** The way of a row change: out of the binlog for as long as the bridge runs, and out of the tables themselves until they are imported. */
async function follow(parts: Parts, log: EventLog, signal: AbortSignal): Promise<void> {
  const { config, ports, database, telemetry, progress, counts, coverage, parked, condition } = parts;
  const { onSnapshot = () => {} } = ports;
  const lost = onLost(parts);
  const from = await startingPlace({ config, database, log, progress, telemetry, onLost: lost }, signal);
  const known = new KnownRows(config.name, config.tables, from.known ?? []);
  const mapping = compileMapping(config.tables, config.functions);
  const turns = new Turns();
  const keep = config.database.keepRowChanges;
  const writer = new ChangeWriter({
    bridge: config.name,
    tables: config.tables,
    log,
    shield: compileStepShield(config.tables, config.database.hashKey),
    mapping,
    groups: new RequestGroups(config.name, config.tables, from.groups),
    parked,
    known,
    turns,
    keepRowChanges: keep !== false,
    coverage,
    progress,
    telemetry,
  });
  const release = new ParkedRelease({ log, mapping, parked, progress, telemetry });
  condition.phase = 'connecting';
  telemetry.streaming(from.position);
  const onImported = () => {
    if (condition.phase === 'snapshot') condition.phase = 'streaming';
  };
  const connected = () => {
    condition.phase = progress.isImporting ? 'snapshot' : 'streaming';
  };
  const source = openSource({ config: config.database, database, telemetry, condition, connected, onLost: lost });
  const streaming = { config, server: database.identity, database, source, writer, progress, counts, telemetry };
  const beside = { log, known, parked, turns, onSnapshot, onImported };
  await together(
    signal,
    (inner) => streamChanges({ ...streaming, ...beside }, from, inner),
    (inner) => followRequests({ log, parked, release, turns }, inner),
    (inner) => keepWithin(log, keep === false ? nothing : { bytes: keep.bytes, ageMs: keep.age }, telemetry, inner),
  );
}

/** What is kept where no row changes are to be kept: those of before go as well. */
const nothing: Keep = { bytes: 0, ageMs: 0 };

function onLost({ condition, counts, telemetry }: Parts): OnLost {
  return (error, waitMs) => {
    condition.phase = 'connecting';
    counts.disconnects += 1;
    telemetry.connectionLost(error, waitMs);
  };
}

/** The head is asked for as what it is compared with; before there is a position, as the server prefers. */
function headKind({ position }: Progress): ReturnType<typeof kindOf> | undefined {
  return position === undefined ? undefined : kindOf(position);
}

async function statusOf(parts: Parts, readHead: () => Promise<string>): Promise<BridgeStatus> {
  const head = await readHead().catch(() => undefined);
  return bridgeStatus(parts.config.name, parts.condition, parts, head, Date.now());
}
