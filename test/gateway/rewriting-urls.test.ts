import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Naming } from '../../gateway/rewriting/naming.ts';
import { urlsToPublic, urlsToUpstream } from '../../gateway/rewriting/url-pattern.ts';
import { rewriteUrls, UrlRewriter } from '../../gateway/rewriting/url-rewriter.ts';

const naming: Naming = {
  publicScheme: 'https',
  publicAuthority: 'shop.example:8443',
  upstreamOrigin: 'http://up:8000',
  knownAs: [],
};
const publicly = (text: string, of: Partial<Naming> = {}) => rewriteUrls(text, urlsToPublic({ ...naming, ...of }));
const whole = (text: string, other: Naming) => rewriteUrls(text, urlsToPublic(other));

describe('replacing URLs in a text', () => {
  it.each([
    ['plain', 'http://up:8000/a', 'https://shop.example:8443/a'],
    ['of another scheme', 'https://up:8000/a', 'https://shop.example:8443/a'],
    ['of a WebSocket', "new WebSocket('ws://up:8000/live')", "new WebSocket('wss://shop.example:8443/live')"],
    ['without scheme', '<img src="//up:8000/x.png">', '<img src="//shop.example:8443/x.png">'],
    ['as JSON escapes it', String.raw`"http:\/\/up:8000\/a"`, String.raw`"https:\/\/shop.example:8443\/a"`],
    ['as JSON escapes it, without scheme', String.raw`"\/\/up:8000\/a"`, String.raw`"\/\/shop.example:8443\/a"`],
    ['percent-encoded', 'to=http%3A%2F%2Fup%3A8000%2Fa', 'to=https%3A%2F%2Fshop.example%3A8443%2Fa'],
    ['percent-encoded in lower case', 'to=http%3a%2f%2fup%3a8000%2f', 'to=https%3a%2f%2fshop.example%3A8443%2f'],
    ['percent-encoded in part', 'to=http:%2F%2Fup:8000/', 'to=https:%2F%2Fshop.example:8443/'],
    ['percent-encoded, without scheme', 'to=%2F%2Fup%3A8000', 'to=%2F%2Fshop.example%3A8443'],
    ['nested twice', 'http%253A%252F%252Fup%253A8000', 'https%253A%252F%252Fshop.example%253A8443'],
    ['in capitals', 'HTTP://UP:8000/A', 'https://shop.example:8443/A'],
    ['at the end of a sentence', 'see http://up:8000.', 'see https://shop.example:8443.'],
    ["with the client's host and the application's port", 'http://shop.example:8000/', 'https://shop.example:8443/'],
    ["with the client's authority and the wrong scheme", 'http://shop.example:8443/', 'https://shop.example:8443/'],
    ['after a line break that JSON escapes', String.raw`"\nhttp://up:8000"`, String.raw`"\nhttps://shop.example:8443"`],
  ])('changes one that is written %s', (_, before, after) => {
    expect(publicly(before)).toBe(after);
  });

  it.each([
    ['another port', 'http://up:80001/ http://up:800/ http://up/'],
    ['a longer name', 'http://notup:8000/ http://up.example:8000/ http://cdn-up:8000/ //x.up:8000/'],
    ['a name that goes on', 'http://up:8000.example/ http://up:8000-a/'],
    ["a user's name", 'http://up:8000@evil.example/ http://user@up:8000/ http%3A%2F%2Fup%3A8000%40evil'],
    ['a path with an empty segment', '/cache//up:8000/x https://else.example//up:8000'],
    ['another scheme', 'ftp://up:8000/ redis://up:8000'],
    ['the authority alone', 'connect to up:8000'],
    ['what is public already', 'https://shop.example:8443/ //shop.example:8443/'],
    ['an unknown site', 'https://else.example/?x=1'],
  ])('leaves %s as it is', (_, text) => {
    expect(publicly(text)).toBe(text);
  });

  it("knows that a scheme's own port may be left out or written", () => {
    const other = { ...naming, publicAuthority: 'shop.example', upstreamOrigin: 'http://legacy.internal' };
    expect(whole('http://legacy.internal/ http://legacy.internal:80/ //legacy.internal"', other)).toBe(
      'https://shop.example/ https://shop.example/ //shop.example"',
    );
    const kept = 'http://legacy.internal:8080/ http://legacy.internal.example/ http://legacy.internalé';
    expect(whole(kept, other)).toBe(kept);
  });

  it('knows what else the application calls itself', () => {
    const other = { ...naming, knownAs: ['http://www.old.example', 'http://10.0.0.5:81'] };
    expect(whole('http://www.old.example/a //10.0.0.5:81/ http://up:8000/ http://old.example/', other)).toBe(
      'https://shop.example:8443/a //shop.example:8443/ https://shop.example:8443/ http://old.example/',
    );
  });

  it('knows an IPv6 address in brackets, encoded or not', () => {
    const other = { ...naming, publicAuthority: '[2001:db8::7]:8443', upstreamOrigin: 'http://[::1]:8000' };
    expect(whole('http://[::1]:8000/ http%3A%2F%2F%5B%3A%3A1%5D%3A8000', other)).toBe(
      'https://[2001:db8::7]:8443/ https%3A%2F%2F%5B2001%3Adb8%3A%3A7%5D%3A8443',
    );
  });

  it('changes nothing where client and application use the same name', () => {
    const same: Naming = {
      publicScheme: 'http',
      publicAuthority: 'up:8000',
      upstreamOrigin: 'http://up:8000',
      knownAs: [],
    };
    expect(whole('http://up:8000/', same)).toBe('http://up:8000/');
  });

  it('leads back to where it came from', () => {
    const back = urlsToUpstream(naming);
    const text = '?to=https%3A%2F%2Fshop.example%3A8443%2Fa&x=https://shop.example:8443/';
    expect(rewriteUrls(text, back)).toBe('?to=http%3A%2F%2Fup%3A8000%2Fa&x=http://up:8000/');
    expect(rewriteUrls('?to=http%3A%2F%2Felse.example%2F', back)).toBe('?to=http%3A%2F%2Felse.example%2F');
  });
});

