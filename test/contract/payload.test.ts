import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { derivedId } from '../../contract/event-id.ts';
import { canonicalJson, type Json } from '../../contract/json.ts';

describe('a derived id', () => {
  test('is a uuid, the same for the same facts and for ever', () => {
    expect(derivedId('mariadb:0-1-57', 'shipments', 7)).toBe(derivedId('mariadb:0-1-57', 'shipments', 7));
    expect(derivedId('mariadb:0-1-57', 'shipments', 7)).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-/,
    );
  });

  test('differs for any other facts, however they are cut', () => {
    const parts = fc.array(fc.string({ unit: fc.constantFrom('a', '1', ':', '|', '') }), { maxLength: 4 });
    fc.assert(
      fc.property(parts, parts, (one, other) => {
        const same = one.length === other.length && one.every((part, n) => part === other[n]);
        return (derivedId(...one) === derivedId(...other)) === same;
      }),
      { numRuns: 2_000 },
    );
    expect(derivedId('a', 'bc')).not.toBe(derivedId('ab', 'c'));
    expect(derivedId('a|1:b')).not.toBe(derivedId('a', 'b'));
    expect(derivedId('a')).not.toBe(derivedId('a', ''));
  });
});

describe('canonical JSON', () => {
  test('sorts keys at every depth and keeps the order of lists', () => {
    const value = { b: [{ z: 1, a: 2 }, 3, 1], a: { y: null, x: '"\n' } };
    expect(canonicalJson(value)).toBe('{"a":{"x":"\\"\\n","y":null},"b":[{"a":2,"z":1},3,1]}');
  });

  test('says the same of the same value, whatever the order of its keys', () => {
    fc.assert(fc.property(anyJson, (value) => canonicalJson(reversed(value)) === canonicalJson(value)));
  });

  test('means the same value when read again', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(value);
      }),
    );
  });

  test('takes the key __proto__ as any other', () => {
    expect(canonicalJson(JSON.parse('{"b":1,"__proto__":2}'))).toBe('{"__proto__":2,"b":1}');
  });
});

const anyJson = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as Json);

function reversed(value: Json): Json {
  if (Array.isArray(value)) return value.map(reversed);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  );
}
