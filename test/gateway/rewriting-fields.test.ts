import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { publicFieldValue } from '../../gateway/rewriting/answer-field.ts';
import { type BodyRules, rewriteBodiesSchema } from '../../gateway/rewriting/config.ts';
import type { Naming } from '../../gateway/rewriting/naming.ts';
import type { SideRewriting } from '../../gateway/rewriting/side-rewriting.ts';
import { upstreamFieldValue, upstreamTarget } from '../../gateway/rewriting/upstream-fields.ts';
import { parsePathTemplate } from '../../gateway/routing/path-template.ts';

const naming: Naming = {
  publicScheme: 'https',
  publicAuthority: 'shop.example',
  upstreamOrigin: 'http://10.1.1.1:8000',
  knownAs: [],
};
const side: SideRewriting = {
  naming,
  rules: { bodies: undefined, queries: false, secureCookies: false, knownAs: [] },
  hostRewritten: false,
  routes: [],
};
const bodies = rewriteBodiesSchema.parse(true) as BodyRules;
const told = (name: string, value: string, of: Partial<SideRewriting> = {}) =>
  publicFieldValue(name, value, { ...side, ...of });

describe.each(['location', 'content-location'])('%s', (name) => {
  it.each([
    ['/relative', '/relative'],
    ['', ''],
    ['?page=2', '?page=2'],
    ['//cdn.example/x', '//cdn.example/x'],
    ['//10.1.1.1:8000/x', '//shop.example/x'],
    ['http://10.1.1.1:8000', 'https://shop.example'],
    ['HTTP://10.1.1.1:8000/a?b#c', 'https://shop.example/a?b#c'],
    ['http://Shop.Example:8000/a', 'https://shop.example/a'],
    ['http://shop.example/a', 'https://shop.example/a'],
    ['http://shop.example:80/a', 'https://shop.example/a'],
    ['https://shop.example/a', 'https://shop.example/a'],
    ['http://10.1.1.1:80001/', 'http://10.1.1.1:80001/'],
    ['http://10.1.1.1/', 'http://10.1.1.1/'],
    ['http://10.1.1.1:8000@else.example/', 'http://10.1.1.1:8000@else.example/'],
    ['http://10.1.1.1:8000\\@else.example/', 'http://10.1.1.1:8000\\@else.example/'],
    ['https://else.example/?to=http://10.1.1.1:8000/', 'https://else.example/?to=http://10.1.1.1:8000/'],
  ])('%j is shown as %j', (value, shown) => {
    expect(told(name, value)).toBe(shown);
  });

  it('is what the application said when the client named no host', () => {
    expect(told(name, 'http://10.1.1.1:8000/a', { naming: { ...naming, publicAuthority: '' } })).toBe(
      'http://10.1.1.1:8000/a',
    );
  });

  it("is corrected for the client's host alone where the application has its scheme's own port", () => {
    const other = { ...naming, publicAuthority: 'shop.example:8443', upstreamOrigin: 'http://legacy.internal' };
    expect(told(name, 'http://shop.example/a', { naming: other })).toBe('https://shop.example:8443/a');
    expect(told(name, 'http://legacy.internal:80/a', { naming: other })).toBe('https://shop.example:8443/a');
  });

  it('has the URLs in its query changed where that is declared', () => {
    const value = '/wp-login.php?redirect_to=http%3A%2F%2F10.1.1.1%3A8000%2Fwp-admin%2F&reauth=1';
    const rules = { ...side.rules, queries: true };
    expect(told(name, value)).toBe(value);
    expect(told(name, `http://10.1.1.1:8000${value}`, { rules })).toBe(
      'https://shop.example/wp-login.php?redirect_to=https%3A%2F%2Fshop.example%2Fwp-admin%2F&reauth=1',
    );
  });
});

