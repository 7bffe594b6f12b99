import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gatewayProblems } from '../../gateway/config.ts';
import type { FlagSource } from '../../gateway/flags/flag-source.ts';
import { bucketOf } from '../../gateway/routing/bucket.ts';
import { parseCidr } from '../../gateway/routing/cidr.ts';
import type { Decision } from '../../gateway/routing/decision.ts';
import { newSideTarget } from '../../gateway/routing/new-side-target.ts';
import { reasonCode, reasonText } from '../../gateway/routing/reasons.ts';
import { parseTarget } from '../../gateway/routing/request-target.ts';
import type { Stage } from '../../gateway/routing/stage.ts';
import { configure, gatewaySchema } from './configure.ts';
import { factsOf as facts, type WrittenFacts } from './facts.ts';
import { always, decided, flagsOn, never, routesOf, routingOf as routing, service } from './routing-of.ts';

const canary = { rollout: { steps: ['shadow', { canary: '10%' }, 'new'] } };

/** Two routes that both take the request; the first is to win. */
type Preference = [winner: unknown, loser: unknown, target: string, more?: WrittenFacts];

describe('matching', () => {
  const table = (routes: unknown[]) => {
    const built = routing(routes);
    return (target: string, more?: WrittenFacts) => decided(facts(target, more), built, never).route;
  };

  it.each([
    ['GET /shipments/{id}', '/shipments/7', true],
    ['GET /shipments/{id}', '/shipments/7?x=/y', true],
    ['GET /shipments/{id}', '/shipments/', false],
    ['GET /shipments/{id}', '/shipments/7/', false],
    ['GET /shipments/{id}', '/shipments/7/edit', false],
    ['GET /shipments/{id:int}', '/shipments/7', true],
    ['GET /shipments/{id:int}', '/shipments/new', false],
    ['GET /shipments/{id:int}', '/shipments/%37', true],
    ['GET /reports/*', '/reports/a/b', true],
    ['GET /reports/*', '/reports/', true],
    ['GET /reports/*', '/reports', false],
    ['/*', '/anything', true],
    ['GET /', '/', true],
    ['GET /', '/x', false],
  ])('%s on %s: %s', (route, target, expected) => {
    expect(table([route])(target) !== undefined).toBe(expected);
  });

  it('takes HEAD for GET and no other method', () => {
    const match = table(['GET /a']);
    expect([match('/a', { method: 'HEAD' }), match('/a', { method: 'POST' })]).toEqual(['GET /a', undefined]);
  });

  it('asks for every condition of a mapping', () => {
    const match = table([
      {
        name: 'partner-search',
        match: {
          method: 'POST',
          hosts: ['*.example.com'],
          path: '/api/v2/*',
          headers: { 'X-Version': 2 },
          cookies: { beta: '1' },
          query: { format: 'json' },
          client: '10.0.0.0/8',
        },
      },
    ]);
    const good = {
      method: 'POST',
      host: 'api.example.com',
      headers: { 'x-version': '2' },
      cookies: { beta: '1' },
      clientAddress: '10.1.2.3',
    };
    expect(match('/api/v2/x?format=json', good)).toBe('partner-search');
    expect(match('/api/v2/x?format=json', { ...good, method: 'GET' })).toBeUndefined();
    expect(match('/api/v2/x?format=json', { ...good, host: 'example.com' })).toBeUndefined();
    expect(match('/api/v2/x?format=json', { ...good, headers: { 'x-version': '2, 2' } })).toBeUndefined();
    expect(match('/api/v2/x?format=json', { ...good, cookies: {} })).toBeUndefined();
    expect(match('/api/v2/x?format=json', { ...good, clientAddress: '11.1.2.3' })).toBeUndefined();
    expect(match('/api/v2/x?format=json&format=xml', good)).toBeUndefined();
    expect(match('/api/v2/x', good)).toBeUndefined();
  });

  const precedence: Preference[] = [
    ['GET /a/b', 'GET /a/{x}', '/a/b'],
    ['GET /a/{x:int}', 'GET /a/{x}', '/a/7'],
    ['GET /a/{x}', 'GET /a/*', '/a/b'],
    ['GET /a/b/{x}', 'GET /a/{x}/c', '/a/b/c'],
    ['GET /a/*', 'GET /{x}/b', '/a/b'],
    ['GET /a', '/a', '/a'],
    [{ name: 'host', match: { hosts: ['shop.example'], path: '/*' } }, 'GET /a/b', '/a/b'],
    [
      { name: 'exact', match: { hosts: ['shop.example'], path: '/*' } },
      { name: 'wild', match: { hosts: ['*.example'], path: '/a' } },
      '/a',
    ],
    [
      { name: 'header', match: { method: 'GET', path: '/a', headers: { x: '1' } } },
      'GET /a',
      '/a',
      { headers: { x: '1' } },
    ],
    [
      { name: 'one', match: { path: '/a', headers: { x: '1' } } },
      { name: 'two', match: { path: '/a', query: { q: '1' }, client: '192.0.2.0/24' } },
      '/a?q=1',
      { headers: { x: '1' } },
    ],
  ];

  it.each(precedence)('prefers %j to %j whatever their order', (...[winner, loser, target, more]: Preference) => {
    const name = typeof winner === 'string' ? winner : (winner as { name: string }).name;
    expect(table([winner, loser])(target, more)).toBe(name);
    expect(table([loser, winner])(target, more)).toBe(name);
  });

  it('lets the order of the configuration decide between equal ranks', () => {
    const x = { name: 'x', match: { path: '/a', headers: { x: '1' } } };
    const y = { name: 'y', match: { path: '/a', headers: { y: '1' } } };
    const both = { headers: { x: '1', y: '1' } };
    expect([table([x, y])('/a', both), table([y, x])('/a', both)]).toEqual(['x', 'y']);
  });

  it('does not depend on the order of routes that differ in rank', () => {
    const texts = [
      'GET /a',
      'GET /a/{x}',
      'GET /a/{x:int}',
      'GET /a/*',
      'GET /{x}/b',
      '/*',
      '/{x}',
      'GET /a/b/c',
      'GET /{x}/*',
    ];
    const target = fc
      .array(fc.constantFrom('a', 'b', 'c', '7', ''), { maxLength: 4 })
      .map((segments) => `/${segments.join('/')}`);
    fc.assert(
      fc.property(fc.shuffledSubarray(texts, { minLength: texts.length }), target, (shuffled, path) => {
        expect(table(shuffled)(path)).toBe(table(texts)(path));
      }),
    );
  });
});

