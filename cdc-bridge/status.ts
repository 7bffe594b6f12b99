import type { Coverage, CoverageEntry } from './coverage.ts';
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
  /** For how long a Debezium has sent nothing, when that is too long. */
  readonly connectorSilentMs?: number;
  /** Everything up to here is on the log; absent until streaming begins. */
  readonly position?: string;
  /** The binlog's end; absent while the database is away. */
  readonly head?: string;
  /** How many transactions are between the two. */
  readonly lagTransactions?: number;
  /** 0 when nothing waits; else the age of the newest change that has passed. */
  readonly lagMs?: number;
  readonly address: string;
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
  /** For how long a Debezium has sent nothing, not even a heartbeat, when that is too long: its connector's task has stopped, or its worker. */
  connectorSilentMs?: number;
}

export function bridgeStatus(
  name: string,
  condition: Condition,
  { progress, coverage, parked }: { progress: Progress; coverage: Coverage; parked: ParkedChanges },
  head: string | undefined,
  now: number,
): BridgeStatus {
  const { position, address, events, snapshot } = progress;
  return {
    name,
    ...condition,
    ...(position === undefined ? {} : { position }),
    ...(head === undefined ? {} : { head, ...lag(progress, head, now) }),
    address,
    ...(snapshot ? { snapshot } : {}),
    events,
    coverage: coverage.entries(),
    parked: { count: parked.count, streams: parked.streams(), changes: parked.list(shownParked) },
  };
}

function lag(progress: Progress, head: string, now: number): { lagTransactions?: number; lagMs?: number } {
  const lagTransactions = progress.missing(head);
  if (lagTransactions === undefined) return {};
  if (lagTransactions === 0) return { lagTransactions, lagMs: 0 };
  const { committedAt } = progress;
  return { lagTransactions, ...(committedAt ? { lagMs: Math.max(0, now - Date.parse(committedAt)) } : {}) };
}
