import type { RequestFacts } from '../routing/decision.ts';
import type { FlagRoute } from './flag-source.ts';

/** What the gateway calls itself in contexts and reports. */
export const appName = 'strangler-gateway';
/** What unleash-client calls an environment that nobody named. */
const environment = 'default';

/** Whether something is so for a request. Throws nothing. */
export type Predicate = (facts: RequestFacts, route: FlagRoute | undefined) => boolean;

/** The value of one field of the Unleash context, or undefined when this request has none. */
export type ReadField = (facts: RequestFacts, route: FlagRoute | undefined) => string | undefined;

/** Who the flag is asked for: the recognised user, or else the assignment key, which is not made unless it is needed. */
const userId: ReadField = (facts) => facts.user ?? facts.assignmentKey;
const sessionId: ReadField = (facts) => facts.assignmentKey;
const absent: ReadField = () => undefined;

const fields: ReadonlyMap<string, ReadField> = new Map<string, ReadField>([
  ['userId', userId],
  ['sessionId', sessionId],
  ['remoteAddress', ({ clientAddress }) => clientAddress],
  ['route', (_, route) => route?.name],
  ['capability', (_, route) => route?.capability],
  ['appName', () => appName],
  ['environment', () => environment],
]);
/** Fields that every request has. A value that sticks to another one may be left to chance. */
const everPresent: ReadonlySet<string> = new Set(['userId', 'sessionId', 'appName', 'environment']);

/**
 * What Unleash's stickiness `default` sticks to. A request always has a user or an assignment key: what Unleash would then leave to chance
 * never comes.
 */
export const stickyByDefault: ReadField = (facts) => facts.user || facts.assignmentKey;

/** Whether every request has this field. */
export function isEverPresent(field: unknown): boolean {
  return typeof field === 'string' && everPresent.has(field);
}

/**
 * How a field is read; undefined for one that is not text: `properties`, `currentTime`, or what is no name at all. A name that every
 * object inherits something for, such as `constructor`, is like any other that no request has.
 */
export function readerOf(field: unknown): ReadField | undefined {
  if (typeof field !== 'string' || field === 'properties' || field === 'currentTime') return undefined;
  return fields.get(field) ?? absent;
}

/** Own members that hide what objects inherit: unleash-client reads context fields by the names that a flag's definition gives. */
const nothingInherited: Readonly<Record<string, undefined>> = Object.freeze(
  Object.fromEntries(Object.getOwnPropertyNames(Object.prototype).map((name) => [name, undefined])),
);

/** The Unleash context of a request, with the same fields as `readerOf` reads. */
export function contextOf(facts: RequestFacts, route: FlagRoute | undefined) {
  return {
    ...nothingInherited,
    appName,
    environment,
    userId: userId(facts, route),
    sessionId: facts.assignmentKey,
    remoteAddress: facts.clientAddress,
    currentTime: facts.time,
    properties: { ...nothingInherited, route: route?.name, capability: route?.capability },
  };
}