describe('paths that two systems could read differently', () => {
  it.each([
    '/shipments/..%2fadmin',
    '/shipments/%2E%2e/admin',
    '/shipments/../admin',
    '/shipments/./7',
    '/shipments//7',
    '//shipments/7',
    '/shipments\\7',
    '/shipments/%5c7',
    '/shipments/7;a=b',
    '/shipments/7%3b',
    '/shipments/7%00',
    '/shipments/%zz',
    '/shipments/%',
    '/shipments/%c0%af',
    '/shipments/%ff',
    '/shipments/%252e%252e',
    '/shipments/\xfc',
    'shipments/7',
  ])('%s goes to legacy though a catch-all leads to the new side', (target) => {
    const decision = decided(facts(target), routing([{ match: '/*', serve: 'new' }]), always);
    expect(decision).toMatchObject({ primary: 'legacy', shadow: undefined, route: undefined });
    expect(reasonText(decision.reasons[0]!)).toContain('two systems could read the path differently');
  });

  it('leaves ordinary escapes alone', () => {
    expect(parseTarget('/a%20b/%C3%BC?x=%2F..%2F')).toMatchObject({ segments: ['a b', 'ü'] });
  });
});

describe('rewriting', () => {
  const rewritten = (match: string, rewrite: string, target: string) =>
    newSideTarget(routesOf([{ match, rewrite }])[0]!, target);

  it('fills the places of the new path with what was received, still encoded', () => {
    expect(rewritten('GET /shipments/{id}', '/v2/{id}/details', '/shipments/a%20b?x=1&y')).toBe(
      '/v2/a%20b/details?x=1&y',
    );
    expect(rewritten('GET /api/*', '/*', '/api/a/b/')).toBe('/a/b/');
    expect(rewritten('GET /api/*', '/v2/*', '/api/')).toBe('/v2/');
  });

  it('refuses a place that the match does not have', () => {
    expect(() => rewritten('GET /a/{id}', '/b/{key}', '/a/1')).toThrow(/has no place for \{key\}/);
  });
});

