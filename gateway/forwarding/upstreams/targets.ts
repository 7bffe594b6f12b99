import type { ClientSide } from '../client-side.ts';
import type { UpstreamConfig } from '../config.ts';
import type { ForwardOutcome, ForwardPlan } from '../forwarder.ts';
import { Connections } from './connections.ts';
import { type RunningCheck, startHealthCheck } from './health-check.ts';
import { Target, type TargetStatus } from './target.ts';
import type { TargetsTelemetry } from './targets-telemetry.ts';

/** What targets stand on. */
export interface TargetsPorts {
  readonly telemetry: TargetsTelemetry;
  /** Milliseconds of a clock that does not jump. */
  readonly now: () => number;
}

/** The upstreams that requests are forwarded to, each with its breaker, limits and health. */
export class Targets {
  readonly #targets = new Map<UpstreamConfig, Target>();
  readonly #checks: RunningCheck[] = [];
  readonly #connections: Connections[] = [];

  /** Begins to check those that say how. Throws when a file that an upstream's `tls` names cannot be read. */
  constructor(upstreams: readonly UpstreamConfig[], { telemetry, now }: TargetsPorts) {
    for (const upstream of upstreams) {
      const target = new Target(upstream, now, telemetry);
      this.#targets.set(upstream, target);
      if (upstream.tls?.verify === false) telemetry.unverified(upstream.name, upstream.origin);
      if (upstream.health) this.#check(upstream, upstream.health, target);
    }
  }

  /** Forwards a request as the target of its plan allows. Never rejects. */
  forward(client: ClientSide, plan: ForwardPlan): Promise<ForwardOutcome> {
    const target = this.#targets.get(plan.upstream);
    if (!target) throw new Error(`found a plan for ${plan.upstream.origin}, which is no target of this gateway`);
    return target.forward(client, plan);
  }

  status(): TargetStatus[] {
    return [...this.#targets.values()].map((target) => target.status());
  }

  /** Ends the checks. */
  async stop(): Promise<void> {
    for (const check of this.#checks) check.stop();
    for (const connections of this.#connections) connections.stop();
  }

  #check(upstream: UpstreamConfig, health: NonNullable<UpstreamConfig['health']>, target: Target): void {
    const connections = new Connections(upstream);
    this.#connections.push(connections);
    this.#checks.push(startHealthCheck(connections, upstream.authority, health, (result) => target.checked(result)));
  }
}
