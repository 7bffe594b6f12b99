import type { Stage, Target } from './stage.ts';

/** What matching and splitting look at; read once per request from its head. */
export interface RequestFacts {
  readonly method: string;
  /** Host without port, lower case. */
  readonly host: string;
  /** The request target as received, `/shipments/7?x=1`. */
  readonly target: string;
  /** A field's value by its lower-case name; repeated fields joined by `, ` (cookie by `; `). */
  header(lowerName: string): string | undefined;
  /** A cookie's value, percent-decoded where it is decodable; of several with one name the first counts, as in PHP. */
  cookie(name: string): string | undefined;
  readonly clientAddress: string;
  /** The recognised user, or undefined for nobody. */
  readonly user: string | undefined;
  /** The unit that percentages and flags are decided on: opaque, sticky, set once. */
  readonly assignmentKey: string;
}

/** One step of why, in the order taken: `{step: 'split', outcome: 'flag new-shipments is on → new'}`. */
export interface ReasonStep {
  readonly step: 'bypass' | 'match' | 'serve' | 'stage' | 'split' | 'percent' | 'fallback';
  readonly outcome: string;
}

/** Where one request goes and why. */
export interface Decision {
  /** Name of the route, undefined when none matched and legacy answers. */
  readonly route: string | undefined;
  readonly capability: string | undefined;
  readonly stage: Stage | undefined;
  readonly primary: Target;
  /** The side that also gets a copy, after the client is served. Sampling is decided already. */
  readonly shadow: Target | undefined;
  readonly reasons: readonly ReasonStep[];
}
