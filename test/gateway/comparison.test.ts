import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { maxDecodedBytes } from '../../gateway/comparison/body.ts';
import { type Comparison, compare } from '../../gateway/comparison/compare.ts';
import { type CompareRules, compareSchema, noRules } from '../../gateway/comparison/config.ts';
import { foldHeaders } from '../../gateway/comparison/fold-headers.ts';
import type { Observation } from '../../gateway/comparison/observation.ts';
import { maxJsonDepth } from '../../gateway/comparison/parse-json.ts';
import { formatPointer } from '../../gateway/comparison/selector.ts';

type Answer = Extract<Observation, { kind: 'answer' }>;

function answer(body: string | Buffer, headers: Record<string, string> = {}, over: Partial<Answer> = {}): Answer {
  return { kind: 'answer', status: 200, headers, body: Buffer.from(body), oversize: false, durationMs: 1, ...over };
}

const json = (value: unknown, over: Partial<Answer> = {}) =>
  answer(typeof value === 'string' ? value : JSON.stringify(value), { 'content-type': 'application/json' }, over);
const html = (text: string) => answer(text, { 'content-type': 'text/html; charset=utf-8' });
const failure: Observation = { kind: 'failure', reason: 'connection refused', durationMs: 1 };
const rules = (input: object): CompareRules => compareSchema.parse(input);
const paths = (comparison: Comparison) =>
  comparison.kind === 'mismatched' ? comparison.differences.map(({ path }) => path) : [];

describe('what is not comparable', () => {
  test.each([
    ['control gave no answer', failure, 'control-failed'],
    ['control answered a range', json({}, { status: 206 }), 'partial-content'],
    ['control answered a condition', json('', { status: 304 }), 'not-modified'],
    ['control is longer than the budget', json({}, { oversize: true }), 'control-oversize'],
  ])('%s', (_, control, reason) => {
    expect(compare(control, json({ a: 1 }), noRules)).toMatchObject({ kind: 'not-comparable', reason });
  });

  test('control is a decompression bomb, while the same bomb on the candidate is a mismatch', () => {
    const bomb = answer(gzipSync(Buffer.alloc(maxDecodedBytes + 1)), { 'content-encoding': 'gzip' });
    expect(compare(bomb, answer('x'), noRules)).toMatchObject({ reason: 'control-undecodable' });
    expect(compare(answer('x'), bomb, noRules)).toMatchObject({
      kind: 'mismatched',
      differences: [{ kind: 'unreadable', reason: `gzip body decodes to more than ${maxDecodedBytes} bytes` }],
    });
  });
});

describe('what is always a mismatch', () => {
  test('a candidate that failed', () => {
    expect(compare(json({}), failure, noRules)).toMatchObject({
      kind: 'mismatched',
      differences: [{ kind: 'failure', path: 'answer', reason: 'connection refused' }],
    });
  });

  test('a candidate that is longer than the budget', () => {
    expect(paths(compare(json({}), json({}, { oversize: true }), noRules))).toEqual(['body']);
  });

  test('another status, told alone: the bodies of a page and of an error have nothing to compare', () => {
    expect(paths(compare(json({ a: 1 }), json({ error: 1 }, { status: 500 }), noRules))).toEqual(['status']);
  });
});

