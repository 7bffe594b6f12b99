import type { Logger } from '../../runtime/logger.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { Evidence } from '../evidence/evidence.ts';
import type { DescribedRequest, ExplainedRequest } from '../explain.ts';
import type { Flags } from '../flags/flag-uses.ts';
import type { TargetStatus } from '../forwarding/upstreams/target.ts';
import type { IdentityTrouble } from '../identity/opened-source.ts';
import type { Journal } from '../journal/journal.ts';
import type { ConfigurationStatus, ReloadOutcome } from '../reload/configuration.ts';
import type { Stage, Target } from '../routing/stage.ts';
import type { ShadowStatus } from '../shadow/shadow.ts';
import type { Workers } from '../workers/workers.ts';

/** A route as the plan has it and as it stands. */
export interface RouteView {
  readonly name: string;
  readonly capability: string;
  /** `GET /shipments/{id}` */
  readonly match: string;
  /** Stages of its rollout in order; empty: no stage. */
  readonly steps: readonly Stage[];
  /** Where it stands; undefined: no stage. */
  readonly stage: Stage | undefined;
  /** The side that it is pinned to, whatever else is said. */
  readonly serve: Target | undefined;
  /** The entries of its split, one line each. */
  readonly split: readonly string[];
  /** Requests by the side that answered, since the start. */
  readonly requests: { readonly legacy: number; readonly new: number };
}

/** What the admin API shows and changes. */
export interface AdminPorts {
  readonly token: string;
  readonly journal: Journal;
  readonly flags: Flags;
  /** URL of the real Unleash that keeps the flags; undefined: they are built in and served to Unleash SDKs here. */
  readonly unleashUrl: string | undefined;
  /** Names of the flags that splits ask for. */
  readonly flagsInUse: () => readonly string[];
  readonly evidence: Evidence;
  readonly shadows: () => readonly ShadowStatus[];
  readonly targets: () => readonly TargetStatus[];
  readonly routes: () => readonly RouteView[];
  readonly explain: (request: DescribedRequest) => Promise<ExplainedRequest>;
  readonly identityTroubles: () => readonly IdentityTrouble[];
  /** Undefined: the configuration cannot be read again. */
  readonly reloading: { readonly status: ConfigurationStatus; reload(): Promise<ReloadOutcome> } | undefined;
  /** The gateway is stopping: no more requests should come. */
  readonly draining: () => boolean;
  /** Who serves in place of this process; none: it serves itself. */
  readonly workers: Workers;
  readonly bypass: { readonly active: boolean; set(on: boolean, by?: string): void };
  readonly metrics: Metrics;
  readonly logger: Logger;
}