describe('deciding', () => {
  const split = {
    split: [
      { header: { 'X-Side': 'legacy' }, to: 'legacy' },
      { header: { 'x-side': 'new' } },
      { cookie: { side: 'new' } },
      { user: [42, 'alice'] },
      { flag: 'new-shipments' },
    ],
  };
  const primary = (decision: Decision) => decision.primary;
  const alone = (more: WrittenFacts, on: string[] = []) =>
    primary(decided(facts('/a', more), routing(['GET /a'], split, { flags: flagsOn(...on) }), never));

  it('takes the first entry of a split that applies', () => {
    expect(alone({})).toBe('legacy');
    expect(alone({ headers: { 'x-side': 'new' } })).toBe('new');
    expect(alone({ cookies: { side: 'new' } })).toBe('new');
    expect(alone({ user: '42' })).toBe('new');
    expect(alone({ user: '4' })).toBe('legacy');
    expect(alone({}, ['new-shipments'])).toBe('new');
    expect(alone({ headers: { 'x-side': 'legacy' }, user: '42' }, ['new-shipments'])).toBe('legacy');
  });

  it('lets a split alone decide on a route without a stage, and shadows nothing there', () => {
    const decision = decided(facts('/a'), routing(['GET /a'], split), always);
    expect(decision).toMatchObject({ stage: undefined, primary: 'legacy', shadow: undefined });
  });

  it('shadows a route about which nothing is said, and stays so', () => {
    expect(decided(facts('/a'), routing(['GET /a']), always)).toMatchObject({
      stage: { kind: 'shadow' },
      primary: 'legacy',
      shadow: 'new',
    });
  });

  it('asks the split in shadow and canary, and not in legacy and new', () => {
    const asked = (stage: Stage, headers: Record<string, string>) =>
      primary(decided(facts('/a', { headers }), routing(['GET /a'], { ...split, ...canary }, { stage }), never));
    expect(asked({ kind: 'shadow' }, { 'x-side': 'new' })).toBe('new');
    expect(asked({ kind: 'canary', percent: 100 }, { 'x-side': 'legacy' })).toBe('legacy');
    expect(asked({ kind: 'canary', percent: 0 }, { 'x-side': 'new' })).toBe('new');
    expect(asked({ kind: 'legacy' }, { 'x-side': 'new' })).toBe('legacy');
    expect(asked({ kind: 'new' }, { 'x-side': 'legacy' })).toBe('new');
    expect(asked({ kind: 'retired' }, { 'x-side': 'legacy' })).toBe('new');
  });

  it('lets serve beat stage and split, and bypass beat everything', () => {
    const routes = [
      { match: 'GET /a', serve: 'new' },
      { match: 'GET /b', serve: 'legacy' },
    ];
    const at = (target: string, bypass: boolean) =>
      primary(
        decided(
          facts(target, { headers: { 'x-side': 'new' } }),
          routing(routes, split, { stage: { kind: 'legacy' }, bypass }),
          never,
        ),
      );
    expect([at('/a', false), at('/b', false), at('/a', true)]).toEqual(['new', 'legacy', 'legacy']);
  });

  it('shadows reads only, by sample, and never an upgrade', () => {
    const shadow = (more: WrittenFacts, random: () => number) =>
      decided(facts('/a', more), routing(['/a'], { shadow: { sample: '20%' } }), random).shadow;
    expect(shadow({}, () => 0.19)).toBe('new');
    expect(shadow({ method: 'HEAD' }, () => 0)).toBe('new');
    expect(shadow({}, () => 0.2)).toBeUndefined();
    expect(shadow({ method: 'POST' }, () => 0)).toBeUndefined();
    expect(shadow({ headers: { upgrade: 'websocket' } }, () => 0)).toBeUndefined();
  });

  it('counts a flag source that throws as off and says so', () => {
    const broken: FlagSource = {
      ...flagsOn(),
      evaluate: () => {
        throw new Error('no memory');
      },
    };
    const decision = decided(facts('/a'), routing(['GET /a'], { split: [{ flag: 'f' }] }, { flags: broken }), never);
    expect(decision.primary).toBe('legacy');
    expect(decision.reasons.map(reasonText).join()).toContain('no memory');
  });

  it('tells every step in the order taken', () => {
    const decision = decided(
      facts('/a', { user: 'bob' }),
      routing(['GET /a'], { ...canary, split: [{ user: ['alice'] }] }, { stage: { kind: 'canary', percent: 100 } }),
      never,
    );
    expect(decision.reasons.map((reason) => [reason.step, reasonText(reason)])).toEqual([
      ['match', 'route GET /a of shipments'],
      ['stage', 'stage canary 100 %'],
      ['split', 'user bob is not listed'],
      ['percent', expect.stringMatching(/^place \d+\.\d\d of 100 lies under 100 % → new$/)],
    ]);
  });

  it('has a code for every step that names no user and no value', () => {
    const entries = [
      { user: ['alice'] },
      { header: { 'X-Side': 'secret' } },
      { cookie: { side: 'secret' } },
      { flag: 'f' },
    ];
    const decision = decided(
      facts('/a', { user: 'bob' }),
      routing(
        ['GET /a'],
        { ...canary, split: [...entries, { percent: '0%' }] },
        { stage: { kind: 'canary', percent: 0 } },
      ),
      never,
    );
    expect(decision.reasons.map(reasonCode)).toEqual([
      'match',
      'stage:canary',
      'split:not user',
      'split:not header X-Side',
      'split:not cookie side',
      'split:not flag f',
      'split:not percent',
      'percent:legacy',
    ]);
  });

  it('keeps a client on the new side where identity says that it must stay, and nowhere else', () => {
    const held = { heldOnNew: () => 'it has just written there' };
    const side = (more: object, stage?: Stage) =>
      primary(decided(facts('/a', held), routing(['GET /a'], more, stage ? { stage } : {}), never));
    expect(side({ split: [{ flag: 'f' }] })).toBe('new');
    expect(side(canary, { kind: 'canary', percent: 0 })).toBe('new');
    expect(side(canary, { kind: 'shadow' })).toBe('legacy');
    expect(side(canary, { kind: 'legacy' })).toBe('legacy');
    expect(side({ split: [{ percent: '100%', to: 'legacy' }] })).toBe('legacy');
  });

  it('answers every request, whatever is in it', () => {
    const built = routing(['GET /a', '/{x}/*', { name: 'q', match: { path: '/q', query: { a: '1' } } }], {
      ...split,
      ...canary,
    });
    const anything = fc.record({
      target: fc.string({ unit: 'binary' }),
      method: fc.string(),
      host: fc.string(),
      key: fc.string(),
    });
    fc.assert(
      fc.property(anything, ({ target, method, host, key }) => {
        const decision = decided(facts(target, { method, host, assignmentKey: key }), built, Math.random);
        expect(['legacy', 'new']).toContain(decision.primary);
        expect(decision.reasons.length).toBeGreaterThan(0);
      }),
    );
  });
});

