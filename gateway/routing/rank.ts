import { hostRank } from './host-pattern.ts';
import { pathRank } from './path-template.ts';
import type { RouteMatch } from './route.ts';

/** How specific a route is for requests of one host: compared from the first member to the last, greater first. */
export interface Rank {
  readonly host: number;
  readonly path: string;
  readonly method: number;
  readonly headers: number;
  readonly cookies: number;
  readonly query: number;
  readonly body: number;
  readonly client: number;
}

/**
 * What ranks are compared by, in this order. Host, path, method, headers and query are the Kubernetes Gateway API's
 * (https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule); cookies count next to headers, which carry them, and body and client,
 * which it does not know, last.
 */
export const criteria = ['host', 'path', 'method', 'headers', 'cookies', 'query', 'body', 'client'] as const;

export type Criterion = (typeof criteria)[number];

/** The rank of a match for requests that fit `host`, one of its hosts; undefined: it names none. */
export function rankOf(match: RouteMatch, host: string | undefined): Rank {
  const { methods, path, headers, cookies, query, body, clients } = match;
  return {
    host: hostRank(host),
    path: pathRank(path),
    method: methods.length > 0 ? 1 : 0,
    headers: Object.keys(headers).length,
    cookies: Object.keys(cookies).length,
    query: Object.keys(query).length,
    body: Object.keys(body).length,
    client: clients.length > 0 ? 1 : 0,
  };
}

/** The first criterion in which two ranks differ; undefined when they are equal. */
export function decidingCriterion(one: Rank, other: Rank): Criterion | undefined {
  return criteria.find((criterion) => one[criterion] !== other[criterion]);
}

/** Orders greater ranks first; 0 for equal ones. */
export function compareRanks(one: Rank, other: Rank): number {
  const criterion = decidingCriterion(one, other);
  if (criterion === undefined) return 0;
  return one[criterion] > other[criterion] ? -1 : 1;
}
