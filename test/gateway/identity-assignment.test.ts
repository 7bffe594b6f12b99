import { describe, expect, it } from 'vitest';
import { AssignmentCookies } from '../../gateway/identity/assignment.ts';
import type { AssignmentConfig } from '../../gateway/identity/config.ts';
import type { Identity } from '../../gateway/identity/identity.ts';
import type { Reception } from '../../gateway/identity/reception.ts';
import { bucketOf } from '../../gateway/routing/bucket.ts';
import { assigned, assignmentDefaults } from './assignment.ts';
import { secret } from './configure.ts';
import { openIdentity, receiveAtOnce } from './open-identity.ts';

const browser = { Accept: 'text/html,*/*;q=0.8', 'User-Agent': 'Firefox' };
const script = { Accept: '*/*', 'User-Agent': 'curl/8' };
const byCookie = { user: [{ cookie: 'user' }] };
const keyA = 'abcdefghijklmnopqrstuv';
const keyB = 'bbbbbbbbbbbbbbbbbbbbbb';
const dayMs = 24 * 3600 * 1000;

const identity = await openIdentity(byCookie);
const receive = (fields: Record<string, string>, more = {}, by: Identity = identity) => receiveAtOnce(by, fields, more);
const withCookies = (...pairs: string[]) => receive({ ...browser, Cookie: pairs.join('; ') });

/** The pair that a browser keeps of what it was given. */
function kept(reception: Reception, wroteNew?: string): string | undefined {
  return reception.assignmentCookie(wroteNew)?.split(';')[0];
}

function cookiesAt(now: () => number, more: Partial<AssignmentConfig> = {}, secrets = [secret]): AssignmentCookies {
  return new AssignmentCookies({ ...assignmentDefaults, ...more }, secrets, now);
}
const here = { secure: false, host: 'shop.example' };

describe('the unit of a client', () => {
  it('stays when its user logs in, and when the user logs out', () => {
    const anonymous = receive(browser);
    const cookie = kept(anonymous)!;
    const loggedIn = withCookies(cookie, 'user=alice');
    const loggedOut = withCookies(cookie);
    expect(loggedIn.user).toBe('alice');
    expect([loggedIn, loggedOut].map(({ assignmentKey }) => assignmentKey)).toEqual(
      Array(2).fill(anonymous.assignmentKey),
    );
    expect([loggedIn, loggedOut].map((reception) => kept(reception))).toEqual([undefined, undefined]);
  });

  it('stays on a shared computer, whoever logs in after whom', () => {
    const cookie = kept(withCookies('user=alice'))!;
    expect(withCookies(cookie, 'user=bob').assignmentKey).toBe(withCookies(cookie, 'user=alice').assignmentKey);
  });

  it('is given again to a user who has lost the cookie, when it was the user’s from the start', () => {
    const first = withCookies('user=alice');
    expect([first.assignment, kept(first) !== undefined]).toEqual(['user', true]);
    expect(withCookies('user=alice').assignmentKey).toBe(first.assignmentKey);
    expect(withCookies(kept(first)!).assignmentKey).toBe(first.assignmentKey);
  });

  it('is another for an anonymous browser that has lost the cookie: nobody can know it again', () => {
    expect(receive(browser).assignmentKey).not.toBe(receive(browser).assignmentKey);
  });

  it('is the same on two devices of a user who was known there from the start, else each device keeps its own', () => {
    expect(receive({ ...browser, Cookie: 'user=alice' }).assignmentKey).toBe(
      receive({ ...script, Cookie: 'user=alice' }, { remoteAddress: '198.51.100.7' }).assignmentKey,
    );
    const phone = kept(receive(browser))!;
    expect(withCookies(phone, 'user=alice').assignmentKey).not.toBe(withCookies('user=alice').assignmentKey);
  });

  it('stays over a restart of the gateway, for cookies, users and scripts', async () => {
    const restarted = await openIdentity(byCookie);
    const cookie = kept(receive(browser))!;
    for (const fields of [{ Cookie: cookie }, { Cookie: 'user=alice' }, script]) {
      expect(receive(fields, {}, restarted).assignmentKey).toBe(receive(fields).assignmentKey);
    }
  });

  it('never moves back when a percentage is raised', () => {
    const keys = Array.from({ length: 500 }, () => receive(browser).assignmentKey);
    const under = (percent: number) => keys.filter((key) => bucketOf('shipments', key) < percent);
    for (let percent = 0; percent < 100; percent += 10) {
      expect(under(percent + 10)).toEqual(expect.arrayContaining(under(percent)));
    }
    expect(under(100)).toHaveLength(500);
  });

  it('is the same for all routes of a capability', () => {
    const { assignmentKey } = receive(browser);
    expect(bucketOf('shipments', assignmentKey)).toBe(bucketOf('shipments', assignmentKey));
  });

  it('of a script is the same for each of its requests, and tells neither address nor agent', () => {
    const [first, again] = [receive(script), receive(script)];
    expect([first.assignment, again.assignmentKey]).toEqual(['address', first.assignmentKey]);
    const others = [
      receive(script, { remoteAddress: '192.0.2.2' }),
      receive({ ...script, 'User-Agent': 'curl/9' }),
      receive(browser),
    ];
    for (const { assignmentKey } of others) expect(assignmentKey).not.toBe(first.assignmentKey);
    expect(Buffer.from(first.assignmentKey, 'base64url').toString('latin1')).not.toMatch(/curl|192/);
  });

  it('of a script is another for each request, where that is asked for', async () => {
    const each = await openIdentity({ assignment: { withoutCookie: 'request' } });
    expect(receive(script, {}, each).assignmentKey).not.toBe(receive(script, {}, each).assignmentKey);
  });

  it('is not made for a request that nobody asks about it', () => {
    const reception = receive(browser);
    expect(reception.assignmentKeyAsked).toBeUndefined();
    expect(reception.assignmentKeyAsked ?? reception.assignmentKey).toBe(reception.assignmentKeyAsked);
  });
});

