import type { RequestFacts } from '../routing/decision.ts';

/** A flag's value and the reason for it. */
export interface FlagEvaluation {
  readonly enabled: boolean;
  /** `default strategy`, `unknown flag`, `Unleash unreachable since …, last good copy of …`. */
  readonly reason: string;
  /** Name of the variant that the request gets, of a flag that is on and has some. */
  readonly variant?: string;
}

/** The route a flag is asked for; a route's plan has this shape. */
export interface FlagRoute {
  readonly name: string;
  readonly capability: string;
}

/** How a source stands: `fresh`: in contact; `stale`: serving the last good copy; `empty`: nothing known, all flags off. */
export interface FlagSourceStatus {
  readonly kind: 'fresh' | 'stale' | 'empty';
  /** ISO 8601 in UTC. */
  readonly since: string;
  readonly detail: string;
}

/**
 * Who decides what a flag says for a request. Evaluation is always local and synchronous (unleash-client), never a network call.
 * The Unleash context is userId = the recognised user or else the assignment key, sessionId = the assignment key,
 * remoteAddress, and properties `route`, `capability`.
 */
export interface FlagSource {
  evaluate(flag: string, facts: RequestFacts, route?: FlagRoute): FlagEvaluation;
  status(): FlagSourceStatus;
  stop(): Promise<void>;
}
