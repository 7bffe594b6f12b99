import { describe, expect, test } from 'vitest';
import { isTraceparent, nextTraceparent } from '../../contract/traceparent.ts';

const parent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

describe('a traceparent', () => {
  test('is recognised by the grammar of W3C Trace Context', () => {
    expect(isTraceparent(parent)).toBe(true);
  });

  test.each([
    undefined,
    '',
    `${parent}-x`,
    `${parent}\n`,
    parent.toUpperCase(),
    parent.replace(/^00/, 'ff'),
    '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
    '00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01',
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'*/",
  ])('%j is none', (text) => {
    expect(isTraceparent(text)).toBe(false);
  });

  test('has children in the same trace with the same flags', () => {
    const child = nextTraceparent(parent);
    expect(isTraceparent(child)).toBe(true);
    expect(child).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01$/);
    expect(child).not.toBe(parent);
  });

  test.each([undefined, 'rubbish'])('starts a new, unsampled trace after %j', (malformed) => {
    const random = (bytes: number) => Buffer.alloc(bytes, 0xab);
    expect(nextTraceparent(malformed, random)).toBe(`00-${'ab'.repeat(16)}-${'ab'.repeat(8)}-00`);
  });
});
