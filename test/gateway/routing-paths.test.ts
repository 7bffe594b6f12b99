import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from '../../gateway/routing/decide.ts';
import { type Ambiguity, ambiguities, parseTarget } from '../../gateway/routing/request-target.ts';
import type { Stage } from '../../gateway/routing/stage.ts';
import { factsOf } from './facts.ts';
import { always, decided, routingOf } from './routing-of.ts';

/** One spelling for each kind of ambiguity, all of which some system reads as `/admin` or below. */
const spellings: Readonly<Record<Ambiguity, readonly string[]>> = {
  'not-a-path': ['admin'],
  'bad-escape': ['/%', '/admin%zz', '/%u002fadmin', '/%2'],
  'encoded-slash': ['/x%2fadmin', '/x%2Fadmin', '/..%2fadmin'],
  backslash: ['/x\\admin', '/x%5cadmin', '/x%5Cadmin'],
  'control-character': ['/admin%00', '/admin%0a', '/%1fadmin', '/admin%7F'],
  'double-escape': ['/%252e%252e/admin', '/x%252fadmin'],
  semicolon: ['/admin;a=b', '/x;/admin', '/admin%3bx'],
  fragment: ['/admin#x'],
  'empty-segment': ['//admin', '/x//admin'],
  'dot-segment': ['/x/../admin', '/./admin', '/x/%2e%2E/admin', '/x/.%2e/admin', '/admin/.', '/admin/..', '/x/%2e'],
  'not-ascii': ['/admin\x00', '/adm\xefn', '/admin x', '/admin\x7f', '/ａdmin'],
  'not-utf-8': ['/%c0%af/admin', '/%e0%80%afadmin', '/%ff', '/%c3', '/%ed%a0%80', '/%f5%80%80%80'],
};
const cases = Object.entries(spellings).flatMap(([kind, paths]) =>
  paths.map((path) => [kind as Ambiguity, path] as const),
);

const stages: readonly Stage[] = [
  { kind: 'legacy' },
  { kind: 'shadow' },
  { kind: 'canary', percent: 100 },
  { kind: 'new' },
  { kind: 'retired' },
];

describe('a path that two systems could read differently', () => {
  it.each(cases)('is known by what makes it so: %s in %j', (kind, path) => {
    expect(parseTarget(path)).toMatchObject({ ambiguous: expect.arrayContaining([kind]) });
    expect(parseTarget(`${path}?x=/../;//`)).toMatchObject({ ambiguous: expect.arrayContaining([kind]) });
  });

  it.each(stages)('reaches legacy alone in stage %j, whatever its spelling', (stage) => {
    const routing = routingOf(['/*', 'GET /admin', '/{x}', '/{x}/*'], { rollout: { steps: ['new'] } }, { stage });
    for (const [, path] of cases) {
      const decision = decided(factsOf(path), routing, always);
      expect([path, decision.primary, decision.shadow, decision.route]).toEqual([path, 'legacy', undefined, undefined]);
    }
  });

  it('reaches legacy alone though a pin or a split would lead to the new side', () => {
    const routings = [routingOf([{ match: '/*', serve: 'new' }]), routingOf(['/*'], { split: [{ percent: '100%' }] })];
    for (const [, path] of cases)
      for (const routing of routings) expect(decided(factsOf(path), routing, always).primary).toBe('legacy');
  });

  it.each(cases)('is refused where that is declared: %s in %j', (kind, path) => {
    const routing = routingOf(['/*'], {}, { refused: [kind] });
    expect(decide(factsOf(path), routing, always)).toMatchObject({
      undecided: 'refused',
      ambiguous: expect.arrayContaining([kind]),
    });
  });

  it('is refused when one of several kinds in it is, wherever it stands', () => {
    const routing = routingOf(['/*'], {}, { refused: ['not-utf-8'] });
    expect(decide(factsOf('/a;b/%c0%af'), routing, always)).toMatchObject({ undecided: 'refused' });
    expect(decided(factsOf('/a;b'), routing, always).primary).toBe('legacy');
  });

  it('goes to legacy under bypass, which nothing may stop', () => {
    const routing = routingOf(['/*'], {}, { refused: ['semicolon'], bypass: true });
    expect(decided(factsOf('/a;b'), routing, always).primary).toBe('legacy');
  });

  it('is not the asterisk of OPTIONS, which names no path and which legacy answers', () => {
    const routing = routingOf([{ match: '/*', serve: 'new' }], {}, { refused: ['not-a-path'] });
    expect(decided(factsOf('*', { method: 'OPTIONS' }), routing, always)).toMatchObject({
      primary: 'legacy',
      route: undefined,
    });
  });
});

