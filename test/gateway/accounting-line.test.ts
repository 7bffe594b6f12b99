import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAccessLine } from '../../gateway/accounting/access-line.ts';
import { createUserHash, unitHash } from '../../gateway/accounting/hashes.ts';
import { jsonContent } from '../../gateway/accounting/json-text.ts';
import type { RequestRecord } from '../../gateway/accounting/request-record.ts';
import { record } from './accounting-record.ts';

const line = createAccessLine({ query: false, userHash: createUserHash('a secret of sixteen') });
const read = (text: string) => JSON.parse(text) as Record<string, unknown>;

/** Any UTF-16, lone surrogates and controls included, and what a socket gives: bytes as latin1. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
  fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('latin1')),
  fc.constantFrom(
    '"',
    '\\',
    '\n',
    '\r\n',
    '\u0000',
    '\u007f',
    '\u0085',
    '\u2028',
    '\ud800',
    '\udc00\ud800',
    '\u202e',
    '"}\n{"',
  ),
);

describe('a line of the access log', () => {
  it('tells everything that is known of a request', () => {
    expect(
      read(
        line(
          record({
            startedAtMs: Date.UTC(2026, 0, 31, 12, 0, 0, 7),
            durationMs: 12.3456,
            firstByteMs: 4,
            waitedMs: 2.5,
            stage: 'canary',
            shadow: 'legacy',
            retries: 1,
            code: 'upstream-broke-off',
            fallback: 'the new side answered 500',
            reasons: [{ step: 'bypass' }, { step: 'fallback', because: 'the new side answered 500' }],
          }),
        ),
      ),
    ).toEqual({
      time: '2026-01-31T12:00:00.007Z',
      requestId: '0123456789abcdef0123456789abcdef',
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      client: '192.0.2.7',
      host: 'shop.example',
      method: 'GET',
      target: '/shipments/7',
      route: 'GET /shipments/{id}',
      capability: 'shipments',
      stage: 'canary',
      side: 'new',
      shadow: 'legacy',
      decision: ['bypass', 'fallback'],
      unit: unitHash('a-key-of-22-characters'),
      user: expect.stringMatching(/^[0-9a-f]{16}$/),
      status: 200,
      outcome: 'answered',
      code: 'upstream-broke-off',
      durationMs: 12.346,
      firstByteMs: 4,
      waitedMs: 2.5,
      retries: 1,
      bytesIn: 0,
      bytesOut: 1024,
      fallback: 'the new side answered 500',
    });
  });

  it('leaves out what does not apply', () => {
    const refused: Partial<RequestRecord> = {
      host: undefined,
      clientAddress: undefined,
      method: undefined,
      target: undefined,
      route: undefined,
      capability: undefined,
      stage: undefined,
      side: undefined,
      reasons: [],
      assignmentKey: undefined,
      user: undefined,
      status: 400,
      outcome: 'refused',
      code: 'bad-request',
      firstByteMs: undefined,
      bytesIn: undefined,
      bytesOut: undefined,
    };
    expect(Object.keys(read(line(record(refused))))).toEqual([
      'time',
      'requestId',
      'traceId',
      'status',
      'outcome',
      'code',
      'durationMs',
    ]);
  });

  it('has neither the assignment key, nor the user, nor the query', () => {
    const text = line(record({ target: '/shipments/7?token=geheim', user: 'alice', assignmentKey: 'the-key' }));
    expect(text).not.toMatch(/geheim|alice|the-key/);
  });

  it('has the query where that is declared', () => {
    const withQuery = createAccessLine({ query: true, userHash: (user) => user });
    expect(read(withQuery(record({ target: '/a?b=c' }))).target).toBe('/a?b=c');
  });

  it('stays one line that gives every value back, whatever clients and configurations say', () => {
    fc.assert(
      fc.property(anyText, anyText, anyText, anyText, anyText, (target, host, method, route, requestId) => {
        const text = line(record({ target: `/${target.replaceAll('?', '')}`, host, method, route, requestId }));
        expect(text.indexOf('\n')).toBe(text.length - 1);
        expect(read(text)).toMatchObject({ target: `/${target.replaceAll('?', '')}`, host, method, route, requestId });
      }),
      { numRuns: 500 },
    );
  });

  it('survives being written as UTF-8', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(JSON.parse(Buffer.from(`"${jsonContent(text)}"`).toString())).toBe(text);
      }),
      { numRuns: 1_000 },
    );
  });

  it('holds nothing that a terminal would act on', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there.
        expect(jsonContent(text)).not.toMatch(/[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/);
      }),
    );
  });

  it('rounds times to microseconds, up to days', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (durationMs) => {
        const told = read(line(record({ durationMs }))).durationMs as number;
        expect(Math.abs(told - durationMs)).toBeLessThanOrEqual(0.000_51);
      }),
    );
  });

  it('tells the ways of many more requests than it remembers rightly', () => {
    for (let index = 0; index < 25_000; index += 1) {
      const route = `GET /${index % 12_000}`;
      expect(line(record({ route, reasons: [{ step: 'otherwise' }] }))).toContain(
        `"route":"${route}","capability":"shipments","stage":"new","side":"new","decision":["otherwise"],`,
      );
    }
  });
});

describe('the hashes that stand for clients', () => {
  it('are the same for the same and differ between any two', () => {
    const keys = Array.from({ length: 50_000 }, (_, index) => `key-${index}`);
    expect(new Set(keys.map(unitHash)).size).toBe(keys.length);
    expect(unitHash('key-7')).toBe(unitHash('key-7'));
  });

  it('of users cannot be tried out without the secret', () => {
    expect(createUserHash('one secret of sixteen')('alice')).not.toBe(createUserHash('another secret of 16')('alice'));
    const hash = createUserHash('one secret of sixteen');
    const first = hash('alice');
    for (let index = 0; index < 10_001; index += 1) hash(`user-${index}`);
    expect(hash('alice')).toBe(first);
  });
});
