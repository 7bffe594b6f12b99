import { describe, expect, test } from 'vitest';
import { formatTraceparent, isTraceparent, parseTraceparent } from '../../contract/traceparent.ts';

const parent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const named = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7', sampled: true };

const malformed = [
  undefined,
  '',
  `${parent}-x`,
  `${parent}\n`,
  `${parent}, ${parent}`,
  parent.toUpperCase(),
  parent.replace(/^00/, 'ff'),
  '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
  '00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01',
  "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'*/",
];

describe('a traceparent', () => {
  test('is recognised by the grammar of W3C Trace Context', () => {
    expect(isTraceparent(parent)).toBe(true);
    expect(parseTraceparent(parent)).toEqual(named);
  });

  test.each(malformed)('%j is none', (text) => {
    expect(isTraceparent(text)).toBe(false);
    expect(parseTraceparent(text)).toBeUndefined();
  });

  test('of a later version is read as far as we know it', () => {
    expect(parseTraceparent(`cc${parent.slice(2)}-what-comes-then`)).toEqual(named);
    expect(parseTraceparent(`cc${parent.slice(2)}.what-comes-then`)).toBeUndefined();
  });

  test.each([
    ['00', false],
    ['02', false],
    ['03', true],
    ['ff', true],
  ])('with flags %s says sampled: %s', (flags, sampled) => {
    expect(parseTraceparent(parent.replace(/01$/, flags))).toEqual({ ...named, sampled });
  });

  test('is written as it is read', () => {
    expect(formatTraceparent(named)).toBe(parent);
    expect(formatTraceparent({ ...named, sampled: false })).toBe(parent.replace(/01$/, '00'));
  });
});