describe('taking a target apart', () => {
  /** What it was defined by before it became one pass: an expression for each kind, then decoding. */
  const patterns: readonly (readonly [Ambiguity, RegExp])[] = [
    ['not-a-path', /^(?!\/)/],
    ['bad-escape', /%(?![0-9a-f]{2})/i],
    ['encoded-slash', /%2f/i],
    ['backslash', /\\|%5c/i],
    ['control-character', /%(?:[01][0-9a-f]|7f)/i],
    ['double-escape', /%25[0-9a-f]{2}/i],
    ['semicolon', /;|%3b/i],
    ['fragment', /#/],
    ['empty-segment', /\/\//],
    ['dot-segment', /\/(?:\.|%2e){1,2}(?:\/|$)/i],
    ['not-ascii', /[^\x21-\x7e]/],
  ];

  function reference(target: string) {
    const [path = '', ...query] = target.split('?');
    const found = patterns.filter(([, pattern]) => pattern.test(path)).map(([kind]) => kind);
    if (!found.includes('bad-escape') && !isUtf8(path)) found.push('not-utf-8');
    if (found.length > 0) return { ambiguous: found };
    const rawSegments = path.slice(1).split('/');
    return { rawSegments, segments: rawSegments.map((text) => decodeURIComponent(text)), query: query.join('?') };
  }

  function isUtf8(text: string): boolean {
    try {
      decodeURIComponent(text);
      return true;
    } catch {
      return false;
    }
  }

  it('reads every target as its definition does', () => {
    const piece = fc.oneof(
      fc.constantFrom('/', '//', '.', '..', '%', '%2', '%2e', '%2E', '%2f', '%5C', '%25', '%252e', '%3b', '%00', '%7f'),
      fc.constantFrom(
        ';',
        '#',
        '?',
        '\\',
        ' ',
        '%c3%bc',
        '%c0%af',
        '%ff',
        '%E2%82%AC',
        'ü',
        '\x7f',
        '~',
        'a',
        'shipments',
      ),
      fc.string({ unit: 'binary', maxLength: 3 }),
    );
    const target = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(fc.boolean(), target, (rooted, text) => {
        const written = rooted ? `/${text}` : text;
        const parsed = parseTarget(written);
        const expected = reference(written);
        if ('ambiguous' in parsed || 'ambiguous' in expected) expect(parsed).toEqual(expected);
        else {
          expect([parsed.rawSegments, parsed.segments]).toEqual([expected.rawSegments, expected.segments]);
          expect(parsed.query.toString()).toBe(new URLSearchParams(expected.query).toString());
        }
      }),
      { numRuns: 20_000 },
    );
  });

  it('has a sentence for each kind', () => {
    expect(Object.keys(spellings)).toEqual(Object.keys(ambiguities));
  });
});

describe('text that is not ASCII', () => {
  it('is written plainly in a route and percent-encoded in a request', () => {
    const routing = routingOf(['GET /cafés/{id}', 'GET /日本/*']);
    const routeOf = (target: string) => decided(factsOf(target), routing, always).route;
    expect(routeOf('/caf%C3%A9s/7')).toBe('GET /cafés/{id}');
    expect(routeOf('/caf%c3%a9s/7')).toBe('GET /cafés/{id}');
    expect(routeOf('/%E6%97%A5%E6%9C%AC/x')).toBe('GET /日本/*');
    expect(routeOf('/cafe%CC%81s/7')).toBeUndefined();
  });

  it('of another case is another path', () => {
    expect(decided(factsOf('/Shipments'), routingOf(['GET /shipments']), always).route).toBeUndefined();
  });
});
