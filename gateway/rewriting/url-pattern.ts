import { insideAuthorities, type Naming, upstreamPlace } from './naming.ts';

/** How often a percent escape may itself be escaped (`%2F`, `%252F`, `%25252F`): URLs nested in URLs, three deep. */
const deepest = '(?:25){0,2}';
const colon = `(?::|%${deepest}3A)`;
/** Plain, as JSON writers escape it, and percent-encoded. */
const slashes = String.raw`(?:\/\/|\\\/\\\/|%${deepest}2F%${deepest}2F)`;
/** Before a URL without scheme: nothing that a path or a longer name could end in, or an encoded delimiter. */
const delimiter = String.raw`(?:(?<![\w.~\/:%\\-])|(?<=%${deepest}(?:20|22|27|28|2C|3B|3D|5B|7B)))`;
/** After the authority: what would make it a longer name, another port or a user's name. */
const longerName = String.raw`(?!\w|-|@|%${deepest}40|[.][\w-]|${colon}\w)`;
/** A name that ends without a port could go on in any letter (an internationalised name). */
const longerWord = String.raw`(?![\x80-\xff])`;

/** The longest that one character can be spelled: `%25253A`. */
const longestSpelling = 7;
/** The most of the text before a match that decides whether it is one. */
export const lookBehind = longestSpelling;

/** Finds the URLs in a text that have to be changed, and says what each becomes. */
export interface UrlPattern {
  /** Global. Its matches are to be given to `replacement`, whole. */
  readonly expression: RegExp;
  replacement(found: RegExpExecArray): string;
  /** Global. Stands in every match: a text without it has none. */
  readonly hint: RegExp;
  /** No match is longer, together with what follows it and decides whether it is one. */
  readonly maxLength: number;
}

/**
 * The URLs by which an application means itself, in a text: plain (`http://up:8000`), without scheme (`//up:8000`), as JSON escapes them
 * (`http:\/\/up:8000`), percent-encoded (`http%3A%2F%2Fup%3A8000`, also nested), with http, https, ws or wss. Each becomes the public name
 * in the same spelling. Never touched: a longer name or another port (`up:80001`, `notup:8000`), a URL with a user's name.
 */
export function urlsToPublic(naming: Naming): UrlPattern {
  const { publicAuthority, publicScheme } = naming;
  const inside = insideAuthorities(naming);
  const ofInside = `(?:(https?|wss?)(${colon})|${delimiter})(${slashes})(${oneOf(inside)})`;
  const insecure = `(http|ws)(${colon})(${slashes})(${oneOf([publicAuthority])})`;
  const secure = publicScheme === 'https';
  return {
    expression: finding(secure ? [ofInside, insecure] : [ofInside]),
    replacement: replacing(publicAuthority, (scheme) => {
      if (scheme.toLowerCase().startsWith('ws')) return secure ? 'wss' : 'ws';
      return publicScheme;
    }),
    hint: hintOf([...inside, ...(secure ? [publicAuthority] : [])]),
    maxLength: Math.max(...[...inside, publicAuthority].map(longestUrl)),
  };
}

/** The reverse, for what a client sends: URLs of the public site, with its scheme, become the application's own. */
export function urlsToUpstream(naming: Naming): UrlPattern {
  const { publicScheme, publicAuthority, upstreamOrigin } = naming;
  const scheme = upstreamOrigin.slice(0, upstreamOrigin.indexOf(':'));
  return {
    expression: finding([`(${publicScheme})(${colon})(${slashes})(${oneOf([publicAuthority])})`]),
    replacement: replacing(upstreamPlace(upstreamOrigin).authority, () => scheme),
    hint: hintOf([publicAuthority]),
    maxLength: longestUrl(publicAuthority),
  };
}

function finding(alternatives: readonly string[]): RegExp {
  return new RegExp(`(?:${alternatives.join('|')})${longerName}`, 'gi');
}

/** Of each authority the longest piece that has one spelling only. */
function hintOf(authorities: readonly string[]): RegExp {
  const pieces = authorities.map((authority) => authority.split(/[:[\]]/).sort((a, b) => b.length - a.length)[0]!);
  return new RegExp(pieces.map(literal).join('|') || '(?!)', 'gi');
}

/** Each alternative has four groups: scheme and colon, which may be missing; slashes; authority. */
function replacing(authority: string, schemeFor: (found: string) => string): UrlPattern['replacement'] {
  return (found) => {
    const [scheme, colon, slashes, named] = found[3] === undefined ? found.slice(5) : found.slice(1);
    const start = scheme === undefined ? '' : schemeFor(scheme) + colon;
    return start + slashes + spelled(authority, escapeIn(named!, slashes!));
  };
}

/** Every character in its longest spelling, the scheme, a port that need not be there, and one more character that decides. */
function longestUrl(authority: string): number {
  const characters = '://'.length + authority.length + ':443'.length + 1;
  return 'https'.length + characters * longestSpelling;
}

/** `%25` for `%253A` found in an authority, or for `%252F%252F` before one that has no colon; empty where nothing is escaped. */
function escapeIn(named: string, slashes: string): string {
  const escaped = /(%(?:25)*)3A/i.exec(named) ?? (named.includes(':') ? null : /(%(?:25)*)2F/i.exec(slashes));
  return escaped?.[1] ?? '';
}

/** `www.example.com:8080`, with `%` → `www.example.com%3A8080` */
function spelled(authority: string, escaping: string): string {
  if (escaping === '') return authority;
  return authority.replace(/[:[\]]/g, (sign) => escaping + sign.charCodeAt(0).toString(16).toUpperCase());
}

function oneOf(authorities: readonly string[]): string {
  return authorities.length === 0 ? '(?!)' : authorities.map(authorityPattern).join('|');
}

/** An authority in any of its spellings. */
function authorityPattern(authority: string): string {
  const signs = authority.split(/([:[\]])/).map((piece, index) => {
    return index % 2 === 0 ? literal(piece) : `(?:${literal(piece)}|%${deepest}${piece.charCodeAt(0).toString(16)})`;
  });
  return signs.join('') + (/:\d+$/.test(authority) ? '' : `(?:${colon}(?:80|443)(?!\\d))?${longerWord}`);
}

/** A text as a pattern that accepts itself only. */
function literal(text: string): string {
  return text.replace(/[^\w]/g, (sign) => `\\x${sign.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