describe('JSON is compared by structure', () => {
  test.each<[string, unknown, unknown, string[]]>([
    ['key order tells nothing', '{"a":1,"b":2}', '{"b":2, "a":1}', []],
    ['numbers are compared by value', '[1.0,1e2,0.10]', '[1,100,0.1]', []],
    ['missing and null are distinct', { a: null }, {}, ['/a']],
    ['a number and its text are distinct', { price: 12.5 }, { price: '12.50' }, ['/price']],
    ['array order counts', [1, 2], [2, 1], ['/0', '/1']],
    ['a longer array has more', { items: [1] }, { items: [1, 2] }, ['/items/1']],
    ['pointers are escaped', { 'a/b': { '~': 1 } }, { 'a/b': { '~': 2 } }, ['/a~1b/~0']],
    ['keys that every object inherits are ordinary', '{"__proto__":1}', '{}', ['/__proto__']],
    ['integers beyond 2^53 stay distinct', '[12345678901234567890]', '[12345678901234567891]', ['/0']],
    ['decimals beyond a double stay distinct', '[123456789.123456789]', '[123456789.123456788]', ['/0']],
    ['and are still compared by value', '[12345678901234567890, 1e400]', '[12345678901234567890.0, 10e399]', []],
    [
      'digits inside strings are left alone',
      '["12345678901234567890e1\\"", 1e0]',
      '["12345678901234567890e1\\"",1]',
      [],
    ],
  ])('%s', (_, control, candidate, expected) => {
    expect(paths(compare(json(control), json(candidate), noRules))).toEqual(expected);
  });

  test('also where the content type says HTML, as PHP does unless told otherwise', () => {
    expect(compare(html('{"a":1,"b":2}'), html('{"b":2,"a":1}'), noRules)).toEqual({ kind: 'equal' });
  });

  test('a document nested too deep for a recursive walk is compared as text', () => {
    const deep = (leaf: string) => '['.repeat(maxJsonDepth * 50) + leaf + ']'.repeat(maxJsonDepth * 50);
    expect(paths(compare(json(deep('1')), json(deep('2')), noRules))).toEqual(['line 1']);
  });

  test('JSON against rubbish is one difference, not one per line', () => {
    expect(compare(json({ a: 1 }), json('<b>oops</b>\n'.repeat(50)), noRules)).toMatchObject({
      differences: [{ kind: 'form', control: 'json', candidate: 'text' }],
    });
  });
});

describe('rules', () => {
  test.each<[string, object, unknown, unknown, string]>([
    ['ignore hides a place and what is below', { ignore: ['/meta'] }, { meta: { at: 1 } }, { meta: 2 }, 'ignore /meta'],
    [
      'ignore with a star hides any one segment',
      { ignore: ['/i/*/at'] },
      { i: [{ at: 1 }] },
      { i: [{ at: 2 }] },
      'ignore /i/*/at',
    ],
    ['unordered arrays', { unordered: ['/i'] }, { i: [1, 2] }, { i: [2, 1] }, 'unordered /i'],
    ['tolerance of numbers', { tolerance: { '/t': 0.01 } }, { t: 1.1 }, { t: 1.11 }, 'tolerance /t: 0.01'],
    ['tolerance of decimal texts', { tolerance: { '/t': 0.01 } }, { t: '1.10' }, { t: '1.11' }, 'tolerance /t: 0.01'],
    [
      'the same instant',
      { equivalent: { '/t': 'instant' } },
      { t: '2025-12-24 10:00:00' },
      { t: '2025-12-24T11:00:00+01:00' },
      'equivalent /t: instant',
    ],
    ['a zero date and null', { equivalent: { '/d': 'date' } }, { d: '0000-00-00' }, { d: null }, 'equivalent /d: date'],
    ['a number and its text', { equivalent: { '/p': 'number' } }, { p: '12.50' }, { p: 12.5 }, 'equivalent /p: number'],
    ['a tinyint and a boolean', { equivalent: { '/b': 'boolean' } }, { b: 1 }, { b: true }, 'equivalent /b: boolean'],
    ['null and missing', { equivalent: { '/e': 'empty' } }, { e: null }, {}, 'equivalent /e: empty'],
  ])('%s', (_, input, control, candidate, rule) => {
    const comparison = compare(json(control), json(candidate), rules(input));
    expect(comparison).toMatchObject({ kind: 'matched', ignored: [{ rule }] });
  });

  test('tolerance ends where it says', () => {
    const within = rules({ tolerance: { '/t': 0.01 } });
    expect(paths(compare(json({ t: 1.1 }), json({ t: 1.12 }), within))).toEqual(['/t']);
  });

  test('unordered elements are paired under the other rules', () => {
    const loose = rules({ unordered: ['/i'], ignore: ['/i/*/id'] });
    const control = json({
      i: [
        { id: 1, text: 'a' },
        { id: 2, text: 'b' },
      ],
    });
    const candidate = json({
      i: [
        { id: 8, text: 'b' },
        { id: 9, text: 'a' },
      ],
    });
    expect(compare(control, candidate, loose)).toMatchObject({ kind: 'matched' });
  });

  test('an unordered array with one element changed differs in that element only', () => {
    const control = json({ i: [1, 2, 3] });
    expect(paths(compare(control, json({ i: [3, 1, 9] }), rules({ unordered: ['/i'] })))).toEqual(['/i/1']);
  });

  test('a rule for a place below does not hide that the place above is gone', () => {
    expect(paths(compare(json({ a: { b: 1 } }), json({}), rules({ ignore: ['/a/b'] })))).toEqual(['/a']);
  });

  test('a malformed rule is refused with what was found and what was expected', () => {
    const issues = compareSchema.safeParse({ ignore: ['generatedAt', 'line:/(/'], equivalent: { x: 'date' } }).error!
      .issues;
    expect(issues.map(({ message }) => message)).toEqual([
      expect.stringContaining('found "generatedAt", expected a JSON Pointer'),
      expect.stringContaining('Invalid regular expression'),
      expect.anything(),
    ]);
  });

  test('an unknown rule is refused', () => {
    expect(compareSchema.safeParse({ strict: ['/a'] }).success).toBe(false);
  });
});