describe('percentages', () => {
  const at = (percent: number, key: string) =>
    decided(
      facts('/a', { assignmentKey: key }),
      routing(['GET /a'], canary, { stage: { kind: 'canary', percent } }),
      never,
    ).primary;

  it('keep everybody on the new side who was there before the percentage was raised', () => {
    const percentage = fc.double({ min: 0, max: 100, noNaN: true });
    fc.assert(
      fc.property(fc.string(), percentage, percentage, (key, one, other) => {
        const [low, high] = [Math.min(one, other), Math.max(one, other)];
        if (at(low, key) === 'new') expect(at(high, key)).toBe('new');
      }),
    );
  });

  it('take nobody at 0 % and everybody at 100 %', () => {
    fc.assert(
      fc.property(fc.string(), (key) => {
        expect([at(0, key), at(100, key)]).toEqual(['legacy', 'new']);
      }),
    );
  });

  it('are spread evenly and independently of another capability', () => {
    const keys = Array.from({ length: 10_000 }, (_, index) => `key ${index}`);
    const under = keys.filter((key) => bucketOf('shipments', key) < 10);
    expect(under.length).toBeGreaterThan(900);
    expect(under.length).toBeLessThan(1_100);
    const underBoth = under.filter((key) => bucketOf('customers', key) < 10);
    expect(underBoth.length).toBeLessThan(150);
  });

  it('are spread evenly over 100 parts: chi-square below its 99.9th percentile for 99 degrees of freedom', () => {
    const count = 100_000;
    const parts = new Array<number>(100).fill(0);
    for (let index = 0; index < count; index += 1) {
      const key = createHash('sha256').update(`${index}`).digest().subarray(0, 16).toString('base64url');
      const part = Math.floor(bucketOf('shipments', key));
      parts[part] = parts[part]! + 1;
    }
    const expected = count / parts.length;
    const chiSquare = parts.reduce((sum, found) => sum + (found - expected) ** 2 / expected, 0);
    expect(chiSquare).toBeLessThan(148.23);
  });

  it('keep the routes of one capability together', () => {
    const built = routing(['GET /a', 'POST /b'], { split: [{ percent: '50%' }] });
    fc.assert(
      fc.property(fc.string(), (key) => {
        const side = (method: string, target: string) =>
          decided(facts(target, { method, assignmentKey: key }), built, never).primary;
        expect(side('GET', '/a')).toBe(side('POST', '/b'));
      }),
    );
  });
});

