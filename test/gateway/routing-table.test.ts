import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Hosts } from '../../gateway/identity/host.ts';
import type { RequestFacts } from '../../gateway/routing/decision.ts';
import { parseTarget } from '../../gateway/routing/request-target.ts';
import type { Route } from '../../gateway/routing/route.ts';
import { createRouteTable } from '../../gateway/routing/route-table.ts';
import { factsOf, type WrittenFacts } from './facts.ts';
import { always, decided, routesOf, routingOf } from './routing-of.ts';

const named = (name: string, match: object) => ({ name, match: { path: '/*', ...match } });
const winnerOf = (routes: readonly unknown[], target: string, more: WrittenFacts = {}) =>
  decided(factsOf(target, more), routingOf(routes), always).route;

/**
 * The order of precedence as the Kubernetes Gateway API writes it for an HTTPRouteRule: exact path, longest prefix, method, most headers,
 * most query parameters; and for hostnames: exact, then the longest wildcard. `/a/*` is its PathPrefix `/a`.
 */
const gatewayApi: [why: string, winner: object, loser: object, target: string, more?: WrittenFacts][] = [
  ['an exact path beats a prefix', { path: '/login/oauth' }, { path: '/login/*' }, '/login/oauth'],
  ['a longer prefix beats a shorter', { path: '/api/v2/*' }, { path: '/api/*' }, '/api/v2/users'],
  ['a prefix beats the prefix of everything', { path: '/api/*' }, { path: '/*' }, '/api/users'],
  ['a path beats a method', { path: '/api/*' }, { path: '/*', method: 'GET' }, '/api/x'],
  [
    'a path beats any number of headers',
    { path: '/api/*' },
    { headers: { a: '1', b: '2' } },
    '/api/x',
    { headers: { a: '1', b: '2' } },
  ],
  ['a method beats headers', { method: 'GET' }, { headers: { version: 'two' } }, '/x', { headers: { version: 'two' } }],
  ['a header beats none', { headers: { version: 'two' } }, {}, '/x', { headers: { version: 'two' } }],
  [
    'two headers beat one',
    { headers: { version: 'two', env: 'canary' } },
    { headers: { version: 'two' } },
    '/x',
    { headers: { version: 'two', env: 'canary' } },
  ],
  [
    'one header beats many query parameters',
    { headers: { a: '1' } },
    { query: { b: '1', c: '1' } },
    '/x?b=1&c=1',
    { headers: { a: '1' } },
  ],
  ['two query parameters beat one', { query: { a: '1', b: '1' } }, { query: { a: '1' } }, '/x?a=1&b=1'],
  ['an exact host beats a wildcard', { hosts: ['shop.example'] }, { hosts: ['*.example'], path: '/a' }, '/a'],
  [
    'a longer wildcard beats a shorter',
    { hosts: ['*.eu.example'] },
    { hosts: ['*.example'], path: '/a' },
    '/a',
    { host: 'x.eu.example' },
  ],
  ['a host beats a path', { hosts: ['*.example'] }, { path: '/a' }, '/a'],
];

describe('precedence, as in the Kubernetes Gateway API', () => {
  it.each(gatewayApi)('%s', (_, winner, loser, target, more) => {
    const routes = [named('winner', winner), named('loser', loser)];
    expect(winnerOf(routes, target, more)).toBe('winner');
    expect(winnerOf([...routes].reverse(), target, more)).toBe('winner');
  });

  it('lets cookies count after headers, then the query, the body and the client', () => {
    const routes = [
      named('client', { client: '192.0.2.0/24' }),
      named('body', { body: { '/a': 1 } }),
      named('query', { query: { a: '1' } }),
      named('cookie', { cookies: { a: '1' } }),
      named('header', { headers: { a: '1' } }),
    ];
    const facts = factsOf('/x?a=1', { method: 'POST', headers: { a: '1' }, cookies: { a: '1' } });
    const order = ['header', 'cookie', 'query', 'body', 'client'];
    for (const [index, name] of order.entries()) {
      const left = routes.filter((route) => !order.slice(0, index).includes(route.name));
      expect(decided(facts, routingOf(left), always, { kind: 'json', value: { a: 1 } }).route).toBe(name);
    }
  });

  it('ranks a route by the one of its hosts that the request fits', () => {
    const routes = [
      named('both', { hosts: ['a.example', '*.example'] }),
      named('wild', { hosts: ['*.example'], path: '/x' }),
    ];
    expect(winnerOf(routes, '/x', { host: 'a.example' })).toBe('both');
    expect(winnerOf(routes, '/x', { host: 'b.example' })).toBe('wild');
  });
});

describe('hosts', () => {
  const hosts = new Hosts();
  const hostOf = (host: string) => hosts.nameOf(hosts.received(['Host', host]));

  it.each([
    ['shop.example', 'shop.example', true],
    ['shop.example', 'shop.example:8080', true],
    ['shop.example', 'SHOP.Example', true],
    ['shop.example', 'shop.example.', true],
    ['shop.example', 'shop.example.:80', true],
    ['shop.example', 'www.shop.example', false],
    ['shop.example', 'shop.example.evil', false],
    ['*.shop.example', 'a.shop.example:8080', true],
    ['*.shop.example', 'a.b.shop.example', true],
    ['*.shop.example', 'shop.example', false],
    ['*.shop.example', 'ashop.example', false],
    ['*.shop.example', '.shop.example', false],
    ['[::1]', '[::1]:8080', true],
    ['[::1]', '[::1]', true],
    ['[::1]', '[::2]', false],
    ['127.0.0.1', '127.0.0.1:80', true],
  ])('%s takes %s: %s', (pattern, host, expected) => {
    const found = winnerOf([named('it', { hosts: [pattern] })], '/x', { host: hostOf(host) });
    expect(found !== undefined).toBe(expected);
  });
});

