import { describe, expect, it } from 'vitest';
import type { Reception } from '../../gateway/identity/reception.ts';
import { assigned } from './assignment.ts';
import { openIdentity, receiveAtOnce } from './open-identity.ts';

const identity = await openIdentity(
  { user: [{ header: 'X-User' }, { cookie: 'user' }] },
  { trustedProxies: ['10.0.0.0/8'] },
);

function received(headers: Record<string, string>, { url = '/', remoteAddress = '192.0.2.1' } = {}): Reception {
  return receiveAtOnce(identity, headers, { url, remoteAddress });
}

const viaProxy = { remoteAddress: '::ffff:10.0.0.1' };

describe('the client', () => {
  it.each([
    ['9.9.9.9', '9.9.9.9'],
    ['6.6.6.6, 9.9.9.9', '9.9.9.9'],
    ['9.9.9.9, 10.0.0.2, 10.0.0.3', '9.9.9.9'],
    ['rubbish', '10.0.0.1'],
    ['9.9.9.9, rubbish', '10.0.0.1'],
    ['', '10.0.0.1'],
    ['2001:db8::1', '2001:db8::1'],
  ])('behind a trusted proxy that says %j is %s', (forwardedFor, expected) => {
    expect(received({ 'X-Forwarded-For': forwardedFor }, viaProxy).facts.clientAddress).toBe(expected);
  });

  it('is the peer when nobody trusted speaks for it', () => {
    expect(received({ 'X-Forwarded-For': '9.9.9.9' }).facts.clientAddress).toBe('192.0.2.1');
  });
});

describe('the user', () => {
  it('is read from a header only when a trusted proxy sends it', () => {
    expect(received({ 'X-User': 'alice' }).facts.user).toBeUndefined();
    expect(received({ 'X-User': 'alice' }, viaProxy).facts.user).toBe('alice');
  });

  it('is the first that is found', () => {
    expect(received({ 'X-User': 'alice', Cookie: 'user=bob' }, viaProxy).facts.user).toBe('alice');
    expect(received({ Cookie: 'a=b; user=bob; user=eve' }).facts.user).toBe('bob');
  });
});

describe('the assignment key', () => {
  const keyOf = (headers: Record<string, string>) => received(headers).facts.assignmentKey;

  it('is the cookie of the client, whoever logs in', () => {
    const cookie = assigned('abcdefghijklmnopqrstuv');
    expect(keyOf({ Cookie: cookie })).toBe('abcdefghijklmnopqrstuv');
    expect(keyOf({ Cookie: `${cookie}; user=bob` })).toBe('abcdefghijklmnopqrstuv');
  });

  it('belongs to the user where there is no cookie, and to nobody otherwise', () => {
    expect(keyOf({ Cookie: 'user=bob' })).toBe(keyOf({ Cookie: 'user=bob' }));
    expect(keyOf({ Cookie: 'user=bob' })).not.toBe(keyOf({ Cookie: 'user=alice' }));
    expect(keyOf({ Accept: 'text/html' })).not.toBe(keyOf({ Accept: 'text/html' }));
  });
});

describe('host, target and ids', () => {
  it('takes the public name from a trusted proxy', () => {
    const proxied = received({ 'X-Forwarded-Host': 'WWW.example:444', 'X-Forwarded-Proto': 'https' }, viaProxy);
    expect(proxied).toMatchObject({
      publicAuthority: 'WWW.example:444',
      publicScheme: 'https',
      facts: { host: 'www.example' },
    });
    expect(received({ 'X-Forwarded-Host': 'evil' })).toMatchObject({
      publicAuthority: 'shop.example',
      publicScheme: 'http',
    });
  });

  it('takes a request id only from a trusted proxy and only a plain one', () => {
    expect(received({ 'X-Request-Id': 'r-1' }, viaProxy).requestId).toBe('r-1');
    expect(received({ 'X-Request-Id': 'r-1' }).requestId).not.toBe('r-1');
    expect(received({ 'X-Request-Id': 'a b\tc' }, viaProxy).requestId).toMatch(/^[0-9a-f]{32}$/);
  });

  it('reads a host alike however often it comes, and whatever came before it', () => {
    const hosts = [
      ['shop.example:80', 'shop.example'],
      ['Shop.Example.', 'shop.example'],
      ['[2001:DB8::1]:8080', '[2001:db8::1]'],
      ['', ''],
      [`${'a'.repeat(300)}.example`, `${'a'.repeat(300)}.example`],
    ];
    for (const [Host = '', name] of [...hosts, ...[...hosts].reverse(), ...hosts]) {
      expect(received({ Host })).toMatchObject({ publicAuthority: Host, host: name });
      for (const bad of ['a b', 'a/b', 'a:123456', 'user@a', '[::1', 'ä'])
        expect(() => received({ Host: bad })).toThrow(/expected NAME or NAME:PORT/);
    }
    expect(() => received({ HOST: 'shop.example', hOst: 'shop.example' })).toThrow(/several Host headers/);
  });

  it('trusts a peer for what it is, whoever came before it', () => {
    const peers = ['10.0.0.1', '192.0.2.1', '::ffff:10.9.9.9', '::ffff:192.0.2.1', 'fe80::1%eth0', ''];
    for (const remoteAddress of [...peers, ...[...peers].reverse()]) {
      const { peerTrusted, peerAddress } = received({}, { remoteAddress });
      expect([peerTrusted, peerAddress]).toEqual([
        /10\.\d\.\d\.\d$/.test(remoteAddress),
        remoteAddress.replace('::ffff:', '').replace('%eth0', ''),
      ]);
    }
  });

  it.each(['example.com:443', 'ftp://a/b', 'http://', 'x'])('refuses the target %j', (url) => {
    expect(() => received({}, { url })).toThrow(/expected a path/);
  });

  it('has only the fields that were sent, whatever they are called', () => {
    const { facts } = received({ __proto__x: '1', constructor: '2' });
    expect(['host', '__proto__x', 'constructor'].map((name) => facts.header(name))).toEqual(['shop.example', '1', '2']);
    expect(['__proto__', 'toString', 'x-other'].map((name) => facts.header(name))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});
