import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from '../../gateway/routing/decide.ts';
import { parseJsonPointer, valueAtPointer } from '../../gateway/routing/json-pointer.ts';
import { reasonCode } from '../../gateway/routing/reasons.ts';
import { type BodyProblem, type RequestBody, readRequestBody, unreadable } from '../../gateway/routing/request-body.ts';
import { factsOf } from './facts.ts';
import { always, decided, routingOf } from './routing-of.ts';

const json = { contentType: 'application/json', contentEncoding: undefined };
const form = { contentType: 'application/x-www-form-urlencoded', contentEncoding: undefined };
const read = (text: string, headers: Parameters<typeof readRequestBody>[1] = json) =>
  readRequestBody(Buffer.from(text), headers);

const germany = { name: 'germany', match: { method: 'POST', path: '/orders', body: { '/receiver/country': 'DE' } } };
const post = factsOf('/orders', { method: 'POST' });
const routeFor = (body: RequestBody, ...routes: unknown[]) => decided(post, routingOf(routes), always, body).route;

describe('a JSON Pointer', () => {
  /** The examples of RFC 6901 section 5, and what they are to find. */
  const document = {
    foo: ['bar', 'baz'],
    '': 0,
    'a/b': 1,
    'c%d': 2,
    'e^f': 3,
    'g|h': 4,
    'i\\j': 5,
    'k"l': 6,
    ' ': 7,
    'm~n': 8,
  };
  it.each([
    ['/foo', ['bar', 'baz']],
    ['/foo/0', 'bar'],
    ['/', 0],
    ['/a~1b', 1],
    ['/c%d', 2],
    ['/e^f', 3],
    ['/g|h', 4],
    ['/i\\j', 5],
    ['/k"l', 6],
    ['/ ', 7],
    ['/m~0n', 8],
    ['/foo/00', undefined],
    ['/foo/-', undefined],
    ['/foo/length', undefined],
    ['/foo/2', undefined],
    ['/toString', undefined],
    ['/__proto__', undefined],
    ['/a~1b/c', undefined],
  ])('%s finds %j', (pointer, expected) => {
    expect(valueAtPointer(document, parseJsonPointer(pointer))).toEqual(expected);
  });

  it.each(['foo', '/~2', '/~', ''])('is not %j', (text) => {
    expect(() => parseJsonPointer(text)).toThrow(RangeError);
  });

  it('decodes ~01 as ~1, not as a slash', () => {
    expect(parseJsonPointer('/~01')).toEqual(['~1']);
  });
});

describe('a body', () => {
  it.each<[string, string, Partial<typeof json> | undefined, BodyProblem]>([
    ['encoded', '{}', { contentEncoding: 'gzip' } as never, 'encoded'],
    ['of another type', '{}', { contentType: 'text/plain' }, 'other-type'],
    ['of two types', '{}', { contentType: 'application/json, text/plain' }, 'other-type'],
    ['in another character set', '{}', { contentType: 'application/json; charset=latin1' }, 'other-type'],
    ['in parts', '--x', { contentType: 'multipart/form-data; boundary=x' }, 'other-type'],
    ['of JSON that is none', '{"a":', undefined, 'malformed'],
    ['with a byte order mark', '\ufeff{}', undefined, 'malformed'],
    ['that says a thing twice', '{"a":"DE","a":"US"}', undefined, 'repeated-member'],
    ['that says a thing twice, once escaped', '{"a":"DE","\\u0061":"US"}', undefined, 'repeated-member'],
    ['that says a thing twice, deep within', '[{"x":{"a":1,"b":{},"a":1}}]', undefined, 'repeated-member'],
    ['of a form with an escape that is none', 'a=%zz', form, 'malformed'],
  ])('%s is not looked into', (_, text, headers, problem) => {
    expect(read(text, { ...json, ...headers })).toEqual({ kind: 'unreadable', problem });
  });

  it('that is not UTF-8 is not looked into', () => {
    expect(readRequestBody(Buffer.from([0x22, 0xc0, 0xaf, 0x22]), json)).toEqual(unreadable('malformed'));
  });

  it.each([
    'application/json',
    'Application/JSON; charset=utf-8',
    'application/json;charset="UTF-8"',
    'application/vnd.api+json',
  ])('of type %s is JSON', (contentType) => {
    expect(read('{"a":1}', { ...json, contentType })).toEqual({ kind: 'json', value: { a: 1 } });
  });

  it('nested as deep as it is long is read all the same', () => {
    expect(read('['.repeat(30_000) + ']'.repeat(30_000)).kind).toBe('json');
  });

  it('of any JSON document is read as that document', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(read(text)).toEqual({ kind: 'json', value: JSON.parse(text) });
      }),
    );
  });
});

