import { matchPath, type PathCaptures, pathRank, pathShape } from './path-template.ts';
import type { MatchInput, Predicate } from './predicate.ts';
import { clientPredicate } from './predicates/client.ts';
import { cookiePredicate } from './predicates/cookie.ts';
import { headerPredicate } from './predicates/header.ts';
import { hostPredicate, hostRank } from './predicates/host.ts';
import { methodPredicate } from './predicates/method.ts';
import { queryPredicate } from './predicates/query.ts';
import type { Route, RouteMatch } from './route.ts';

/** A route that took a request, and what its path's places held. */
export interface RouteHit {
  readonly route: Route;
  readonly captures: PathCaptures;
}

/** All routes, compiled once, never changed. */
export interface RouteTable {
  /** In the order of the configuration. */
  readonly routes: readonly Route[];
  find(name: string): Route | undefined;
  /** The most specific route that takes the request; of equally specific ones the first in the configuration. */
  match(input: MatchInput): RouteHit | undefined;
}

interface CompiledRoute {
  readonly route: Route;
  readonly predicates: readonly Predicate[];
  readonly rank: readonly [host: number, path: string, method: number, fields: number];
}

/** Compiles routes into a table. Duplicates must be ruled out before: see `duplicateRoutes`. */
export function createRouteTable(routes: readonly Route[]): RouteTable {
  const byName = new Map(routes.map((route) => [route.name, route]));
  const ordered = routes.map(compile).sort(byRank);
  const byFirstSegment = indexByFirstSegment(ordered);
  const others = ordered.filter(({ route }) => firstLiteral(route) === undefined);
  return {
    routes,
    find: (name) => byName.get(name),
    match(input) {
      for (const { route, predicates } of byFirstSegment.get(input.target.segments[0]!) ?? others) {
        const captures = matchPath(route.match.path, input.target);
        if (captures && predicates.every((predicate) => predicate.test(input))) return { route, captures };
      }
      return undefined;
    },
  };
}

/** Pairs of routes with identical predicates, earlier first: neither could ever be preferred. */
export function duplicateRoutes(routes: readonly Route[]): [Route, Route][] {
  const seen = new Map<string, Route>();
  return routes.flatMap((route) => {
    const identity = [pathShape(route.match.path), ...predicatesOf(route.match).map(({ text }) => text)].join('\n');
    const earlier = seen.get(identity);
    if (!earlier) seen.set(identity, route);
    return earlier ? [[earlier, route] as [Route, Route]] : [];
  });
}

function compile(route: Route): CompiledRoute {
  const { hosts, methods, path, headers, cookies, query, clients } = route.match;
  const fields = [headers, cookies, query].map((record) => Object.keys(record).length);
  return {
    route,
    predicates: predicatesOf(route.match),
    rank: [
      hostRank(hosts),
      pathRank(path),
      methods.length > 0 ? 1 : 0,
      fields.reduce((sum, count) => sum + count, clients.length > 0 ? 1 : 0),
    ],
  };
}

/** Everything but the path, cheapest first. One more kind of condition is one more line. */
function predicatesOf(match: RouteMatch): Predicate[] {
  const each = (record: Readonly<Record<string, string>>, make: (name: string, value: string) => Predicate) =>
    Object.keys(record)
      .sort()
      .map((name) => make(name, record[name]!));
  return [
    ...(match.methods.length > 0 ? [methodPredicate(match.methods)] : []),
    ...(match.hosts.length > 0 ? [hostPredicate(match.hosts)] : []),
    ...each(match.headers, headerPredicate),
    ...each(match.cookies, cookiePredicate),
    ...each(match.query, queryPredicate),
    ...(match.clients.length > 0 ? [clientPredicate(match.clients)] : []),
  ];
}

/** Greater ranks first; equal ones stay in the order of the configuration, because `sort` is stable. */
function byRank(left: CompiledRoute, right: CompiledRoute): number {
  for (const [index, mine] of left.rank.entries()) {
    const other = right.rank[index]!;
    if (mine !== other) return mine > other ? -1 : 1;
  }
  return 0;
}

function firstLiteral({ match: { path } }: Route): string | undefined {
  const first = path.segments[0];
  return first?.kind === 'literal' ? first.text : undefined;
}

/** Optimization: a request is tried only against routes that begin with its first segment or with a place to fill. */
function indexByFirstSegment(ordered: readonly CompiledRoute[]): Map<string, CompiledRoute[]> {
  const literals = new Set(ordered.map(({ route }) => firstLiteral(route)).filter((text) => text !== undefined));
  return new Map(
    [...literals].map((literal) => [
      literal,
      ordered.filter(({ route }) => [literal, undefined].includes(firstLiteral(route))),
    ]),
  );
}
