import { methodsOf } from './contender.ts';
import { pathShape } from './path-template.ts';
import { rankOf } from './rank.ts';
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
 * conditions. Two routes of equal rank can only meet on one request when they share a host and the shape of their path; those that ask for the same
 * names only when they ask for the same values. So thousands of routes on one path, each for its own value of a header, cost little.
 */
export function equallySpecificRoutes(routes: readonly Route[]): RoutePair[] {
  const places = groupBy(routes.flatMap(placesOf), ({ place }) => place);
  const meeting = new Map<Route, Set<Route>>();
  for (const [earlier, later] of places.flatMap(pairsAtPlace)) {
    const known = meeting.get(earlier);
    if (known) known.add(later);
    else meeting.set(earlier, new Set([later]));
  }
  return [...meeting].flatMap(([earlier, laters]) => [...laters].map((later): RoutePair => [earlier, later]));
}

/** A route at one of its hosts. */
interface Placed {
  readonly route: Route;
  readonly order: number;
  /** Host, shape of the path and rank: only routes of one place can meet without one of them being more specific. */
  readonly place: string;
  /** The fields asked for, with and without their values. */
  readonly names: string;
  readonly values: string;
}

function placesOf(route: Route, order: number): Placed[] {
  const { match } = route;
  const fields = fieldsOf(match).map((record) => Object.entries(record).sort());
  const names = JSON.stringify(fields.map((entries) => entries.map(([name]) => name)));
  const values = JSON.stringify(fields);
  const hosts = match.hosts.length > 0 ? [...new Set(match.hosts)] : [undefined];
  return hosts.map((host) => {
    const place = JSON.stringify([host ?? '', pathShape(match.path), rankOf(match, host)]);
    return { route, order, place, names, values };
  });
}

function pairsAtPlace(placed: readonly Placed[]): RoutePair[] {
  const kinds = groupBy(placed, ({ names }) => names);
  const alike = kinds.flatMap((kind) => groupBy(kind, ({ values }) => values).flatMap(pairsWithin));
  const unlike = kinds.flatMap((kind, index) => kinds.slice(index + 1).flatMap((other) => pairsAcross(kind, other)));
  return [...alike, ...unlike].filter(([one, other]) => canMeet(one.match, other.match));
}

function pairsWithin(group: readonly Placed[]): RoutePair[] {
  return group.flatMap((one, index) => group.slice(index + 1).map((other) => inOrder(one, other)));
}

function pairsAcross(group: readonly Placed[], others: readonly Placed[]): RoutePair[] {
  return group.flatMap((one) => others.map((other) => inOrder(one, other)));
}

function inOrder(one: Placed, other: Placed): RoutePair {
  return one.order < other.order ? [one.route, other.route] : [other.route, one.route];
}

/** Whether one request can fulfil both, as far as their rank, host and path allow it. */
function canMeet(one: RouteMatch, other: RouteMatch): boolean {
  return (
    shareMethod(one, other) &&
    agree(lowerNames(one.headers), lowerNames(other.headers)) &&
    agree(one.cookies, other.cookies) &&
    agree(one.query, other.query) &&
    bodiesCanMeet(one.body, other.body) &&
    shareClient(one, other) &&
    identityOf(one) !== identityOf(other)
  );
}

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Item[][] {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return [...groups.values()];
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

function fieldsOf({ headers, cookies, query, body }: RouteMatch) {
  return [lowerNames(headers), cookies, query, body];
}

/** A match in one spelling: two with the same text take the same requests. */
function identityOf(match: RouteMatch): string {
  const { hosts, path, clients } = match;
  const fields = fieldsOf(match).map((record) => Object.entries(record).sort());
  const methods = [...(methodsOf(match) ?? [])].sort();
  const blocks = clients.map(({ text }) => text).sort();
  return JSON.stringify([pathShape(path), [...new Set(hosts)].sort(), methods, ...fields, blocks]);
}
