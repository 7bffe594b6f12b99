import { methodsOf } from './contender.ts';
import { pathShape } from './path-template.ts';
import { compareRanks, rankOf } from './rank.ts';
import type { Route, RouteMatch } from './route.ts';

/** Two routes, the earlier in the configuration first. */
export type RoutePair = readonly [earlier: Route, later: Route];

/** Pairs of routes with identical conditions: neither could ever be preferred. */
export function duplicateRoutes(routes: readonly Route[]): RoutePair[] {
  const seen = new Map<string, Route>();
  return routes.flatMap((route): RoutePair[] => {
    const identity = identityOf(route.match);
    const earlier = seen.get(identity);
    if (!earlier) seen.set(identity, route);
    return earlier ? [[earlier, route]] : [];
  });
}

/**
 * Pairs of routes that are equally specific and can both match one request, so that their order decides. Not those with identical
 * conditions. Two routes of equal rank can only meet on one request when they share a host and the shape of their path, so only such are compared.
 */
export function equallySpecificRoutes(routes: readonly Route[]): RoutePair[] {
  const pairs = [...groupByPlace(routes).values()].flatMap(pairsWithin);
  return pairs.filter(
    ([one, other], index) => index === pairs.findIndex((pair) => pair[0] === one && pair[1] === other),
  );
}

/** A route at one of its hosts. */
interface Placed {
  readonly route: Route;
  readonly host: string | undefined;
}

function groupByPlace(routes: readonly Route[]): Map<string, Placed[]> {
  const groups = new Map<string, Placed[]>();
  for (const route of routes) {
    const { hosts, path } = route.match;
    for (const host of hosts.length > 0 ? new Set(hosts) : [undefined]) {
      const place = `${host ?? ''}${pathShape(path)}`;
      const group = groups.get(place);
      if (group) group.push({ route, host });
      else groups.set(place, [{ route, host }]);
    }
  }
  return groups;
}

function pairsWithin(group: readonly Placed[]): RoutePair[] {
  return group.flatMap(({ route, host }, index) =>
    group
      .slice(index + 1)
      .filter((later) => canMeet(route.match, later.route.match, host))
      .map((later): RoutePair => [route, later.route]),
  );
}

function canMeet(one: RouteMatch, other: RouteMatch, host: string | undefined): boolean {
  return (
    compareRanks(rankOf(one, host), rankOf(other, host)) === 0 &&
    shareMethod(one, other) &&
    agree(lowerNames(one.headers), lowerNames(other.headers)) &&
    agree(one.cookies, other.cookies) &&
    agree(one.query, other.query) &&
    bodiesCanMeet(one.body, other.body) &&
    shareClient(one, other) &&
    identityOf(one) !== identityOf(other)
  );
}

function shareMethod(one: RouteMatch, other: RouteMatch): boolean {
  const [mine, others] = [methodsOf(one), methodsOf(other)];
  return !mine || !others || [...mine].some((method) => others.has(method));
}

/** No field is to have one value here and another there. */
function agree(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  return Object.entries(one).every(([name, value]) => !(name in other) || other[name] === value);
}

/** One body is JSON or a form, never both. */
function bodiesCanMeet(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  const places = [...Object.keys(one), ...Object.keys(other)];
  const pointers = places.filter((place) => place.startsWith('/'));
  return agree(one, other) && (pointers.length === 0 || pointers.length === places.length);
}

function shareClient({ clients }: RouteMatch, other: RouteMatch): boolean {
  if (clients.length === 0 || other.clients.length === 0) return true;
  return clients.some((block) => other.clients.some((another) => block.meets(another)));
}

function lowerNames(fields: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name.toLowerCase(), value]));
}

/** A match in one spelling: two with the same text take the same requests. */
function identityOf(match: RouteMatch): string {
  const { hosts, path, headers, cookies, query, body, clients } = match;
  const fields = [lowerNames(headers), cookies, query, body].map((record) => Object.entries(record).sort());
  const methods = [...(methodsOf(match) ?? [])].sort();
  const blocks = clients.map(({ text }) => text).sort();
  return JSON.stringify([pathShape(path), [...new Set(hosts)].sort(), methods, ...fields, blocks]);
}
