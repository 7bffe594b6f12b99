import type { Reason } from './reasons.ts';
import type { Route } from './route.ts';
import type { Target } from './stage.ts';

/** What a table says of a request. */
export interface Matched {
  /** Undefined: no route takes it. */
  readonly route: Route | undefined;
  /** Bodies that routes asked for in vain, then the route. */
  readonly reasons: readonly Reason[];
  /** Where the route sends a request whose body it cannot look into; undefined: it took the request for what it is. */
  readonly to: Target | undefined;
}
