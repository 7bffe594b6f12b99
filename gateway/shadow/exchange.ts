import type { Observation } from '../comparison/observation.ts';
import type { Decision, RequestFacts } from '../routing/decision.ts';

/** A request that was answered, handed to the shadow after the client is served. */
export interface Exchange {
  readonly facts: RequestFacts;
  readonly decision: Decision;
  /** Header fields in the order received, `[name, value, name, value, …]`, hop-by-hop and strangler-* ones removed. */
  readonly rawHeaders: readonly string[];
  /** What the primary answered. */
  readonly control: Observation;
}

/** Takes exchanges and never disturbs the caller: returns at once, throws nothing, drops (and counts) what its budget has no room for. */
export interface Shadow {
  /** Asked before the body is copied: false when the exchange would be dropped anyway, so that no copy is made. */
  readonly hasRoom: boolean;
  /** Bytes of an answer's body worth keeping for comparison. */
  readonly maxBodyBytes: number;
  offer(exchange: Exchange): void;
  stop(): Promise<void>;
}
