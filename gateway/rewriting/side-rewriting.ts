import type { Route } from '../routing/route.ts';
import type { RewritingRules } from './config.ts';
import type { Naming } from './naming.ts';

/** What a request to one side and its answer are rewritten by. */
export interface SideRewriting {
  readonly naming: Naming;
  readonly rules: RewritingRules;
  /** The application sees its own Host: what the client says of the public site has to agree with it. */
  readonly hostRewritten: boolean;
  /** Routes whose paths are others on this side, the one that took the request first; empty where all are the same. */
  readonly routes: readonly Pick<Route, 'match' | 'rewrite'>[];
}

/** The rules with a route's own word about bodies: undefined: none, false: no body, else which. */
export function rulesOfRoute(rules: RewritingRules, bodies: Route['rewriteBodies']): RewritingRules {
  return bodies === undefined ? rules : { ...rules, bodies: bodies || undefined };
}
