import type { RequestListener } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Identity } from '../../gateway/identity/identity.ts';
import type { ReceivedHead, Reception } from '../../gateway/identity/reception.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { until } from '../until.ts';
import { headOf, openIdentity, receiveAtOnce } from './open-identity.ts';
import { type Side, startSide } from './sides.ts';

const second = 1_000;
let legacy: Side;
let now: number;
let metrics: Metrics;
let cleanups: (() => Promise<unknown>)[];

beforeEach(async () => {
  legacy = await startSide('legacy');
  legacy.answer = (request, response) => response.setHeader('content-type', 'text/plain').end(nameOf(request));
  now = Date.parse('2024-05-01T12:00:00Z');
  metrics = new Metrics();
  cleanups = [() => legacy.stop()];
});

afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

/** `PHPSESSID=of-alice` is alice's. */
function nameOf({ headers }: Parameters<RequestListener>[0]): string {
  return /PHPSESSID=of-(\w+)/.exec(headers.cookie ?? '')?.[1] ?? '';
}

async function open(source: object = {}, more: object = {}, around: object = {}): Promise<Identity> {
  const user = [{ session: '/whoami', deadline: '20s', ...source }, { cookie: 'user' }];
  const surroundings = { legacy: { url: legacy.origin, ...more }, metrics, now: () => now, ...around };
  const identity = await openIdentity({ user }, surroundings);
  cleanups.push(identity.stop);
  return identity;
}

const withSession = (session: string, more: Record<string, string> = {}) => ({
  Cookie: `PHPSESSID=${session}`,
  ...more,
});
const receive = async (
  identity: Identity,
  fields: Record<string, string>,
  more: Partial<ReceivedHead> = {},
): Promise<Reception> => identity.receive(headOf(fields, more));

describe('a session', () => {
  it('is looked up once, with that cookie alone, and then known without waiting', async () => {
    const identity = await open();
    const fields = {
      Cookie: 'a=1; PHPSESSID=of-alice; strangler-assignment=x',
      'User-Agent': 'Firefox',
      'X-Secret': '1',
    };
    const receptions = await Promise.all([receive(identity, fields), receive(identity, fields)]);
    expect(receptions.map(({ user }) => user)).toEqual(['alice', 'alice']);
    expect(receiveAtOnce(identity, fields).recognition).toEqual({ user: 'alice', because: 'session /whoami' });
    const { host, connection: _, ...headers } = legacy.received[0]!.headers;
    expect(legacy.received).toHaveLength(1);
    expect(legacy.received[0]).toMatchObject({ method: 'GET', url: '/whoami' });
    expect([host, headers]).toEqual([
      'shop.example',
      {
        cookie: 'PHPSESSID=of-alice',
        accept: expect.stringContaining('application/json'),
        'accept-encoding': 'identity',
        'user-agent': 'Firefox',
        'x-forwarded-for': '192.0.2.1',
        'x-forwarded-proto': 'http',
        'x-forwarded-host': 'shop.example',
      },
    ]);
  });

  it('is not looked up for who has none, and not waited for', async () => {
    const identity = await open();
    for (const cookie of ['', 'a=1', 'PHPSESSID=', 'user=bob']) receiveAtOnce(identity, { Cookie: cookie });
    receiveAtOnce(identity, {});
    expect(receiveAtOnce(identity, { Cookie: 'user=bob' }).user).toBe('bob');
    expect(legacy.received).toEqual([]);
  });

  it('is looked up again when its time is over, and is another on another host', async () => {
    const identity = await open({ ttl: '60s' });
    await receive(identity, withSession('of-alice'));
    now += 59 * second;
    receiveAtOnce(identity, withSession('of-alice'));
    now += 2 * second;
    await receive(identity, withSession('of-alice'));
    await receive(identity, withSession('of-alice', { Host: 'other.example' }));
    expect(legacy.received.map(({ headers }) => headers.host)).toEqual([
      'shop.example',
      'shop.example',
      'other.example',
    ]);
  });

  it('is not taken for another whose host and cookie, put together, read the same', async () => {
    const listeners = { trustedProxies: ['192.0.2.1/32'] };
    const identity = await open({}, {}, listeners);
    await receive(identity, withSession('of-alice x', { 'X-Forwarded-Host': 'shop.example' }));
    const other = await receive(identity, withSession('x', { 'X-Forwarded-Host': 'shop.example of-alice' }));
    expect([other.user, legacy.received.length]).toEqual([undefined, 2]);
  });

  it('is not waited for where nobody has to know', async () => {
    const identity = await open();
    legacy.answer = () => {};
    expect(identity.receiveAtOnce(headOf(withSession('of-alice'))).host).toBe('shop.example');
    expect(legacy.received).toEqual([]);
  });

  it('of nobody may be somebody’s soon: that is remembered for ten seconds only', async () => {
    const identity = await open({ ttl: '60s' });
    const anonymous = await receive(identity, withSession('new'));
    expect(anonymous.recognition).toEqual({
      user: undefined,
      because: 'session /whoami: legacy says that the session is nobody’s',
    });
    now += 9 * second;
    expect(receiveAtOnce(identity, withSession('new')).user).toBeUndefined();
    legacy.answer = (_, response) => response.setHeader('content-type', 'text/plain').end('alice');
    now += 2 * second;
    expect((await receive(identity, withSession('new'))).user).toBe('alice');
  });

  it('that was written to is looked up again: it may have logged in or out', async () => {
    const identity = await open();
    const before = await receive(identity, withSession('same'));
    expect(before.user).toBeUndefined();
    legacy.answer = (_, response) => response.setHeader('content-type', 'text/plain').end('alice');
    identity.wrote(before);
    expect((await receive(identity, withSession('same'))).user).toBe('alice');
  });

  it('that was written to while it was looked up is looked up again', async () => {
    const identity = await open();
    const answers: (() => void)[] = [];
    legacy.answer = (_, response) =>
      void answers.push(() => response.setHeader('content-type', 'text/plain').end('bob'));
    const early = receive(identity, withSession('same'));
    await until(() => answers.length === 1);
    identity.wrote(receiveAtOnce(await openIdentity({}), withSession('same')));
    answers[0]!();
    expect((await early).user).toBe('bob');
    legacy.answer = (_, response) => response.setHeader('content-type', 'text/plain').end('alice');
    expect((await receive(identity, withSession('same'))).user).toBe('alice');
  });

  it('sends legacy its own host, where clients’ hosts are rewritten', async () => {
    const identity = await open({}, { host: 'rewrite' });
    await receive(identity, withSession('of-alice'));
    expect(legacy.received[0]!.headers.host).toBe(new URL(legacy.origin).host);
  });
});

