import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { bridgeCapability } from '../../cdc-bridge/config.ts';
import { compareNumbers } from '../../cdc-bridge/mapping/decimal.ts';
import { parseExactJson } from '../../cdc-bridge/mapping/exact-json.ts';
import { compileMapping } from '../../cdc-bridge/mapping/mapping.ts';
import { compileAlternatives, compilePattern } from '../../cdc-bridge/mapping/pattern.ts';
import type { Alternative } from '../../cdc-bridge/mapping/pattern-syntax.ts';
import type { Json } from '../../contract/json.ts';
import { readTables } from './legacy.ts';

const matches = (alternatives: readonly Alternative[], cell: Json) => compileAlternatives(alternatives)(cell);

/** Digits, with a point somewhere: as large and as exact as DECIMAL(65,30). */
const decimalText = fc
  .tuple(fc.constantFrom('', '-'), fc.bigInt({ min: 0n, max: 10n ** 35n }), fc.integer({ min: 0, max: 30 }))
  .map(([sign, digits, scale]) => {
    const text = String(digits).padStart(scale + 1, '0');
    return sign + (scale === 0 ? text : `${text.slice(0, -scale)}.${text.slice(-scale)}`);
  });

/** The value times 10^40, as a whole number: comparing those is exact by itself. */
function scaled(text: string): bigint {
  const [, sign, whole, fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text)!;
  const value = BigInt(whole! + fraction.padEnd(40, '0'));
  return sign ? -value : value;
}

describe('comparing numbers', () => {
  it('is exact for texts of any length, by value and not by spelling', () => {
    fc.assert(
      fc.property(decimalText, decimalText, (a, b) => {
        const [x, y] = [scaled(a), scaled(b)];
        expect(compareNumbers(a, b)).toBe(x < y ? -1 : Number(x > y));
        expect(compareNumbers(a, `${a.includes('.') ? a : `${a}.`}000`)).toBe(0);
      }),
    );
  });

  it('agrees with JavaScript on numbers, whichever of the two is written as text', () => {
    const number = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(number, number, (a, b) => {
        const order = a < b ? -1 : Number(a > b);
        expect([compareNumbers(a, b), compareNumbers(String(a), b), compareNumbers(a, String(b))]).toEqual([
          order,
          order,
          order,
        ]);
      }),
    );
  });

  it('tells numbers apart that JavaScript takes for one', () => {
    expect(matches([{ numeric: ['>', '9007199254740992'] }], '9007199254740993')).toBe(true);
    expect(matches([{ numeric: ['=', 9007199254740991] }], '9007199254740992')).toBe(false);
    expect(matches([12.5], '12.500000000000000000000000000001')).toBe(false);
    expect(matches([{ numeric: ['=', 0] }], '-0.000')).toBe(true);
  });

  it('refuses a number in the file that YAML has rounded already', () => {
    const events = { 't-a': { op: 'c', after: { n: [2 ** 53 + 2] } } };
    const found = z
      .strictObject(bridgeCapability)
      .safeParse({ tables: { t: { key: 'id', stream: 't-{id}', events } } });
    expect(JSON.stringify(found.error?.issues)).toContain('in quotes');
  });
});

