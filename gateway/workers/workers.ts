import type { MetricSamples } from '../../runtime/metrics.ts';
import type { RequestCounts } from '../accounting/request-metrics.ts';
import type { Degradation } from '../degradation.ts';
import type { Sample } from '../evidence/samples.ts';
import type { Tally } from '../evidence/tally.ts';
import type { FlagUse } from '../flags/flag-uses.ts';
import type { TargetStatus } from '../forwarding/upstreams/target.ts';
import type { ReadConfiguration } from '../reload/configuration.ts';
import type { ShadowStatus } from '../shadow/shadow.ts';

/** How one process that serves requests is. Plain values: it goes from process to process. */
export interface WorkerReport {
  /** By route, since its start. */
  readonly requests: Readonly<Record<string, RequestCounts>>;
  readonly targets: readonly TargetStatus[];
  readonly shadows: readonly ShadowStatus[];
  readonly degraded: readonly Degradation[];
  /** By flag, since its start. */
  readonly uses: Readonly<Record<string, FlagUse>>;
  /** By route: what was compared and is not on the log yet. */
  readonly tallies: Readonly<Record<string, Tally>>;
}

/** What workers can be asked for. */
export interface WorkerAnswers {
  readonly report: WorkerReport;
  readonly metrics: readonly MetricSamples[];
  readonly samples: readonly Sample[];
}

export type WorkerQuestion = keyof WorkerAnswers;

/** What workers are told to do. */
export type WorkerOrder =
  | { readonly kind: 'bypass'; readonly on: boolean; readonly by: string }
  | { readonly kind: 'configuration'; readonly written: ReadConfiguration['written'] }
  | { readonly kind: 'reopen-logs' }
  | { readonly kind: 'reload-certificates' }
  /** Send what was counted to the log now. */
  | { readonly kind: 'flush-evidence' }
  /** A client wrote through another worker: its next reads may come here. */
  | { readonly kind: 'client-wrote'; readonly client: string; readonly waitMs: number }
  /** The log has another event of stages and flags: nobody needs to wait for its notice. */
  | { readonly kind: 'look-at-log' };

/** One of the processes that serve requests. */
export interface WorkerStatus {
  /** From 1. */
  readonly worker: number;
  /** Undefined while it waits to be started again. */
  readonly pid: number | undefined;
  readonly state: 'starting' | 'serving' | 'ended';
  /** ISO 8601 in UTC. */
  readonly since: string;
  /** How often it was started again. */
  readonly restarts: number;
  /** How it ended last, where it did. */
  readonly detail?: string;
}

/** The processes that serve requests where it is not this one, as the one that leads them sees them. */
export interface Workers {
  /** What each says that answers within a second. Never rejects. */
  ask<Question extends WorkerQuestion>(question: Question): Promise<readonly WorkerAnswers[Question][]>;
  /**
   * Resolves when all have done it. One that has not in time, or could not, is ended and started again: it begins with the configuration and the
   * bypass of that moment. Never rejects.
   */
  tell(order: WorkerOrder): Promise<void>;
  status(): readonly WorkerStatus[];
}

/** Workers that can be started. */
export interface WorkerCrew extends Workers {
  /** Starts all of them; resolves with the public URL when they serve. Rejects with what the first says that cannot. */
  start(beginning: { readonly bypassed: () => boolean }): Promise<string>;
  /** Resolves when all have finished what they had and ended. */
  stop(): Promise<void>;
}

/** This process serves alone. */
export const noWorkers: Workers = {
  ask: async () => [],
  tell: async () => {},
  status: () => [],
};