describe('what legacy says of a session', () => {
  const userBy = async (source: object, answer: RequestListener) => {
    legacy.answer = answer;
    return (await receive(await open(source), withSession('x'))).recognition;
  };
  const json =
    (body: unknown): RequestListener =>
    (_, response) =>
      void response.end(JSON.stringify(body));
  const status =
    (code: number): RequestListener =>
    (_, response) =>
      void response.writeHead(code, { 'x-user': 'eve' }).end('eve');

  it('is the body, a field of its JSON, or a header, as declared', async () => {
    const atId = { user: { json: '/user/id' } };
    expect((await userBy(atId, json({ user: { id: 7 } }))).user).toBe('7');
    expect((await userBy({ user: { header: 'X-User' } }, (_, r) => void r.setHeader('x-user', 'eve').end())).user).toBe(
      'eve',
    );
    expect((await userBy({}, (_, response) => void response.end(' alice\n'))).user).toBe('alice');
    expect((await userBy({ cookie: 'sid' }, (_, response) => void response.end('alice'))).because).toMatch(/nothing/);
  });

  it.each([
    {},
    { user: null },
    { user: { id: null } },
    { user: { id: 0 } },
    { user: { id: '' } },
    { user: { id: false } },
    [],
  ])('is nobody for the JSON %j', async (body) => {
    expect((await userBy({ user: { json: '/user/id' } }, json(body))).because).toMatch(/nobody’s/);
  });

  it.each([302, 401, 403, 404])('is nobody for a status of %i', async (code) => {
    expect((await userBy({}, status(code))).because).toMatch(/nobody’s/);
  });

  it.each<[string, object, RequestListener, RegExp]>([
    ['an error', {}, status(500), /found status 500/],
    ['a page', {}, (_, response) => void response.setHeader('content-type', 'text/html').end('<p>hi'), /found a page/],
    ['no JSON', { user: { json: '/id' } }, (_, response) => void response.end('<p>hi'), /found no JSON/],
    ['a flood', {}, (_, response) => void response.end('x'.repeat(100_000)), /larger body/],
    ['half an answer', {}, (request) => void request.socket.destroy(), /./],
    ['an endless name', {}, (_, response) => void response.end('x'.repeat(257)), /257 characters/],
  ])('is nothing when it is %s', async (_, source, answer, reason) => {
    const { user, because } = await userBy(source, answer);
    expect([user, because]).toEqual([undefined, expect.stringMatching(reason)]);
  });
});

