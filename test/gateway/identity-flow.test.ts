import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { verifySignedUser } from '../../contract/signed-user.ts';
import { openLog } from '../../event-log/open.ts';
import type { RunningGateway } from '../../gateway/gateway.ts';
import { bucketOf } from '../../gateway/routing/bucket.ts';
import { assigned } from './assignment.ts';
import { type Answer, ask } from './sides.ts';
import { twoSides } from './two-sides.ts';

const sides = twoSides();

const canary = { rollout: { steps: ['legacy', 'shadow', { canary: '50%' }, 'new'] }, shadow: { sample: '0%' } };

function start(identity: object, capability: object): Promise<RunningGateway> {
  const shipments = { service: sides.service.origin, routes: ['/shipments/*'], ...capability };
  return sides.start(
    { legacy: { url: sides.legacy.origin }, identity, capabilities: { shipments } },
    { openLog: async () => openLog(`sqlite:${join(sides.folder, 'log.db')}`) },
  );
}

async function admin({ adminUrl }: RunningGateway, method: string, path: string, body?: object) {
  const headers = { authorization: 'Bearer token', 'content-type': 'application/json' };
  const answer = await ask(adminUrl, path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
  expect(answer.status).toBe(200);
  return JSON.parse(answer.body);
}

const moveTo = (gateway: RunningGateway, to: string) =>
  admin(gateway, 'POST', '/api/routes/shipments/promote', { to, by: 'a test' });
const servedBy = ({ body }: Answer): string => JSON.parse(body).by;
const given = ({ headers }: Answer): string | undefined =>
  headers['set-cookie']?.find((cookie) => cookie.startsWith('strangler-assignment='))?.split(';')[0];

/** The key of a client that stands in the given part of the scale. */
function keyAt(from: number, to: number): string {
  for (let index = 0; ; index += 1) {
    const key = `key-${index}`.padEnd(22, 'x');
    const place = bucketOf('shipments', key);
    if (place >= from && place < to) return key;
  }
}

describe('bypass', () => {
  it('asks nobody who makes a request, so that a look-up that hangs holds up none', async () => {
    const gateway = await start({ user: [{ session: '/whoami', deadline: '20s' }] }, canary);
    gateway.bypass.set(true);
    sides.legacy.answer = (request, response) => void (request.url === '/whoami' || response.end('{"by":"legacy"}'));
    const answer = await ask(gateway.publicUrl, '/shipments/7', { headers: { cookie: 'PHPSESSID=1' } });
    expect([servedBy(answer), sides.legacy.received.map(({ url }) => url)]).toEqual(['legacy', ['/shipments/7']]);
  });
});

describe('a canary that is lowered', () => {
  it('moves back those above it, but not who has just written on the new side', async () => {
    const gateway = await start({}, canary);
    const [writer, reader] = [assigned(keyAt(25, 50)), assigned(keyAt(25, 50))];
    await moveTo(gateway, 'canary 50%');
    const wrote = await ask(gateway.publicUrl, '/shipments/7', { method: 'POST', headers: { cookie: writer } });
    expect(servedBy(wrote)).toBe('new');
    const held = given(wrote)!;

    await moveTo(gateway, 'canary 10%');
    const sideOf = async (cookie: string) =>
      servedBy(await ask(gateway.publicUrl, '/shipments/7', { headers: { cookie } }));
    expect([await sideOf(reader), await sideOf(held)]).toEqual(['legacy', 'new']);
    await moveTo(gateway, 'canary 0%');
    expect([await sideOf(reader), await sideOf(held)]).toEqual(['legacy', 'new']);
    const asked = { method: 'GET', url: '/shipments/7', headers: { cookie: held } };
    const { reasons } = await admin(gateway, 'POST', '/api/explain', asked);
    expect(reasons.at(-1)).toMatchObject({ step: 'held', outcome: expect.stringContaining('wrote on the new side') });
  });

  it('to nothing sends every sticky client to legacy: a cookie names a place on the scale, never a side', async () => {
    const gateway = await start({}, canary);
    await moveTo(gateway, 'canary 100%');
    const cookie = assigned(keyAt(0, 1));
    expect(servedBy(await ask(gateway.publicUrl, '/shipments/7', { headers: { cookie } }))).toBe('new');
    await moveTo(gateway, 'canary 0%');
    expect(servedBy(await ask(gateway.publicUrl, '/shipments/7', { headers: { cookie } }))).toBe('legacy');
  });

  it('does not hold who was refused, who only read, or who wrote through legacy', async () => {
    const gateway = await start({}, canary);
    await moveTo(gateway, 'canary 50%');
    const [below, above] = [assigned(keyAt(0, 50)), assigned(keyAt(50, 100))];
    sides.service.answer = (_, response) => response.writeHead(422).end('{"by": "new"}');
    const answers = [
      await ask(gateway.publicUrl, '/shipments/7', { method: 'POST', headers: { cookie: below } }),
      await ask(gateway.publicUrl, '/shipments/7', { headers: { cookie: below } }),
      await ask(gateway.publicUrl, '/shipments/7', { method: 'POST', headers: { cookie: above } }),
    ];
    expect(answers.map(servedBy)).toEqual(['new', 'new', 'legacy']);
    expect(answers.map(given)).toEqual([undefined, undefined, undefined]);
  });
});

describe('a rollback', () => {
  it.each(['shadow', 'legacy'])('to %s moves everybody at once, also who wrote on the new side', async (stage) => {
    const gateway = await start({}, canary);
    await moveTo(gateway, 'new');
    const wrote = await ask(gateway.publicUrl, '/shipments/7', {
      method: 'POST',
      headers: { cookie: assigned(keyAt(0, 50)) },
    });
    expect(servedBy(wrote)).toBe('new');
    await moveTo(gateway, stage);
    const after = await ask(gateway.publicUrl, '/shipments/7', { headers: { cookie: given(wrote)! } });
    expect(servedBy(after)).toBe('legacy');
  });
});

describe('a journey over several routes', () => {
  it('stays on its side, from the first visit through log-in', async () => {
    const gateway = await start({ user: [{ cookie: 'user' }] }, { split: [{ percent: '50%' }] });
    for (let client = 0; client < 8; client += 1) {
      const headers = { accept: 'text/html' };
      const first = await ask(gateway.publicUrl, '/shipments/new', { headers });
      const cookie = given(first)!;
      const later = await Promise.all([
        ask(gateway.publicUrl, '/shipments/7', { headers: { ...headers, cookie } }),
        ask(gateway.publicUrl, '/shipments/8', { method: 'POST', headers: { cookie: `user=alice; ${cookie}` } }),
        ask(gateway.publicUrl, '/shipments/8', { headers: { cookie: `user=bob; ${cookie}` } }),
      ]);
      expect(new Set(later.map(servedBy))).toEqual(new Set([servedBy(first)]));
    }
  });
});

describe('a user that takes a look-up', () => {
  const identity = { user: [{ session: '/whoami', deadline: '20s' }] };
  const split = { split: [{ user: ['alice'] }] };
  const asAlice = { headers: { cookie: 'PHPSESSID=of-alice' } };

  beforeEach(() => {
    const usual = sides.legacy.answer;
    sides.legacy.answer = (request, response) => {
      if (request.url === '/whoami') response.end(request.headers.cookie?.includes('alice') ? 'alice' : '');
      else usual(request, response);
    };
  });

  it('is known to the split, to services, and to explain', async () => {
    const gateway = await start(
      { ...identity, secret: ['a new secret of the gateway', 'the secret until now'] },
      split,
    );
    expect(servedBy(await ask(gateway.publicUrl, '/shipments/7', asAlice))).toBe('new');
    const signed = sides.service.received[0]!.headers['strangler-user'] as string;
    expect(verifySignedUser(signed, ['another secret', 'a new secret of the gateway'])).toBe('alice');
    expect(verifySignedUser(signed, 'the secret until now')).toBeUndefined();
    expect(await admin(gateway, 'POST', '/api/explain', { url: '/shipments/7', ...asAlice })).toMatchObject({
      primary: 'new',
      identity: { user: 'alice', because: 'session /whoami', unit: expect.stringContaining("user's name") },
    });
    const supposed = await admin(gateway, 'POST', '/api/explain', { url: '/shipments/7', user: 'bob', ...asAlice });
    expect(supposed).toMatchObject({ primary: 'legacy', identity: { user: 'bob', because: 'so it was said' } });
  });

  it('is asked for again after each write through legacy, before the client can ask for more', async () => {
    const gateway = await start(identity, { ...split, routes: ['GET /shipments/*'] });
    const same = { headers: { cookie: 'PHPSESSID=same' } };
    expect(servedBy(await ask(gateway.publicUrl, '/shipments/7', same))).toBe('legacy');
    sides.legacy.answer = (request, response) => response.end(request.url === '/whoami' ? 'alice' : '{"by": "legacy"}');
    expect(servedBy(await ask(gateway.publicUrl, '/shipments/7', same))).toBe('legacy');
    await ask(gateway.publicUrl, '/login', { method: 'POST', ...same });
    expect(servedBy(await ask(gateway.publicUrl, '/shipments/7', same))).toBe('new');
  });

  it('is nobody while legacy does not answer look-ups, and requests go on', async () => {
    const gateway = await start({ user: [{ session: '/whoami', deadline: '1ms' }] }, split);
    sides.legacy.answer = (request, response) => {
      if (request.url === '/whoami') response.writeHead(500).end();
      else response.end('{"by": "legacy"}');
    };
    for (let index = 0; index < 3; index += 1) {
      expect(servedBy(await ask(gateway.publicUrl, '/shipments/7', asAlice))).toBe('legacy');
    }
    const { degraded } = await admin(gateway, 'GET', '/api/status');
    expect(degraded.map(({ part }: { part: string }) => part)).toContain('identity');
  });
});

describe('a request that says who it is in a way that cannot be', () => {
  it('is served as nobody’s, never refused', async () => {
    const user = [{ jwt: 'sub', secret: 'x'.repeat(32), algorithms: ['HS256'], cookie: 'token' }];
    const gateway = await start({ user }, { split: [{ user: ['alice'] }] });
    const odd = [
      { authorization: 'Bearer' },
      { authorization: 'Bearer ' },
      { authorization: `Bearer ${'e30.'.repeat(3_000)}` },
      { authorization: 'bearer null.null.null' },
      { cookie: `token=${'%'.repeat(8_000)}; strangler-assignment=v1.${'-'.repeat(200)}` },
      { cookie: Array.from({ length: 500 }, (_, index) => `token=${index}`).join('; ') },
      { cookie: '__proto__=1; constructor=2; token=__proto__' },
    ];
    for (const headers of odd) {
      const answer = await ask(gateway.publicUrl, '/shipments/7', { headers });
      expect([answer.status, servedBy(answer)]).toEqual([200, 'legacy']);
    }
  });
});
