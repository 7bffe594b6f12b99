import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EventLog } from '../../contract/event-log.ts';
import { openLog } from '../../event-log/open.ts';
import type { RunningGateway } from '../../gateway/gateway.ts';
import { assigned } from './assignment.ts';
import { ask } from './sides.ts';
import { twoSides } from './two-sides.ts';
import { eventually } from './wire.ts';

const sides = twoSides();

const onTheLog = async (): Promise<EventLog> => openLog(`sqlite:${join(sides.folder, 'log.db')}`);

/** A gateway with data of its own below the test's folder; without `openLog` its log is away. */
function start(name: string, openLog?: () => Promise<EventLog>, capability: object = {}): Promise<RunningGateway> {
  const capabilities = { shipments: { service: sides.service.origin, routes: ['GET /shipments/{id}'], ...capability } };
  const written = { legacy: { url: sides.legacy.origin }, capabilities };
  return sides.start(written, { dataDir: join(sides.folder, name), ...(openLog && { openLog }) });
}

const servedBy = async ({ publicUrl }: RunningGateway): Promise<string> =>
  JSON.parse((await ask(publicUrl, '/shipments/7')).body).by;

async function admin({ adminUrl }: RunningGateway, method: string, path: string, body?: object) {
  const headers = { authorization: 'Bearer token', 'content-type': 'application/json' };
  const answer = await ask(adminUrl, path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
  return { status: answer.status, body: JSON.parse(answer.body) };
}

const route = encodeURIComponent('GET /shipments/{id}');

describe('moving a route', () => {
  it('sends the very next request to the other side, here and at every gateway on the log', async () => {
    const one = await start('one', onTheLog);
    const other = await start('other', onTheLog);
    expect(await servedBy(one)).toBe('legacy');
    const moved = await admin(one, 'POST', `/api/routes/${route}/promote`, { by: 'alice', reason: 'looks good' });
    expect(moved.status).toBe(200);
    expect(await servedBy(one)).toBe('new');
    await eventually(async () => (await servedBy(other)) === 'new');
    expect((await admin(other, 'POST', `/api/routes/${route}/rollback`, {})).status).toBe(200);
    expect(await servedBy(other)).toBe('legacy');
  });

  it('is remembered by a gateway that starts without the log', async () => {
    const before = await start('one', onTheLog);
    await admin(before, 'POST', '/api/routes/shipments/promote', {});
    await before.stop();
    const after = await start('one');
    expect(await servedBy(after)).toBe('new');
    const refused = await admin(after, 'POST', `/api/routes/${route}/rollback`, {});
    expect(refused.status).toBeGreaterThanOrEqual(500);
    expect(await servedBy(after)).toBe('new');
  });
});

describe('a canary that an operator sets, though no step plans it', () => {
  it('keeps every client on its side', async () => {
    const gateway = await start('one', onTheLog);
    await admin(gateway, 'POST', `/api/routes/${route}/promote`, { to: 'canary 50%' });
    const first = await Promise.all(
      Array.from({ length: 20 }, () => ask(gateway.publicUrl, '/shipments/7', { headers: { accept: 'text/html' } })),
    );
    const again = await Promise.all(
      first.map(({ headers }) =>
        ask(gateway.publicUrl, '/shipments/7', { headers: { cookie: headers['set-cookie']![0]! } }),
      ),
    );
    expect(again.map(({ body }) => body)).toEqual(first.map(({ body }) => body));
    expect(new Set(first.map(({ body }) => body)).size).toBe(2);
  });
});

describe('a flag', () => {
  it('moves the very next request, and back', async () => {
    const gateway = await start('one', onTheLog, { split: [{ flag: 'new-shipments' }] });
    expect(await servedBy(gateway)).toBe('legacy');
    expect((await admin(gateway, 'PUT', '/api/flags/new-shipments', { enabled: true })).status).toBe(200);
    expect(await servedBy(gateway)).toBe('new');
    expect((await admin(gateway, 'PUT', '/api/flags/new-shipments', { enabled: false })).status).toBe(200);
    expect(await servedBy(gateway)).toBe('legacy');
  });
});

describe('explaining', () => {
  it('tells the route, the side and every step, and sends nothing', async () => {
    const gateway = await start('one', undefined, { split: [{ header: { 'x-beta': '1' } }] });
    const { status, body } = await admin(gateway, 'POST', '/api/explain', {
      method: 'GET',
      url: '/shipments/7',
      headers: { 'x-beta': '1' },
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      route: 'GET /shipments/{id}',
      primary: 'new',
      reasons: [
        { step: 'match', outcome: 'route GET /shipments/{id} of shipments' },
        { step: 'split', outcome: 'header x-beta is 1 → new' },
      ],
    });
    expect([...sides.legacy.received, ...sides.service.received]).toEqual([]);
  });

  it('names the side that then answers, for any request', async () => {
    const gateway = await start('one', onTheLog, {
      routes: ['/shipments/{id:int}', '/shipments/{id}/*', { match: 'GET /reports/*', serve: 'new' }],
      split: [{ header: { 'x-beta': '1' } }, { percent: '50%' }],
    });
    const keys = Array.from({ length: 8 }, (_, index) => assigned(`${index}`.repeat(22)));
    const described = fc.record({
      method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'),
      url: fc
        .array(
          fc.constantFrom('/', 'shipments', 'Shipments', '7', '/7', '/reports', '%37', '%2F', '..', ';', '?', '//'),
        )
        .map((parts) => `/${parts.join('')}`),
      headers: fc.record({
        'x-beta': fc.constantFrom('1', ' 1', '1\t', '1, 1', '0'),
        cookie: fc
          .tuple(fc.constantFrom(...keys), fc.constantFrom('', '; user=alice', '; a="'))
          .map(([key, rest]) => `${key}${rest}`),
      }),
    });
    await fc.assert(
      fc.asyncProperty(described, async (request) => {
        const { body } = await admin(gateway, 'POST', '/api/explain', request);
        const answer = await ask(gateway.publicUrl, request.url, request);
        expect(JSON.parse(answer.body).by).toBe(body.primary);
      }),
      { numRuns: 150 },
    );
  });

  it('refuses what the gateway would refuse', async () => {
    const gateway = await start('one');
    const { status, body } = await admin(gateway, 'POST', '/api/explain', {
      method: 'GET',
      url: '/a',
      headers: { host: 'a/b' },
    });
    expect([status, body.code]).toEqual([400, 'bad-host']);
  });
});