describe('Link', () => {
  it.each([
    [
      '<http://10.1.1.1:8000/wp-json/>; rel="https://api.w.org/"',
      '<https://shop.example/wp-json/>; rel="https://api.w.org/"',
    ],
    [
      '<http://10.1.1.1:8000/a,b;c>; title="x, <http://10.1.1.1:8000/>" , </p/2>;rel=next,<//10.1.1.1:8000>',
      '<https://shop.example/a,b;c>; title="x, <http://10.1.1.1:8000/>" , </p/2>;rel=next,<//shop.example>',
    ],
    [
      String.raw`<http://10.1.1.1:8000/>; title="a \", <b>"; anchor="http://10.1.1.1:8000/#c"`,
      String.raw`<https://shop.example/>; title="a \", <b>"; anchor="https://shop.example/#c"`,
    ],
    ['nonsense <http://10.1.1.1:8000/>', 'nonsense <http://10.1.1.1:8000/>'],
    ['<http://10.1.1.1:8000/', '<http://10.1.1.1:8000/'],
  ])('%j is shown as %j', (value, shown) => {
    expect(told('link', value)).toBe(shown);
  });

  it('stays byte for byte as it is when it names nothing of ours, however it is formed', () => {
    const shards = fc.constantFrom(
      '<',
      '>',
      '"',
      ',',
      ';',
      ' ',
      '\\',
      '/a',
      'rel=next',
      'http://else.example',
      'anchor="/x"',
    );
    fc.assert(
      fc.property(fc.array(shards, { maxLength: 25 }), (parts) => {
        expect(told('link', parts.join(''))).toBe(parts.join(''));
      }),
    );
  });
});

it.each([
  ['5; url=http://10.1.1.1:8000/a', '5; url=https://shop.example/a'],
  ["0;URL='http://10.1.1.1:8000/a'", "0;URL='https://shop.example/a'"],
  ['0; url="http://10.1.1.1:8000/a" x', '0; url="https://shop.example/a" x'],
  ['3, http://10.1.1.1:8000/', '3, https://shop.example/'],
  ['5', '5'],
  ['soon; url=http://10.1.1.1:8000/', 'soon; url=http://10.1.1.1:8000/'],
])('a Refresh of %j is shown as %j', (value, shown) => {
  expect(told('refresh', value)).toBe(shown);
});

describe('Set-Cookie', () => {
  it.each([
    ['a=b; Path=/; HttpOnly', 'a=b; Path=/; HttpOnly'],
    ['a=b; Domain=10.1.1.1; Path=/', 'a=b; Path=/'],
    ['a=b; domain = .10.1.1.1', 'a=b'],
    ['a=b; Domain=shop.example', 'a=b; Domain=shop.example'],
    ['a=b; Domain=.example', 'a=b; Domain=.example'],
    ['a="Domain=10.1.1.1"', 'a="Domain=10.1.1.1"'],
    [
      'a=b=c; expires=Thu, 01 Jan 1970 00:00:00 GMT;Max-Age=0',
      'a=b=c; expires=Thu, 01 Jan 1970 00:00:00 GMT;Max-Age=0',
    ],
  ])('%j is shown as %j', (value, shown) => {
    expect(told('set-cookie', value)).toBe(shown);
  });

  it("loses a Domain that covers the application's host and not the client's", () => {
    const inside = { ...naming, upstreamOrigin: 'http://app.internal.example' };
    expect(told('set-cookie', 'a=b; Domain=internal.example', { naming: inside })).toBe('a=b');
    expect(told('set-cookie', 'a=b; Domain=example', { naming: inside })).toBe('a=b; Domain=example');
  });

  it('becomes Secure for a client that uses https, where that is declared, and never twice', () => {
    const rules = { ...side.rules, secureCookies: true };
    expect(told('set-cookie', 'a=b; Path=/', { rules })).toBe('a=b; Path=/; Secure');
    expect(told('set-cookie', 'a=b; secure; Path=/', { rules })).toBe('a=b; secure; Path=/');
    expect(told('set-cookie', 'a=b', { rules, naming: { ...naming, publicScheme: 'http' } })).toBe('a=b');
  });
});

