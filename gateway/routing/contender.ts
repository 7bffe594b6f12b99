import type { Matched } from './matched.ts';
import type { BodyPredicate, Predicate } from './predicate.ts';
import { bodyPredicate } from './predicates/body.ts';
import { clientPredicate } from './predicates/client.ts';
import { cookiePredicate } from './predicates/cookie.ts';
import { headerPredicate } from './predicates/header.ts';
import { queryPredicate } from './predicates/query.ts';
import { type Rank, rankOf } from './rank.ts';
import type { BodyProblem, RequestBody } from './request-body.ts';
import type { Route, RouteMatch } from './route.ts';

/** A route compiled for one of its hosts. */
export interface Contender {
  readonly route: Route;
  /** Its place in the configuration. */
  readonly order: number;
  /** Undefined: any host. */
  readonly host: string | undefined;
  readonly rank: Rank;
  /** Undefined: any method. */
  readonly methods: ReadonlySet<string> | undefined;
  /** Everything but host, path, method and body, cheapest first. */
  readonly predicates: readonly Predicate[];
  readonly body: readonly BodyPredicate[];
  /** What a table says when this route takes a request. */
  readonly matched: Matched;
}

/** A route compiled for each of its hosts, or once for any. */
export function contendersOf(route: Route, order: number): Contender[] {
  const { match } = route;
  const methods = methodsOf(match);
  const predicates = predicatesOf(match);
  const body = fieldPredicates(match.body, bodyPredicate);
  const matched: Matched = { route, reasons: [{ step: 'match', route }], to: undefined };
  const hosts = match.hosts.length > 0 ? [...new Set(match.hosts)] : [undefined];
  return hosts.map((host) => ({ route, order, host, rank: rankOf(match, host), methods, predicates, body, matched }));
}

/** The methods a match takes, undefined for any. GET includes HEAD, which asks for the same answer without its body (RFC 9110 section 9.3.2). */
export function methodsOf({ methods }: RouteMatch): ReadonlySet<string> | undefined {
  if (methods.length === 0) return undefined;
  return new Set(methods.includes('GET') ? [...methods, 'HEAD'] : methods);
}

/** Whether all conditions on the body hold; the first problem when one cannot be asked and none before it fails. */
export function askBody(predicates: readonly BodyPredicate[], body: RequestBody): boolean | BodyProblem {
  for (const predicate of predicates) {
    const answer = predicate.test(body);
    if (answer !== true) return answer;
  }
  return true;
}

/** One more kind of condition is one more line. */
export function predicatesOf(match: RouteMatch): Predicate[] {
  return [
    ...fieldPredicates(match.headers, headerPredicate),
    ...fieldPredicates(match.cookies, cookiePredicate),
    ...fieldPredicates(match.query, queryPredicate),
    ...(match.clients.length > 0 ? [clientPredicate(match.clients)] : []),
  ];
}

function fieldPredicates<Made>(
  fields: Readonly<Record<string, string>>,
  make: (name: string, value: string) => Made,
): Made[] {
  return Object.keys(fields)
    .sort()
    .map((name) => make(name, fields[name]!));
}
