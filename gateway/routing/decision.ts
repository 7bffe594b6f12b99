import type { Reason } from './reasons.ts';
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
  /** The moment to decide for, where somebody asks about another than now. Flags with a constraint on time look at it, nothing else does. */
  readonly time?: Date;
  /** Why this client stays on the new side of a capability though a percentage or a flag would not send it there any more. */
  heldOnNew?(capability: string): string | undefined;
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
  /** In the order taken, as facts: `reasonCode` and `reasonText` put them into words. */
  readonly reasons: readonly Reason[];
}
