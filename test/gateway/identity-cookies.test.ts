import { parseCookie } from 'cookie';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cookieValue, rawCookieValue, rawCookieValues, readCookies } from '../../gateway/identity/cookies.ts';
import { headerValue } from '../../gateway/identity/header-value.ts';
import { openIdentity, receiveAtOnce } from './open-identity.ts';

/** Texts made of what cookies are made of, so that pairs, blanks and damage meet often. */
const piece = fc.constantFrom(
  'a',
  'b',
  'A',
  '=',
  ';',
  ' ',
  '\t',
  '"',
  '%',
  '%41',
  '%ff',
  '%E4%BD%A0',
  ',',
  '__proto__',
);
const cookieHeader = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(''));
const cookieName = fc.array(piece, { maxLength: 3 }).map((pieces) => pieces.join(''));

describe('a single cookie', () => {
  it('is read as the cookie package reads it among all', () => {
    const same = (header: string, name: string) => {
      expect(cookieValue(header, name)).toBe(parseCookie(header)[name]);
      expect(rawCookieValue(header, name)).toBe(parseCookie(header, { decode: (raw) => raw })[name]);
    };
    fc.assert(fc.property(cookieHeader, cookieName, same), { numRuns: 20_000 });
    for (const header of ['', '=', '=a', 'a', 'a=', ' a = b ', 'a=b;a=c', '; a=1', 'a b=c', 'a=b=c', 'x;a=1']) {
      for (const name of ['', 'a', 'a ', 'a b', 'x', 'a=b', '__proto__', 'toString']) same(header, name);
    }
  });

  it('is not found in what is inherited by objects', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      expect([cookieValue('a=1', name), readCookies('a=1')[name]]).toEqual([undefined, undefined]);
      expect([cookieValue(`${name}=1`, name), readCookies(`${name}=1`)[name]]).toEqual(['1', '1']);
    }
  });

  it('comes several times in the order sent, up to a bound', () => {
    expect(rawCookieValues('a=1; b=2; a = 3 ;a=%41; ba=4; a=', 'a', 8)).toEqual(['1', '3', '%41', '']);
    expect(rawCookieValues('a=1; a=2; a=3', 'a', 2)).toEqual(['1', '2']);
    expect(rawCookieValues('b=1', 'a', 8)).toEqual([]);
  });
});

describe('a request with too many cookies', () => {
  it('is read alike however many are asked for', async () => {
    const identity = await openIdentity({});
    const names = Array.from({ length: 500 }, (_, index) => `c${index}`);
    const Cookie = [...names.map((name, index) => `${name}=${index}`), `big=${'x'.repeat(8 * 1024)}`].join('; ');
    const reception = receiveAtOnce(identity, { Cookie });
    expect(names.map((name) => reception.cookie(name))).toEqual(names.map((_, index) => `${index}`));
    expect(reception.cookie('big')).toHaveLength(8 * 1024);
    expect(reception.cookie('c500')).toBeUndefined();
    expect(reception.cookie('__proto__')).toBeUndefined();
  });
});

/** All fields joined into one record, the plain way. */
function folded(raw: readonly string[]): Record<string, string> {
  const record: Record<string, string> = Object.create(null);
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!.toLowerCase();
    const joint = name === 'cookie' ? '; ' : ', ';
    record[name] = name in record ? `${record[name]}${joint}${raw[index + 1]}` : raw[index + 1]!;
  }
  return record;
}

describe('a field', () => {
  it('is found by its name in any case, repeated ones joined', () => {
    const name = fc.constantFrom('Cookie', 'cookie', 'COOKIE', 'X-A', 'x-a', 'x-b', 'x_a', '__proto__', '[-a', '{-A');
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.string({ maxLength: 3 })), { maxLength: 8 }), (fields) => {
        const record = folded(fields.flat());
        for (const lower of ['cookie', 'x-a', 'x-b', 'x_a', '__proto__', '[-a', '{-a', 'toString', '']) {
          expect(headerValue(fields.flat(), lower)).toBe(record[lower]);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
