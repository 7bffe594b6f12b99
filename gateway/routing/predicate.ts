import type { RequestFacts } from './decision.ts';
import type { BodyProblem, RequestBody } from './request-body.ts';
import type { ParsedTarget } from './request-target.ts';

/** What predicates look at: the facts, and the target taken apart once. */
export interface MatchInput {
  readonly facts: RequestFacts;
  readonly target: ParsedTarget;
  /** Undefined: not read yet. */
  readonly body: RequestBody | undefined;
}

/** One condition of a route, compiled. */
export interface Predicate {
  /** The condition in one spelling: two predicates with the same text accept the same requests. */
  readonly text: string;
  test(input: MatchInput): boolean;
}

/** One condition of a route on a field of the body. */
export interface BodyPredicate {
  readonly text: string;
  /** Whether it holds, or why that cannot be said. */
  test(body: RequestBody): boolean | BodyProblem;
}