describe('a path that a route rewrites', () => {
  const route = (from: string, to: string) => ({
    match: { path: parsePathTemplate(from) } as SideRewriting['routes'][number]['match'],
    rewrite: parsePathTemplate(to),
  });
  const routes = [route('/shipments/{id}', '/v2/{id}'), route('/reports/*', '/v2/files/*'), route('/{x}/old', '/new')];

  it.each([
    ['/v2/7?full#x', '/shipments/7?full#x'],
    ['http://10.1.1.1:8000/v2/7', 'https://shop.example/shipments/7'],
    ['/v2/files/a/b.pdf', '/reports/a/b.pdf'],
    ['/new', '/new'],
    ['/else', '/else'],
    ['https://else.example/v2/7', 'https://else.example/v2/7'],
    ['/v2/%2F', '/v2/%2F'],
  ])('leads back in a Location: %j is shown as %j', (value, shown) => {
    expect(told('location', value, { routes })).toBe(shown);
  });

  it.each([
    ['a=b; Path=/v2', 'a=b; Path=/shipments'],
    ['a=b; Path=/v2/7', 'a=b; Path=/shipments/7'],
    ['a=b; Path=/v22', 'a=b; Path=/v22'],
    ['a=b; Path=/', 'a=b; Path=/'],
    ['a=b; Path', 'a=b; Path'],
  ])('leads back in a cookie: %j is shown as %j', (value, shown) => {
    expect(told('set-cookie', value, { routes })).toBe(shown);
  });
});

it('changes an allowed origin, a pingback and a policy that name the application, and no other field', () => {
  expect(told('access-control-allow-origin', 'http://10.1.1.1:8000')).toBe('https://shop.example');
  expect(told('access-control-allow-origin', '*')).toBe('*');
  expect(told('x-pingback', 'http://10.1.1.1:8000/xmlrpc.php')).toBe('https://shop.example/xmlrpc.php');
  expect(told('content-security-policy', "img-src 'self' http://10.1.1.1:8000 https://cdn.example")).toBe(
    "img-src 'self' https://shop.example https://cdn.example",
  );
  expect(told('x-where', 'http://10.1.1.1:8000/')).toBe('http://10.1.1.1:8000/');
});

describe('a request to an application that sees its own Host', () => {
  const own = { ...side, hostRewritten: true };

  it.each([
    ['origin', 'https://shop.example', 'http://10.1.1.1:8000'],
    ['origin', 'https://else.example', 'https://else.example'],
    ['origin', 'http://shop.example', 'http://shop.example'],
    ['origin', 'null', 'null'],
    ['referer', 'https://shop.example/a?b', 'http://10.1.1.1:8000/a?b'],
    ['destination', 'https://shop.example/dav/b.txt', 'http://10.1.1.1:8000/dav/b.txt'],
    ['x-origin', 'https://shop.example', 'https://shop.example'],
  ])('says %s: %s as %s', (name, value, said) => {
    expect(upstreamFieldValue(name, value, own)).toBe(said);
    expect(upstreamFieldValue(name, value, side)).toBe(value);
  });

  it('has the URLs in its query changed back where that is declared', () => {
    const target = '/login?to=https%3A%2F%2Fshop.example%2Fa&x=%68';
    const rules = { ...side.rules, queries: true };
    expect(upstreamTarget(target, { ...own, rules })).toBe('/login?to=http%3A%2F%2F10.1.1.1%3A8000%2Fa&x=%68');
    expect(upstreamTarget(target, own)).toBe(target);
    expect(upstreamTarget(target, { ...side, rules })).toBe(target);
  });
});

describe('a request whose answer will be rewritten', () => {
  const rewritten = { ...side, rules: { ...side.rules, bodies } };

  it.each([
    ['gzip, deflate, br;q=0.5', 'gzip, deflate, br;q=0.5'],
    ['gzip, sdch', 'gzip'],
    ['compress', 'identity'],
    ['*', 'identity'],
    ['identity;q=0, gzip', 'identity;q=0, gzip'],
  ])('that accepts %j asks for %j', (accepted, asked) => {
    expect(upstreamFieldValue('accept-encoding', accepted, rewritten)).toBe(asked);
    expect(upstreamFieldValue('accept-encoding', accepted, side)).toBe(accepted);
  });
});
