import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  domainAddress,
  formatLogAddress,
  historyOf,
  isAtOrAfter,
  parseLogAddress,
  topics,
} from '../../contract/log-address.ts';
import { formatSourcePosition, parseSourcePosition, type SourcePosition } from '../../contract/source-position.ts';

describe('a log address', () => {
  test('is read as it was written', () => {
    const address = fc.record({
      topic: fc.constantFrom(...topics),
      partition: fc.nat(999_999_999),
      offset: fc.nat(999_999_999_999_999),
    });
    fc.assert(
      fc.property(address, (given) => {
        expect(parseLogAddress(formatLogAddress(given))).toEqual(given);
      }),
    );
  });

  test('of topic domain tells its generation', () => {
    const generation = fc.integer({ min: 1, max: 999_999_999 });
    fc.assert(
      fc.property(generation, fc.nat(999_999), (number, offset) => {
        const address = domainAddress(number, offset);
        expect(parseLogAddress(formatLogAddress(address))).toEqual(address);
        expect(historyOf(address)).toBe(`domain.${number}`);
      }),
    );
    expect(formatLogAddress(domainAddress(1, 7))).toBe('domain/0/7');
    expect(formatLogAddress(domainAddress(2, 7))).toBe('domain.2/0/7');
  });

  test('is covered by a later one of its generation, and by every one of a later generation', () => {
    const reached = domainAddress(2, 5);
    for (const seen of [domainAddress(2, 5), domainAddress(2, 0), domainAddress(1, 999)])
      expect(isAtOrAfter(reached, seen)).toBe(true);
    for (const unseen of [domainAddress(2, 6), domainAddress(3, 0)]) expect(isAtOrAfter(reached, unseen)).toBe(false);
  });

  test.each([
    '',
    'domain.1/0/1',
    'domain.0/0/1',
    'domain./0/1',
    'commands.2/0/1',
    'domain',
    'domain/0',
    'domain/0/-1',
    'domain/0/1/2',
    'domain/0/1.5',
    'domain/0/1e3',
    ' domain/0/1',
    'domain/0/1\n',
    'orders/0/1',
    'domain/0/9999999999999999',
    'domain/9999999999/1',
  ])('refuses %j, saying what was found and what was expected', (text) => {
    expect(() => parseLogAddress(text)).toThrow(RangeError);
    expect(() => parseLogAddress(text)).toThrow(`found ${JSON.stringify(text)}, expected TOPIC/PARTITION/OFFSET`);
  });

  test('refuses a long text with its beginning only', () => {
    expect(() => parseLogAddress('x'.repeat(10_000))).toThrow(/^.{0,300}$/);
  });
});

const number = fc.nat(4_000_000_000).map(String);
const mariadbGtid = fc.tuple(number, number, number).map((parts) => parts.join('-'));
const mysqlInterval = fc
  .tuple(fc.uuid(), fc.integer({ min: 1 }), fc.nat())
  .map(([id, from, more]) => `${id}:${from}-${from + more}`);
const anyPosition: fc.Arbitrary<SourcePosition> = fc.oneof(
  fc.record({ kind: fc.constant('mariadb' as const), gtids: fc.array(mariadbGtid).map((all) => all.join(',')) }),
  fc.record({ kind: fc.constant('mysql' as const), gtids: fc.array(mysqlInterval).map((all) => all.join(',')) }),
  fc.record({
    kind: fc.constant('file' as const),
    server: number,
    file: fc.stringMatching(/^[a-z-]+\.\d{6}$/),
    offset: fc.nat(),
  }),
);

describe('a source position', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(anyPosition, (given) => {
        expect(parseSourcePosition(formatSourcePosition(given))).toEqual(given);
      }),
    );
  });

  test.each([
    '',
    'mariadb',
    'mariadb:0-1',
    'mariadb:0-1-57,',
    'mariadb:0-1-x',
    'mysql:a b',
    'file:1@binlog',
    'file:@b:4',
    'pg:0/16',
  ])('refuses %j, saying what was found and what was expected', (text) => {
    expect(() => parseSourcePosition(text)).toThrow(RangeError);
    expect(() => parseSourcePosition(text)).toThrow(`found ${JSON.stringify(text)}, expected "mariadb:0-1-57"`);
  });
});
