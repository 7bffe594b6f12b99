import { once } from 'node:events';
import { pipeline, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import zlib from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BodyRules, rewriteBodiesSchema } from '../../gateway/rewriting/config.ts';
import { type AnswerPlan, planAnswer } from '../../gateway/rewriting/plan-answer.ts';

const naming = {
  publicScheme: 'http',
  publicAuthority: 'shop.example',
  upstreamOrigin: 'http://up:8000',
  knownAs: [],
} as const;
const rulesOf = (keys: object) => rewriteBodiesSchema.parse(keys) as BodyRules;
const rules = rulesOf({});
const html = (...more: string[]) => ['Content-Type', 'text/html; charset=UTF-8', ...more];
const planned = (fields: string[], { status = 200, of = rules } = {}) =>
  planAnswer(status, fields, { naming, rules: of });

/** What the client gets of a body in pieces. */
async function sent({ body }: AnswerPlan, pieces: readonly Uint8Array[]): Promise<Buffer> {
  const way = body!();
  pipeline([Readable.from(pieces), ...way], () => {});
  return buffer(way.at(-1)!);
}

const codings: [string, (plain: Buffer) => Buffer, (coded: Buffer) => Buffer][] = [
  ['gzip', zlib.gzipSync, zlib.gunzipSync],
  ['x-gzip', zlib.gzipSync, zlib.gunzipSync],
  ['deflate', zlib.deflateSync, zlib.inflateSync],
  ['br', zlib.brotliCompressSync, zlib.brotliDecompressSync],
];
const page = Buffer.from('<a href="http://up:8000/ä">ä</a>'.repeat(500));
const publicPage = Buffer.from('<a href="http://shop.example/ä">ä</a>'.repeat(500));

describe('the plan for an answer', () => {
  it.each([
    ['no rules', html(), 200, undefined],
    ['another type', ['Content-Type', 'image/png'], 200, undefined],
    ['no type', [], 200, undefined],
    ['no body to come', html(), 304, undefined],
    ['a part of a body', html('Content-Range', 'bytes 0-9/99'), 206, 'partial'],
    ['a body that may not be transformed', html('Cache-Control', 'max-age=1, No-Transform'), 200, 'no-transform'],
    ['a coding that nobody knows', html('Content-Encoding', 'sdch'), 200, 'unknown-coding'],
    ['two codings', html('Content-Encoding', 'gzip, br'), 200, 'unknown-coding'],
  ] as const)('passes on as it comes: %s', (why, fields, status, untouched) => {
    const of = why === 'no rules' ? undefined : rules;
    const raw = [...fields, 'ETag', '"1"', 'Content-Length', '9'];
    expect(planAnswer(status, raw, { naming, rules: of })).toEqual({ fields: raw, body: undefined, untouched });
  });

  it('takes a type in any case, with parameters, and all of a kind', () => {
    expect(planned(['content-type', 'TEXT/HTML;charset=x']).body).toBeDefined();
    expect(planned(['content-type', 'image/svg+xml'], { of: rulesOf({ types: ['image/*'] }) }).body).toBeDefined();
    expect(planned(['content-type', 'imagery/svg'], { of: rulesOf({ types: ['image/*'] }) }).body).toBeUndefined();
  });

  it('no longer claims what is only true of the bytes that came', () => {
    const about = [
      'Content-MD5',
      'x',
      'Digest',
      'x',
      'Content-Digest',
      'x',
      'Repr-Digest',
      'x',
      'Accept-Ranges',
      'bytes',
    ];
    const raw = html('Content-Length', '9', 'ETag', '"1"', ...about, 'Vary', 'Cookie', 'Content-Encoding', 'gzip');
    expect(planned(raw).fields).toEqual(html('ETag', 'W/"1"', 'Vary', 'Cookie', 'Content-Encoding', 'gzip'));
    expect(planned(html('ETag', 'W/"1"')).fields).toEqual(html('ETag', 'W/"1"'));
    const identity = planned(raw, { of: rulesOf({ coding: 'identity' }) });
    expect(identity.fields).toEqual(html('ETag', 'W/"1"', 'Vary', 'Cookie'));
  });
});

