import type { RequestFacts } from './decision.ts';
import type { ParsedTarget } from './request-target.ts';

/** What predicates look at: the facts, and the target taken apart once. */
export interface MatchInput {
  readonly facts: RequestFacts;
  readonly target: ParsedTarget;
}

/** One condition of a route, compiled. */
export interface Predicate {
  /** The condition in one spelling: two predicates with the same text accept the same requests. */
  readonly text: string;
  test(input: MatchInput): boolean;
}