describe('the configuration', () => {
  it('needs only legacy, and for the smallest useful one a service and a route', () => {
    expect(configure({}).capabilities).toEqual([]);
    expect(routesOf(['GET /shipments/{id}'])[0]).toMatchObject({
      name: 'GET /shipments/{id}',
      capability: 'shipments',
      split: [],
      steps: [{ kind: 'shadow' }, { kind: 'new' }],
      fallback: 'legacy',
      shadowSample: 100,
    });
  });

  it('lets a route inherit from its capability and say otherwise', () => {
    const routes = routesOf(
      ['GET /a', { match: 'GET /b', split: [{ flag: 'f' }], rollout: { steps: ['new'], fallback: 'none' } }],
      { ...canary, split: [{ percent: '5%' }] },
    );
    expect(routes[0]).toMatchObject({
      split: [{ kind: 'percent', percent: 5, to: 'new' }],
      steps: [{ kind: 'shadow' }, { kind: 'canary', percent: 10 }, { kind: 'new' }],
    });
    expect(routes[1]).toMatchObject({
      split: [{ kind: 'flag', flag: 'f', to: 'new' }],
      steps: [{ kind: 'new' }],
      fallback: 'none',
    });
  });

  const messages = (capability: object) => {
    const parsed = gatewaySchema.safeParse({
      legacy: { url: 'http://a' },
      capabilities: { shipments: { service, ...capability } },
    });
    return parsed.success ? [] : parsed.error.issues;
  };

  it('points at the route that it cannot read', () => {
    const [issue] = messages({ routes: ['GET /ok', 'FETCH /shipments'] }) as unknown as [
      { path: unknown[]; errors?: { message: string }[][] },
    ];
    expect(issue.path).toEqual(['capabilities', 'shipments', 'routes', 1]);
    expect(JSON.stringify(issue.errors)).toContain('expected METHOD /path');
  });

  it.each([
    [{ routes: ['GET shipments'] }],
    [{ routes: ['GET /a/{'] }],
    [{ routes: ['GET /a/{id:uuid}'] }],
    [{ routes: ['GET /{a}/{a}'] }],
    [{ routes: ['GET /a*'] }],
    [{ routes: ['GET /../a'] }],
    [{ routes: ['GET /a?x=1'] }],
    [{ routes: ['GET /caf%C3%A9'] }],
    [{ routes: [{ match: 'GET /a', gates: {} }] }],
    [{ rollout: { steps: [{ canary: '1%', hold: '24h' }] } }],
    [{ rollout: { advance: 'automatic' } }],
    [{ split: [{ percent: '101%' }] }],
    [{ split: [{ header: { a: 'b' }, cookie: { a: 'b' } }] }],
    [{ split: [] }],
    [{ routes: [{ match: { path: '/a', body: { '/a~2': '1' } } }] }],
    [{ routes: [{ match: { path: '/a', body: { '': '1' } } }] }],
    [{ routes: [{ match: 'GET /a', unreadableBody: 'legacy' }] }],
    [{ routes: [{ match: { path: '/a', client: '10.0.0.0/33' } }] }],
    [{ service: 'http://a/path' }],
  ])('refuses %j', (capability) => {
    expect(messages(capability)).not.toEqual([]);
  });

  it('tells all problems between routes: same predicates, same name, no service', () => {
    const parsed = gatewaySchema.parse({
      legacy: { url: 'http://a' },
      capabilities: {
        shipments: { service, routes: ['GET /a/{id}', { name: 'x', match: 'GET /b' }] },
        customers: {
          routes: [
            { name: 'y', match: 'GET /a/{key}' },
            { name: 'x', match: 'GET /c' },
          ],
        },
      },
    });
    expect(gatewayProblems(parsed.capabilities)).toEqual([
      {
        path: ['capabilities', 'customers', 'routes', 0],
        message: expect.stringMatching(/"y" of customers.*"GET \/a\/\{id\}" of shipments/),
      },
      { path: ['capabilities', 'customers', 'routes', 1], message: expect.stringContaining('"x"') },
      { path: ['capabilities', 'customers'], message: expect.stringContaining('no service') },
    ]);
  });
});

describe('blocks of addresses', () => {
  it.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/8', '::ffff:10.0.0.1', true],
    ['0.0.0.0/0', '1.2.3.4', true],
    ['127.0.0.1', '127.0.0.1', true],
    ['2001:db8::/32', '2001:db8:1::5', true],
    ['2001:db8::/32', '2001:db9::', false],
    ['::1', '::1', true],
    ['::/0', '1.2.3.4', false],
    ['10.0.0.0/8', 'rubbish', false],
  ])('%s contains %s: %s', (block, address, expected) => {
    expect(parseCidr(block).contains(address)).toBe(expected);
  });

  it.each([
    '',
    '10.0.0',
    '10.0.0.256',
    '10.0.0.0/33',
    '10.0.0.0/',
    '1::2::3',
    ':::',
    '2001:db8::/129',
    'g::1',
    '10.0.0.0/8/8',
  ])('refuses %j', (text) => {
    expect(() => parseCidr(text)).toThrow(RangeError);
  });
});