describe('a body that is rewritten', () => {
  it('keeps every byte of other encodings', async () => {
    const bytes = Buffer.from([0xff, 0, 0x80, ...Buffer.from('http://up:8000/'), 0xe4, 0xc3]);
    const expected = Buffer.from([0xff, 0, 0x80, ...Buffer.from('http://shop.example/'), 0xe4, 0xc3]);
    expect(await sent(planned(html()), [bytes])).toEqual(expected);
  });

  it('is byte for byte what came, when it names nothing of ours', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 })), async (pieces) => {
        expect(await sent(planned(html()), pieces)).toEqual(Buffer.concat(pieces));
      }),
    );
  });

  it.each(codings)('comes in %s and goes in it, wherever it is cut', async (name, encode, decode) => {
    const coded = encode(page);
    const plan = planned(html('Content-Encoding', name));
    for (let cut = 1; cut < coded.length; cut += 1) {
      const out = decode(await sent(plan, [coded.subarray(0, cut), coded.subarray(cut)]));
      expect(out.toString()).toBe(publicPage.toString());
    }
  });

  it.each(codings)('comes in %s and goes plain, where that is declared', async (name, encode) => {
    const plan = planned(html('Content-Encoding', name), { of: rulesOf({ coding: 'identity' }) });
    expect(await sent(plan, [encode(page)])).toEqual(publicPage);
  });

  it('is understood when it says deflate and sends it without its envelope', async () => {
    const plan = planned(html('Content-Encoding', 'deflate'), { of: rulesOf({ coding: 'identity' }) });
    expect(await sent(plan, [zlib.deflateRawSync(page)])).toEqual(publicPage);
  });

  it.each(codings)('may be empty in %s', async (name) => {
    const plan = planned(html('Content-Encoding', name), { of: rulesOf({ coding: 'identity' }) });
    expect(await sent(plan, [])).toEqual(Buffer.alloc(0));
  });

  it('goes on at once with what is decided, compressed or not', async () => {
    const [decoder, rewriting, encoder] = planned(html('Content-Encoding', 'gzip')).body!();
    decoder!.pipe(rewriting!).pipe(encoder!);
    const source = zlib.createGzip({ flush: zlib.constants.Z_SYNC_FLUSH });
    source.pipe(decoder!);
    const client = encoder!.pipe(zlib.createGunzip());
    source.write('data: http://up:8000/1\n\n');
    expect(String((await once(client, 'data'))[0])).toBe('data: http://shop.example/1\n\n');
    source.destroy();
  });

  it.each([
    ['becomes too many times as long', { maxExpansion: 100 }, 'answer-expands'],
    ['becomes too long', { maxExpansion: 1100, maxDecoded: '4MiB' }, 'answer-expands'],
  ])('breaks off when it %s, in bounded memory', async (_, keys, code) => {
    const bomb = zlib.gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const plan = planned(html('Content-Encoding', 'gzip'), { of: rulesOf({ ...keys, coding: 'identity' }) });
    const way = plan.body!();
    const ended = new Promise((resolve) => pipeline([Readable.from([bomb]), ...way], resolve));
    let seen = 0;
    way.at(-1)!.on('data', (chunk: Buffer) => {
      seen += chunk.length;
    });
    expect(await ended).toMatchObject({ code });
    expect(seen).toBeLessThan(8 * 1024 * 1024);
  });

  it.each(codings)('breaks off when it is no %s, or is cut short', async (name, encode) => {
    const plan = planned(html('Content-Encoding', name));
    const coded = encode(page);
    for (const wrong of [Buffer.from('\x01not at all compressed'), coded.subarray(0, coded.length - 5)]) {
      await expect(sent(plan, [wrong])).rejects.toMatchObject({ code: 'upstream-bad-answer' });
    }
  });

  it('lets a text of one letter expand as it likes while it is short', async () => {
    const plan = planned(html('Content-Encoding', 'gzip'), { of: rulesOf({ coding: 'identity', maxExpansion: 2 }) });
    expect(await sent(plan, [zlib.gzipSync(Buffer.alloc(500_000))])).toHaveLength(500_000);
  });
});
