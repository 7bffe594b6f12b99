import type { RunningPart } from '../../../runtime/part.ts';
import type { ClientSide } from '../client-side.ts';
import type { UpstreamConfig } from '../config.ts';
import type { ForwardOutcome, ForwardPlan } from '../forwarder.ts';
import { Connections } from './connections.ts';
import { startHealthCheck } from './health-check.ts';
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
  readonly #ports: TargetsPorts;
  readonly #targets = new Map<UpstreamConfig, Target>();
  readonly #checks = new Map<UpstreamConfig, RunningPart>();

  constructor(ports: TargetsPorts) {
    this.#ports = ports;
  }

  /** Adds an upstream, and begins to check it when it says how. Throws when a file that its `tls` names cannot be read. */
  open(upstream: UpstreamConfig): void {
    const { telemetry, now } = this.#ports;
    const target = new Target(upstream, now, telemetry);
    const connections = new Connections(upstream);
    if (upstream.health) this.#check(upstream, upstream.health, target, connections);
    this.#targets.set(upstream, target);
    if (upstream.tls?.verify === false) telemetry.unverified(upstream.name, upstream.origin);
  }

  /** Forgets an upstream that no request will be forwarded to any more. */
  close(upstream: UpstreamConfig): void {
    this.#targets.delete(upstream);
    void this.#checks.get(upstream)?.stop();
    this.#checks.delete(upstream);
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

  #check(
    upstream: UpstreamConfig,
    health: NonNullable<UpstreamConfig['health']>,
    target: Target,
    connections: Connections,
  ): void {
    const check = startHealthCheck(connections, upstream.authority, health, (result) => target.checked(result));
    this.#checks.set(upstream, {
      async stop() {
        check.stop();
        connections.stop();
      },
    });
  }
}
