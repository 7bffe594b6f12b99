import type { Coverage, CoverageEntry } from './coverage.ts';
import type { GenerationInUse } from './generations/generation-in-use.ts';
import type { PurgeDistance } from './health/kept-binlog.ts';
import type { StreamCounts, StreamStatus } from './health/stream-counts.ts';
import type { Held } from './lease/another-bridge.ts';
import type { ParkedChange } from './parking/parked-change.ts';
import type { ParkedChanges } from './parking/parked-changes.ts';
import type { Progress, SnapshotState } from './positions/progress.ts';

export type Phase = 'starting' | 'standby' | 'snapshot' | 'connecting' | 'streaming' | 'stopped';

/** What `GET /status` and `strangler cdc status` show. */
export interface BridgeStatus {
  readonly name: string;
  readonly phase: Phase;
  /** Why it stopped, when it stopped loudly. */
  readonly failure?: string;
  /** What the operator should do about it. */
  readonly remedy?: string | undefined;
  /** In phase `standby`: who is at work, and until when that is sure. */
  readonly heldBy?: Held;
  /** Once it is at work: the generation of streams it appends to. */
  readonly generation?: GenerationInUse;
  /** For how long a Debezium has sent nothing, when that is too long. */
  readonly connectorSilentMs?: number;
  /** Everything up to here is on the log; absent until streaming begins. */
  readonly position?: string;
  /** The binlog's end; absent while the database is away. */
  readonly head?: string;
  /** How many transactions are between the two. */
  readonly lagTransactions?: number;
  /** 0 when nothing waits; else the age of the newest transaction that has passed. Absent, as lagTransactions is, where nobody can tell. */
  readonly lagMs?: number;
  readonly address: string;
  readonly stream: StreamStatus;
  /** How long the server still keeps what is not read yet; absent while that is unknown. */
  readonly purge?: PurgeDistance;
  /** Whether rows of mapped tables are still to be imported. */
  readonly isImporting: boolean;
  readonly snapshot?: SnapshotState;
  /** Events appended since the start. */
  readonly events: number;
  readonly coverage: readonly CoverageEntry[];
  readonly parked: {
    readonly count: number;
    readonly streams: readonly string[];
    readonly changes: readonly ParkedChange[];
  };
}

const shownParked = 100;

/** What changes while a bridge runs, beside its positions. */
export interface Condition {
  phase: Phase;
  failure?: string;
  remedy?: string | undefined;
  heldBy?: Held;
  generation?: GenerationInUse;
  /** For how long a Debezium has sent nothing, not even a heartbeat, when that is too long: its connector's task has stopped, or its worker. */
  connectorSilentMs?: number;
  purge?: PurgeDistance;
}

/** Whether changes are coming in. */
export function isConnected(phase: Phase): boolean {
  return phase === 'streaming' || phase === 'snapshot';
}

/** What a status is made of, beside the condition. */
export interface StatusParts {
  readonly progress: Progress;
  readonly coverage: Coverage;
  readonly parked: ParkedChanges;
  readonly counts: StreamCounts;
}

export function bridgeStatus(
  name: string,
  condition: Condition,
  { progress, coverage, parked, counts }: StatusParts,
  head: string | undefined,
  now: number,
): BridgeStatus {
  const { position, address, events, snapshot, isImporting } = progress;
  return {
    name,
    ...condition,
    ...(position === undefined ? {} : { position }),
    ...(head === undefined ? {} : { head, ...lag(condition, progress, head, now) }),
    address,
    stream: counts.shown(now),
    isImporting,
    ...(snapshot ? { snapshot } : {}),
    events,
    coverage: coverage.entries(),
    parked: { count: parked.count, streams: parked.streams(), changes: parked.list(shownParked) },
  };
}

/** Standing still, a bridge whose position the server does not have is not level with it: it lacks whatever the server has instead. */
function lag(
  { phase }: Condition,
  progress: Progress,
  head: string,
  now: number,
): { lagTransactions?: number; lagMs?: number } {
  if (phase === 'stopped' && !progress.isOn(head)) return {};
  const lagTransactions = progress.missing(head);
  if (lagTransactions === undefined) return {};
  const lagMs = progress.ageMs(head, now);
  return { lagTransactions, ...(lagMs !== undefined && { lagMs }) };
}
