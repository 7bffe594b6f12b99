import type { RequestFacts } from '../routing/decision.ts';

/** A flag's value and the reason for it. */
export interface FlagEvaluation {
  readonly enabled: boolean;
  /** `default strategy`, `unknown flag`, `Unleash unreachable since …, last good copy of …`. */
  readonly reason: string;
}

/**
 * Who decides what a flag says for a request. Evaluation is always local and synchronous (unleash-client), never a network call.
 * The Unleash context is userId = the recognised user or else the assignment key, sessionId = the assignment key,
 * remoteAddress, and properties `route`, `capability`.
 */
export interface FlagSource {
  evaluate(flag: string, facts: RequestFacts): FlagEvaluation;
  /** `fresh`: in contact with the source; `stale`: serving the last good copy; `empty`: nothing known, all flags off. */
  status(): { readonly kind: 'fresh' | 'stale' | 'empty'; readonly since: string; readonly detail: string };
  stop(): Promise<void>;
}