describe('patterns of texts', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'A', 'B', '*', '\\', 'ß', 'é', 'É'), maxLength: 8 });

  it('match as a naive evaluator does', () => {
    const naive: Record<string, (cell: string, wanted: string) => boolean> = {
      prefix: (cell, wanted) => cell.indexOf(wanted) === 0,
      suffix: (cell, wanted) => cell.slice(cell.length - wanted.length) === wanted || wanted === '',
      'equals-ignore-case': (cell, wanted) => cell.toUpperCase().toLowerCase() === wanted.toUpperCase().toLowerCase(),
    };
    fc.assert(
      fc.property(text, text, fc.constantFrom(...Object.keys(naive)), (cell, wanted, kind) => {
        const expected =
          cell.length >= wanted.length || kind === 'equals-ignore-case' ? naive[kind]!(cell, wanted) : false;
        expect(matches([{ [kind]: wanted } as Alternative], cell)).toBe(expected);
        expect(matches([{ 'anything-but': { [kind]: wanted } } as Alternative], cell)).toBe(!expected);
        expect(matches([{ 'anything-but': { [kind]: [wanted, `${wanted}x`] } } as Alternative], 7)).toBe(true);
      }),
    );
  });

  it('match wildcards as the regular expression does that they stand for', () => {
    const wildcard = fc.array(fc.constantFrom('*', '\\*', '\\\\', 'a', 'b', 'A'), { maxLength: 8 });
    fc.assert(
      fc.property(wildcard, text, (pieces, cell) => {
        const source = pieces
          .map((piece) => (piece === '*' ? '[^]*' : piece.length === 2 ? `\\${piece[1]}` : piece))
          .join('');
        expect(matches([{ wildcard: pieces.join('') }], cell)).toBe(new RegExp(`^${source}$`).test(cell));
      }),
    );
  });

  it('need no more time for a wildcard made to make them slow', () => {
    expect(matches([{ wildcard: `${'*a'.repeat(5_000)}b` }], 'a'.repeat(100_000))).toBe(false);
  });

  it('take prefixes and suffixes of either case where that is asked', () => {
    expect(matches([{ prefix: { 'equals-ignore-case': 'post_' } }], 'POST_type')).toBe(true);
    expect(matches([{ suffix: { 'equals-ignore-case': '.JPG' } }], 'a.jpg')).toBe(true);
    expect(matches([{ suffix: 'jpg' }], null)).toBe(false);
  });

  it('ask every column named, and any of its alternatives', () => {
    const cell = fc.constantFrom<Json>('a', 'b', null, 1);
    const pattern = fc.dictionary(fc.constantFrom('x', 'y'), fc.array(cell, { minLength: 1 }), { minKeys: 1 });
    fc.assert(
      fc.property(pattern, fc.record({ x: cell, y: cell }), (wanted, row) => {
        const expected = Object.entries(wanted).every(([column, values]) => values.includes(row[column as 'x' | 'y']));
        expect(compilePattern(wanted as never, 'after')!({ after: row })).toBe(expected);
      }),
    );
  });
});

describe('what changed', () => {
  const tables = readTables(`tables:
  t:
    key: id
    stream: t-{id}
    events:
      t-released: {op: u, changed: {status: {from: [held, {prefix: wait}], to: [free]}}}
      t-both: {op: u, changed: {status: {}, price: {}}}`);
  const actions = (before: Record<string, Json>, after: Record<string, Json>) => {
    const [mapped] = compileMapping(tables).of([
      { table: 't', op: 'u', pos: 1, row: 0, before: { id: 1, ...before }, after: { id: 1, ...after } },
    ]);
    return mapped?.kind === 'mapped' ? mapped.events.map(({ action }) => action) : mapped?.kind;
  };

  it('is asked from what and to what', () => {
    expect(actions({ status: 'held', price: 1 }, { status: 'free', price: 1 })).toEqual(['t-released']);
    expect(actions({ status: 'waiting', price: 1 }, { status: 'free', price: 2 })).toEqual(['t-released', 't-both']);
    expect(actions({ status: 'free', price: 1 }, { status: 'free', price: 2 })).toBe('unmapped');
  });

  it('is nothing where the image after lacks a column, and unclear where only the one before does', () => {
    expect(actions({ status: 'held', price: 1 }, { price: 2 })).toBe('unmapped');
    expect(actions({ price: 1 }, { status: 'free', price: 1 })).toBe('unclear');
  });
});

describe('JSON of a column', () => {
  it('keeps every number: what JavaScript would alter stays text', () => {
    expect(parseExactJson('{"a":9007199254740993,"b":[1.10,-0.0,1e400,"9007199254740993"],"c":0.1}')).toEqual({
      a: '9007199254740993',
      b: [1.1, '-0.0', '1e400', '9007199254740993'],
      c: 0.1,
    });
  });

  it('is what JSON.parse gives for all that JavaScript can write', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const value = JSON.parse(text);
        if (!/-0(?![.\d])/.test(text)) expect(parseExactJson(text)).toEqual(value);
      }),
    );
  });
});