describe('an assignment cookie', () => {
  it('that is expired is one that is lost; it is given again long before', () => {
    let now = Date.parse('2024-01-01');
    const cookies = cookiesAt(() => now);
    const given = cookies.read(cookies.write(keyA, here, undefined, undefined).split(';')[0])!;
    expect(cookies.write(keyA, here, undefined, undefined)).toContain(`; Max-Age=${400 * 24 * 3600};`);
    now += 29 * dayMs;
    expect(cookies.isDue(given)).toBe(false);
    now += dayMs;
    expect(cookies.isDue(given)).toBe(true);
    const again = cookies.read(cookies.write(given.key, here, given, undefined).split(';')[0])!;
    expect([again.key, cookies.isDue(again)]).toEqual([keyA, false]);
  });

  it('that grows old is given again with the same unit', () => {
    const old = assigned(keyA, secret, () => Date.now() - 31 * dayMs);
    const given = kept(withCookies(old))!;
    expect(given).not.toBe(old);
    expect([withCookies(old), withCookies(given)].map(({ assignmentKey }) => assignmentKey)).toEqual([keyA, keyA]);
  });

  it('of another site or secret is none, and a good one is given in its place', () => {
    for (const foreign of [
      assigned(keyA, 'the secret of another site'),
      'strangler-assignment=GA1.2.12345',
      'strangler-assignment=',
    ]) {
      const reception = withCookies(foreign);
      expect(reception.assignment).toBe('made');
      expect(withCookies(kept(reception)!).assignmentKey).toBe(reception.assignmentKey);
    }
  });

  it('that was tampered with anywhere is none', () => {
    const pair = assigned(keyA);
    const start = pair.indexOf('=') + 1;
    for (let index = start; index < pair.length; index += 1) {
      const changed = pair.slice(0, index) + (pair[index] === 'A' ? 'B' : 'A') + pair.slice(index + 1);
      expect(withCookies(changed).assignment).toBe('made');
      expect(withCookies(pair.slice(0, index)).assignment).toBe('made');
    }
    for (const more of ['A', '.', `${'A'.repeat(100_000)}`, `.${'a-a'.repeat(5_000)}`]) {
      expect(withCookies(`${pair}${more}`).assignment).toBe('made');
    }
  });

  it('that comes twice, from another path or domain, counts the same in any order', () => {
    const [a, b] = [assigned(keyA), assigned(keyB)];
    expect([withCookies(a, b), withCookies(b, a)].map(({ assignmentKey }) => assignmentKey)).toEqual([keyA, keyA]);
    expect(kept(withCookies(a, b))).toBeUndefined();
    const foreign = assigned(keyA, 'the secret of another site');
    expect([withCookies(foreign, b), withCookies(b, foreign)].map(({ assignmentKey }) => assignmentKey)).toEqual([
      keyB,
      keyB,
    ]);
  });

  it('that comes five hundred times costs a bounded number of checks', () => {
    const forged = Array.from({ length: 500 }, () => assigned(keyA, 'another secret of another site'));
    expect(withCookies(...forged, assigned(keyB)).assignment).toBe('made');
    expect(withCookies(assigned(keyB), ...forged).assignmentKey).toBe(keyB);
  });

  it('signed with the old secret keeps its unit and is signed with the new one', async () => {
    const rotating = await openIdentity({ ...byCookie, secret: ['a new secret of the gateway', secret] });
    const old = receive({ ...browser, Cookie: assigned(keyA) }, {}, rotating);
    expect(old.assignmentKey).toBe(keyA);
    const given = kept(old)!;
    expect(given).toBe(assigned(keyA, 'a new secret of the gateway'));
    const rotated = await openIdentity({ ...byCookie, secret: 'a new secret of the gateway', salt: secret });
    expect(receive({ ...browser, Cookie: given }, {}, rotated).assignmentKey).toBe(keyA);
    expect(receive({ ...browser, Cookie: assigned(keyA) }, {}, rotated).assignment).toBe('made');
  });

  it('need not be there for users and scripts to keep their unit while secrets change', async () => {
    const before = await openIdentity({ ...byCookie, secret });
    const rotating = await openIdentity({ ...byCookie, secret: ['a new secret of the gateway', secret] });
    const rotated = await openIdentity({ ...byCookie, secret: 'a new secret of the gateway', salt: secret });
    for (const fields of [{ Cookie: 'user=alice' }, script]) {
      const keys = [before, rotating, rotated].map((by) => receive(fields, {}, by).assignmentKey);
      expect(new Set(keys).size).toBe(1);
    }
  });

  it('is not given to a browser that another site has sent here to write: it may have left its own behind', () => {
    const sent = (fields: Record<string, string>, method = 'POST') =>
      kept(receive({ ...browser, ...fields }, { method }));
    expect(sent({ 'Sec-Fetch-Site': 'cross-site' })).toBeUndefined();
    expect(sent({ Origin: 'https://pay.example' })).toBeUndefined();
    expect(sent({ Origin: 'null' })).toBeUndefined();
    expect(sent({ 'Sec-Fetch-Site': 'same-origin', Origin: 'https://pay.example' })).toBeDefined();
    expect(sent({ Origin: 'http://shop.example' })).toBeDefined();
    expect(sent({})).toBeDefined();
    expect(sent({ 'Sec-Fetch-Site': 'cross-site' }, 'GET')).toBeDefined();
  });
});