describe('a legacy application that does not answer', () => {
  const hang: RequestListener = () => {};
  const lookUps = async (outcome: string) => {
    const line = new RegExp(`strangler_identity_session_lookups_total\\{outcome="${outcome}"\\} (\\d+)`);
    return Number(line.exec(await metrics.text())?.[1] ?? 0);
  };

  it('makes its users nobody when the deadline is over, and is told', async () => {
    const identity = await open({ deadline: '1ms' });
    legacy.answer = hang;
    const late = await receive(identity, withSession('of-alice'));
    expect(late.recognition.because).toBe('session /whoami: legacy did not answer within 1 ms');
    expect(await lookUps('late')).toBe(1);
  });

  it('is known for the next request when it has answered after the deadline', async () => {
    const identity = await open({ deadline: '1ms' });
    const answers: (() => void)[] = [];
    legacy.answer = (_, response) =>
      void answers.push(() => response.setHeader('content-type', 'text/plain').end('alice'));
    expect((await receive(identity, withSession('x'))).user).toBeUndefined();
    await until(() => answers.length === 1);
    answers[0]!();
    await until(async () => (await lookUps('user')) === 1);
    expect(receiveAtOnce(identity, withSession('x')).user).toBe('alice');
  });

  it('keeps whom it was last known to name for one more time, not for ever', async () => {
    const identity = await open({ ttl: '60s' });
    await receive(identity, withSession('of-alice'));
    legacy.answer = (_, response) => void response.writeHead(503).end();
    now += 61 * second;
    for (let asked = 0; asked < 59; asked += 2) {
      expect((await receive(identity, withSession('of-alice'))).user).toBe('alice');
      now += 2 * second;
    }
    expect((await receive(identity, withSession('of-alice'))).user).toBeUndefined();
  });

  it('is shown while it lasts', async () => {
    const identity = await open();
    legacy.answer = (_, response) => void response.writeHead(503).end();
    await receive(identity, withSession('a'));
    expect(identity.troubles()).toEqual([
      { since: '2024-05-01T12:00:00.000Z', detail: 'legacy does not answer GET /whoami: found status 503' },
    ]);
    legacy.answer = (_, response) => void response.end('alice');
    await receive(identity, withSession('b'));
    expect(identity.troubles()).toEqual([]);
  });

  it('is refused quickly when it is gone, and asked again a second later', async () => {
    const identity = await open();
    await legacy.stop();
    expect((await receive(identity, withSession('x'))).recognition.because).toMatch(/ECONNREFUSED/);
    receiveAtOnce(identity, withSession('x'));
    now += 2 * second;
    expect(identity.receive(headOf(withSession('x')))).toBeInstanceOf(Promise);
  });

  it('is asked by twenty look-ups at once at most; who comes then is nobody', async () => {
    const identity = await open();
    const answers: (() => void)[] = [];
    legacy.answer = (_, response) => void answers.push(() => response.end('alice'));
    const waiting = Array.from({ length: 20 }, (_, index) => receive(identity, withSession(`s${index}`)));
    expect((await receive(identity, withSession('one-more'))).recognition.because).toMatch(
      /20 look-ups are open already/,
    );
    await until(() => answers.length === 20);
    for (const answer of answers) answer();
    expect((await Promise.all(waiting)).map(({ user }) => user)).toEqual(Array(20).fill('alice'));
  });
});

describe('a session cookie that is none', () => {
  it('is looked up as it was sent, however odd, and not at all when it is huge', async () => {
    const identity = await open();
    for (const odd of ['%', '%00', '__proto__', 'a"b', 'ü']) {
      await receive(identity, withSession(odd));
      expect(Buffer.from(legacy.received.at(-1)!.headers.cookie!, 'latin1').toString('latin1')).toBe(
        `PHPSESSID=${odd}`,
      );
    }
    const huge = receiveAtOnce(identity, withSession('x'.repeat(8 * 1024)));
    expect(huge.recognition.because).toBe('session /whoami: found a session cookie of 8192 characters');
  });
});