describe('text is compared by lines', () => {
  test('an inserted line is one difference, not all that follow', () => {
    expect(paths(compare(html('a\nb\nc\nd'), html('a\nx\nb\nc\nd'), noRules))).toEqual(['line 2']);
  });

  test('line endings tell nothing', () => {
    expect(compare(html('a\r\nb'), html('a\nb'), noRules)).toEqual({ kind: 'equal' });
  });

  test('an ignored line is matched by rule, wherever it stands', () => {
    const loose = rules({ ignore: ['line:/generated at/i'] });
    const comparison = compare(html('a\nGenerated at 10\nb'), html('a\nb\ngenerated at 11'), loose);
    expect(comparison).toMatchObject({ kind: 'matched', ignored: [{ rule: 'ignore line:/generated at/i' }] });
  });

  test('the same text in two charsets differs in the content type only', () => {
    const latin1 = answer(Buffer.from('Gödel', 'latin1'), { 'content-type': 'text/plain; charset=iso-8859-1' });
    const utf8 = answer('Gödel', { 'content-type': 'text/plain; charset=utf-8' });
    expect(paths(compare(latin1, utf8, noRules))).toEqual(['header.content-type']);
  });

  test('a declared text that is none is compared by bytes', () => {
    expect(compare(html('a'), { ...html(''), body: Buffer.from([0xff, 0xfe, 0x00]) }, noRules)).toMatchObject({
      differences: [{ kind: 'form', control: 'text', candidate: 'bytes' }],
    });
  });
});

describe('headers', () => {
  test('the ones that speak of the server or the transfer are not compared', () => {
    const noise = { date: 'now', etag: '"1"', server: 'Apache', 'set-cookie': 'a=1', 'content-length': '9', vary: '*' };
    expect(compare(answer('x', noise), answer('x'), noRules)).toEqual({ kind: 'equal' });
  });

  test('unless asked for', () => {
    expect(paths(compare(answer('x', { etag: '1' }), answer('x'), rules({ headers: ['ETag'] })))).toEqual([
      'header.etag',
    ]);
  });

  test('media types are compared by meaning', () => {
    const one = answer('{}', {
      'content-type': 'application/json; charset=UTF-8',
      'cache-control': 'no-store,private',
    });
    const other = answer('{}', { 'content-type': 'application/json', 'cache-control': 'Private, no-store' });
    expect(compare(one, other, noRules)).toEqual({ kind: 'equal' });
  });

  test('a redirect is its status and location; its body is shown to nobody', () => {
    const redirect = (location: string, body: string) => answer(body, { location }, { status: 302 });
    expect(compare(redirect('/x', 'Found'), redirect('/x', ''), noRules)).toEqual({ kind: 'equal' });
    const absolute = compare(redirect('http://a/x?y', ''), redirect('/x?y', ''), noRules);
    expect(paths(absolute)).toEqual(['header.location']);
    const loose = rules({ equivalent: { 'header.location': 'path' } });
    expect(compare(redirect('http://a/x?y', ''), redirect('/x?y', ''), loose)).toMatchObject({ kind: 'matched' });
  });

  test('repeated fields are folded, cookies line by line', () => {
    expect(foldHeaders(['A', '1', 'a', '2', 'Set-Cookie', 'x=1, 2', 'set-cookie', 'y', '__proto__', 'z'])).toEqual(
      Object.assign(Object.create(null), { a: '1, 2', 'set-cookie': 'x=1, 2\ny', ['__proto__']: 'z' }),
    );
  });
});