describe('the attributes of an assignment cookie', () => {
  const attributes = (more: Partial<AssignmentConfig>, client = here) =>
    cookiesAt(() => 0, more)
      .write(keyA, client, undefined, undefined)
      .split('; ')
      .slice(3);

  it('say Lax and this host alone, unless told otherwise', () => {
    expect(attributes({})).toEqual(['HttpOnly', 'SameSite=Lax']);
  });

  it('say Secure where the client speaks HTTPS, to us or to a trusted proxy', async () => {
    expect(attributes({}, { ...here, secure: true })).toEqual(['HttpOnly', 'SameSite=Lax', 'Secure']);
    const behind = await openIdentity({}, { trustedProxies: ['10.0.0.0/8'] });
    const proxied = { ...browser, 'X-Forwarded-Proto': 'https' };
    expect(receive(proxied, { remoteAddress: '10.0.0.1' }, behind).assignmentCookie(undefined)).toMatch(/; Secure$/);
    expect(receive(proxied, {}, behind).assignmentCookie(undefined)).not.toMatch(/Secure/);
    expect(receive(browser, { secure: true }, behind).assignmentCookie(undefined)).toMatch(/; Secure$/);
  });

  it('say SameSite=None only with Secure: browsers drop it without', () => {
    expect(attributes({ sameSite: 'none' }, { ...here, secure: true })).toContain('SameSite=None');
    expect(attributes({ sameSite: 'none' })).toContain('SameSite=Lax');
  });

  it('name a domain to its own hosts only: browsers drop it elsewhere', () => {
    const domain = (host: string) =>
      attributes({ domain: 'shop.example' }, { secure: false, host }).find((one) => one.startsWith('Domain'));
    expect(['shop.example', 'www.shop.example'].map(domain)).toEqual(Array(2).fill('Domain=shop.example'));
    expect(['evilshop.example', 'localhost', ''].map(domain)).toEqual([undefined, undefined, undefined]);
  });
});

describe('a client that has written on the new side', () => {
  it('stays there for a while, for that capability', async () => {
    let now = Date.parse('2024-05-01T12:00:00Z');
    const timed = await openIdentity({}, { now: () => now });
    const read = (cookie: string) => receive({ ...browser, Cookie: cookie }, {}, timed);
    const cookie = kept(read(assigned(keyA)), 'shipments')!;
    expect(read(cookie).assignmentKey).toBe(keyA);
    const because = 'this client wrote on the new side, so it stays until 2024-05-01T12:30Z';
    expect([read(cookie).heldOnNew('shipments'), read(cookie).heldOnNew('invoices')]).toEqual([because, undefined]);
    now = Date.parse('2024-05-01T12:30:00Z');
    expect(read(cookie).heldOnNew('shipments')).toBeUndefined();
  });

  it('stays in each capability it has written in, of many the latest', () => {
    let now = 0;
    const cookies = cookiesAt(() => now);
    let given = cookies.read(assigned(keyA, secret, () => 0))!;
    for (const capability of 'abcdefghij') {
      now += 60_000;
      given = cookies.read(cookies.write(keyA, here, given, capability).split(';')[0])!;
    }
    const held = [...'abcdefghij'].filter((capability) => cookies.staysUntil(given, capability) !== undefined);
    expect(held.join('')).toBe('cdefghij');
  });

  it('is not held where that is turned off', () => {
    const cookies = cookiesAt(() => 0, { afterWriteMs: 0 });
    const given = cookies.read(cookies.write(keyA, here, undefined, 'shipments').split(';')[0])!;
    expect([given.key, cookies.staysUntil(given, 'shipments')]).toEqual([keyA, undefined]);
  });
});