/** Texts that are made of what matches are made of, so that nearly all of them nearly match. */
// biome-ignore format: one list
const shards = [
  'http', 'https', 'ws', ':', '%3A', '%3a', '%253A', '//', '/', String.raw`\/`, '%2F', '%2f', '%252F', 'up', 'notup', ':8000', '%3A8000',
  '8000', '1', '.', '@', '"', ' ', '=', 'é', 'shop.example', ':8443', '\n', '%', '25',
];
const nearlyUrls = fc.array(fc.constantFrom(...shards), { maxLength: 30 }).map((parts) => parts.join(''));
const urls = fc.constantFrom(
  'http://up:8000/x',
  String.raw`http:\/\/up:8000\/`,
  'http%3A%2F%2Fup%3A8000',
  '"//up:8000"',
);
const texts = fc.array(fc.oneof(nearlyUrls, urls), { maxLength: 6 }).map((parts) => parts.join(''));

describe('replacing URLs in a text that comes in pieces', () => {
  it('gives at every cut the same as for the whole', () => {
    const pattern = urlsToPublic(naming);
    fc.assert(
      fc.property(texts, (text) => {
        const expected = rewriteUrls(text, pattern);
        for (let cut = 0; cut <= text.length; cut += 1) {
          const rewriter = new UrlRewriter(pattern);
          const pieces = [rewriter.write(text.slice(0, cut)), rewriter.write(text.slice(cut)), rewriter.end()];
          expect(pieces.join('')).toBe(expected);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('gives the same for any pieces, a byte long or thousands', () => {
    const pattern = urlsToPublic(naming);
    const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 400 })), {
      minLength: 1,
    });
    fc.assert(
      fc.property(fc.array(texts, { maxLength: 20 }), sizes, (parts, lengths) => {
        const text = parts.join(' '.repeat(37));
        const rewriter = new UrlRewriter(pattern);
        let out = '';
        for (let at = 0, turn = 0; at < text.length; turn += 1) {
          const length = lengths[turn % lengths.length]!;
          out += rewriter.write(text.slice(at, at + length));
          at += length;
        }
        expect(out + rewriter.end()).toBe(rewriteUrls(text, pattern));
      }),
      { numRuns: 1_000 },
    );
  });

  it('leaves any text without such a URL as it is', () => {
    const pattern = urlsToPublic(naming);
    fc.assert(
      fc.property(texts, (text) => {
        fc.pre(!/up(?::|%(?:25)*3a)8000|shop\.example/i.test(text));
        expect(rewriteUrls(text, pattern)).toBe(text);
      }),
      { numRuns: 2_000 },
    );
  });

  it('leaves no such URL behind, and finds none in what it wrote', () => {
    const pattern = urlsToPublic(naming);
    fc.assert(
      fc.property(texts, (text) => {
        const once = rewriteUrls(text, pattern);
        expect(rewriteUrls(once, pattern)).toBe(once);
      }),
      { numRuns: 2_000 },
    );
  });

  it('holds back nothing but what may be the beginning of a URL', () => {
    const rewriter = new UrlRewriter(urlsToPublic(naming));
    expect(rewriter.write('data: {"at":"http://up:8000/1"}\n\n')).toBe(
      'data: {"at":"https://shop.example:8443/1"}\n\n',
    );
    expect(rewriter.write('<a href="http://up:80')).toBe('<a href="');
    expect(rewriter.write('00/')).toBe('');
    expect(rewriter.write('">')).toBe('https://shop.example:8443/">');
  });

  it('holds back a bounded number of bytes of a text without an end', () => {
    const pattern = urlsToPublic(naming);
    const rewriter = new UrlRewriter(pattern);
    const out = rewriter.write('h'.repeat(100_000));
    expect(out.length).toBeGreaterThanOrEqual(100_000 - pattern.maxLength);
  });
});