describe('content codings', () => {
  test.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
  ] as const)('%s is decoded', (coding, encode) => {
    const control = {
      ...json({}),
      body: encode('{"a":1}'),
      headers: { 'content-encoding': coding, 'content-type': 'application/json' },
    };
    expect(compare(control, json({ a: 1 }), noRules)).toEqual({ kind: 'equal' });
  });

  test('one that is not known makes control not comparable', () => {
    expect(compare(answer('x', { 'content-encoding': 'zstd' }), answer('y'), noRules)).toMatchObject({
      reason: 'control-undecodable',
      detail: 'content coding "zstd", expected gzip, deflate or br',
    });
  });
});

describe('for any input', () => {
  const contentType = fc.constantFrom(
    'application/json',
    'text/html',
    'image/png',
    '',
    'text/plain; charset=utf-16le',
    'x/y; charset=nope',
  );
  const coding = fc.option(fc.constantFrom('gzip', 'br', 'deflate', 'gzip, br', 'zstd', 'identity'), {
    nil: undefined,
  });
  const anyBytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.json().map((text) => Buffer.from(text)),
    fc.string({ unit: 'binary', maxLength: 100 }).map((text) => Buffer.from(text)),
  );
  const anyAnswer = fc.record({
    body: anyBytes,
    type: contentType,
    coding,
    oversize: fc.boolean(),
    status: fc.constantFrom(200, 206, 304, 302, 404),
  });
  const observation = anyAnswer.map(
    ({ body, type, coding, oversize, status }): Observation =>
      answer(body, { 'content-type': type, ...(coding ? { 'content-encoding': coding } : {}) }, { oversize, status }),
  );
  const someRules = rules({
    ignore: ['/a', '/*/b', 'line:/x/'],
    unordered: ['', '/a'],
    tolerance: { '/c': 1 },
    equivalent: { '/d': 'empty', '/*': 'number' },
  });

  test('nothing throws', () => {
    fc.assert(
      fc.property(observation, observation, (one, other) => void compare(one, other, someRules)),
      { numRuns: 500 },
    );
  });

  test('what can be compared equals itself', () => {
    fc.assert(
      fc.property(observation, (one) => {
        expect(['equal', 'not-comparable']).toContain(compare(one, one, noRules).kind);
      }),
    );
  });

  const value = fc.jsonValue({ maxDepth: 4 });
  test('the verdict does not depend on which side is control', () => {
    fc.assert(
      fc.property(value, value, (one, other) => {
        const there = compare(json(JSON.stringify(one)), json(JSON.stringify(other)), someRules);
        const back = compare(json(JSON.stringify(other)), json(JSON.stringify(one)), someRules);
        expect(there.kind).toBe(back.kind);
      }),
      { numRuns: 500 },
    );
  });

  test('nor does it for texts', () => {
    const text = fc
      .array(fc.constantFrom('a', 'b', 'x', ''), { maxLength: 12 })
      .map((lines) => html(`t\n${lines.join('\n')}`));
    fc.assert(
      fc.property(text, text, (one, other) => {
        expect(compare(one, other, someRules).kind).toBe(compare(other, one, someRules).kind);
      }),
    );
  });

  test('ignoring a place hides differences at and below that place and no other', () => {
    const key = fc.constantFrom('a', 'b', 'c');
    const tree = fc.dictionary(key, fc.oneof(fc.integer({ max: 3 }), fc.dictionary(key, fc.integer({ max: 3 }))));
    fc.assert(
      fc.property(tree, tree, fc.array(key, { minLength: 1, maxLength: 2 }), (one, other, path) => {
        const pointer = formatPointer(path);
        const all = paths(compare(json(one), json(other), noRules));
        const rest = paths(compare(json(one), json(other), rules({ ignore: [pointer] })));
        expect(rest).toEqual(all.filter((found) => found !== pointer && !found.startsWith(`${pointer}/`)));
      }),
    );
  });
});