describe('matching on a body', () => {
  it('asks for it only when a route takes the request but for its body', () => {
    const routing = routingOf([germany, { name: 'other', match: { path: '/*', method: 'POST' } }]);
    const waits = (target: string, method: string) =>
      'undecided' in decide(factsOf(target, { method }), routing, always);
    expect([waits('/orders', 'POST'), waits('/orders', 'GET'), waits('/other', 'POST')]).toEqual([true, false, false]);
  });

  it('does not ask for it when a more specific route takes the request', () => {
    const first = { name: 'first', match: { method: 'POST', path: '/orders', headers: { a: '1' } } };
    const decision = decide(
      factsOf('/orders', { method: 'POST', headers: { a: '1' } }),
      routingOf([germany, first]),
      always,
    );
    expect(decision).toMatchObject({ route: 'first' });
  });

  it.each<[RequestBody, boolean]>([
    [read('{"receiver":{"country":"DE"}}'), true],
    [read('{"receiver":{"country":"US"}}'), false],
    [read('{"receiver":{"country":["DE"]}}'), false],
    [read('{"receiver.country":"DE"}'), false],
    [read('{"receiver":null}'), false],
    [read('"DE"'), false],
    [{ kind: 'absent' }, false],
  ])('%j: %s', (body, expected) => {
    expect(routeFor(body, germany) === 'germany').toBe(expected);
  });

  it('compares numbers and booleans as JSON writes them', () => {
    const route = { name: 'it', match: { path: '/orders', body: { '/count': 5, '/express': true } } };
    expect(routeFor(read('{"count":5,"express":true}'), route)).toBe('it');
    expect(routeFor(read('{"count":"5","express":"true"}'), route)).toBe('it');
    expect(routeFor(read('{"count":5.5,"express":true}'), route)).toBeUndefined();
  });

  it('takes a form by the names of its fields, each of which must say one thing', () => {
    const route = { name: 'it', match: { path: '/orders', body: { country: 'DE', 'items[0]': 'a b' } } };
    const forms = [
      'country=DE&items[0]=a+b',
      'items%5B0%5D=a%20b&country=DE&country=DE',
      'country=DE',
      'country=DE&items[0]=a+b&country=US',
    ];
    expect(forms.map((text) => routeFor(read(text, form), route))).toEqual(['it', 'it', undefined, undefined]);
  });

  const problems: BodyProblem[] = ['oversize', 'encoded', 'other-type', 'malformed', 'repeated-member', 'broken-off'];
  it.each(problems)('goes on to the next route when the body is %s, and says so', (problem) => {
    const decision = decided(post, routingOf([germany, 'POST /orders']), always, unreadable(problem));
    expect(decision.route).toBe('POST /orders');
    expect(decision.reasons.map(reasonCode).slice(0, 2)).toEqual([`body:${problem}`, 'match']);
  });

  it.each(['legacy', 'new'] as const)('sends what it cannot look into to %s where that is declared', (side) => {
    const routes = [
      { ...germany, unreadableBody: side, split: [{ header: { x: '1' } }] },
      { match: 'POST /orders', serve: 'new' },
    ];
    const decision = decided(post, routingOf(routes), always, unreadable('oversize'));
    expect(decision).toMatchObject({ route: 'germany', primary: side, shadow: undefined });
    expect(decision.reasons.map(reasonCode)).toEqual(['match', 'body:oversize']);
  });

  it('counts a JSON body as another type where a form is asked for', () => {
    const route = { name: 'form', match: { path: '/orders', body: { country: 'DE' } }, unreadableBody: 'legacy' };
    expect(decided(post, routingOf([route]), always, read('{"country":"DE"}')).reasons.map(reasonCode)).toEqual([
      'match',
      'body:other-type',
    ]);
  });

  it('says so too when no route is left', () => {
    const decision = decided(post, routingOf([germany]), always, unreadable('oversize'));
    expect(decision.reasons.map(reasonCode)).toEqual(['body:oversize', 'match:none']);
  });
});