describe('a table', () => {
  /** The matcher as one would write it down: all routes, most specific first, the first all of whose conditions hold. */
  function naive(routes: readonly Route[], facts: RequestFacts, target: string): string | undefined {
    const parsed = parseTarget(target);
    if ('ambiguous' in parsed) return undefined;
    const taking = routes.flatMap((route, order) => {
      const { match } = route;
      const { segments, prefix } = match.path;
      const path = parsed.segments;
      const hosts = match.hosts.filter((host) =>
        host.startsWith('*.')
          ? facts.host.endsWith(host.slice(1)) && facts.host.length >= host.length
          : facts.host === host,
      );
      const holds =
        (prefix ? path.length > segments.length : path.length === segments.length) &&
        segments.every((segment, index) => {
          if (segment.kind === 'literal') return segment.text === path[index];
          return segment.type === 'int' ? /^\d+$/.test(path[index]!) : path[index] !== '';
        }) &&
        (match.hosts.length === 0 || hosts.length > 0) &&
        (match.methods.length === 0 ||
          match.methods.includes(facts.method) ||
          (facts.method === 'HEAD' && match.methods.includes('GET'))) &&
        Object.entries(match.headers).every(([name, value]) => facts.header(name) === value) &&
        Object.entries(match.query).every(([name, value]) => parsed.query.get(name) === value);
      if (!holds) return [];
      const hostRank = Math.max(0, ...hosts.map((host) => (host.startsWith('*.') ? host.length : 1_000)));
      const kinds = segments.map((segment) => (segment.kind === 'literal' ? 3 : segment.type === 'int' ? 2 : 1));
      const rank = [hostRank, [...kinds, ...(prefix ? [0] : [])].join(''), Math.min(1, match.methods.length)];
      return [{ route, order, rank: [...rank, Object.keys(match.headers).length, Object.keys(match.query).length] }];
    });
    taking.sort((one, other) => {
      const differing = one.rank.findIndex((value, index) => value !== other.rank[index]);
      if (differing < 0) return one.order - other.order;
      return one.rank[differing]! > other.rank[differing]! ? -1 : 1;
    });
    return taking[0]?.route.name;
  }

  const words = ['a', 'b', '7', ''];
  const segment = fc.constantFrom('a', 'b', '7', '{x}', '{x:int}');
  const path = fc.tuple(fc.array(segment, { maxLength: 4 }), fc.constantFrom('', '/', '/*')).map(([segments, end]) => {
    const unique = segments.map((text, index) => text.replace('x', `x${index}`));
    return `/${unique.join('/')}${segments.length === 0 && end === '/' ? '' : end}`.replace('//', '/');
  });
  const match = fc.record(
    {
      path,
      hosts: fc.uniqueArray(fc.constantFrom('a.example', '*.example', '*.b.example'), { minLength: 1, maxLength: 2 }),
      method: fc.constantFrom('GET', 'HEAD', 'POST', ['GET', 'POST']),
      headers: fc.constantFrom({ v: '1' }, { v: '2' }, { w: '1' }, { v: '1', w: '1' }),
      query: fc.constantFrom({ q: '1' }, { q: '2' }),
    },
    { requiredKeys: ['path'] },
  );
  const request = fc.record({
    target: fc
      .tuple(fc.array(fc.constantFrom(...words), { maxLength: 5 }), fc.constantFrom('', '?q=1', '?q=2'))
      .map(([segments, query]) => `/${segments.join('/')}${query}`),
    method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT'),
    host: fc.constantFrom('a.example', 'c.example', 'x.b.example', 'b.example', 'other'),
    headers: fc.constantFrom<Record<string, string>[]>({}, { v: '1' }, { v: '2' }, { w: '1' }, { v: '1', w: '1' }),
  });

  it('gives the route that a plain sorted list gives, for any routes and requests', () => {
    fc.assert(
      fc.property(
        fc.array(match, { minLength: 1, maxLength: 30 }),
        fc.array(request, { minLength: 1, maxLength: 20 }),
        (matches, requests) => {
          const routes = routesOf(matches.map((one, index) => ({ name: `route ${index}`, match: one })));
          const table = createRouteTable(routes);
          for (const { target, ...more } of requests) {
            const facts = factsOf(target, more);
            const parsed = parseTarget(target);
            const found =
              'ambiguous' in parsed ? undefined : table.match({ facts, target: parsed, body: { kind: 'absent' } });
            const name = found === 'body-needed' ? found : found?.route?.name;
            expect(name).toBe(naive(routes, facts, target));
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('takes HEAD as GET, but a route for HEAD alone before a route for any method', () => {
    expect(winnerOf(['GET /a'], '/a', { method: 'HEAD' })).toBe('GET /a');
    expect(winnerOf(['HEAD /a', '/a'], '/a', { method: 'HEAD' })).toBe('HEAD /a');
    expect(winnerOf(['HEAD /a', '/a'], '/a')).toBe('/a');
  });

  it('takes no property of a plain object for a condition that holds', () => {
    const routes = [named('it', { body: { '/__proto__/x': 'y' } })];
    const facts = factsOf('/a', { method: 'POST' });
    expect(decided(facts, routingOf(routes), always, { kind: 'json', value: {} }).route).toBeUndefined();
  });
});
