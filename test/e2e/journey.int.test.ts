import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import type { ShadowReport } from '../../gateway/evidence/report.ts';
import { until } from '../until.ts';
import { Browser } from './browser.ts';
import { startSystem, type TestSystem } from './system.ts';

describe('the sample system, as a new user tries it', () => {
  let system: TestSystem;
  let browser: Browser;
  beforeAll(async () => {
    system = await startSystem();
    browser = new Browser(system.site);
  }, 120_000);
  afterAll(() => system?.remove());

  const events = async (...args: string[]): Promise<RecordedEvent[]> => {
    const { stdout, stderr, code } = await system.strangler(
      'events',
      'tail',
      '--json',
      '--no-follow',
      '--last',
      '1000',
      ...args,
    );
    expect(stderr).toBe('');
    expect(code).toBe(0);
    return stdout
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  };
  const json = async (path: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${system.site}${path}`, { headers });
    expect(answer.status).toBe(200);
    return (await answer.json()) as Record<string, unknown>;
  };
  const isNew = (shipment: Record<string, unknown>) => !('views' in shipment);

  it('says what it chose, where it is and what to try', () => {
    for (const word of ['database', 'legacy', 'data', 'gateway', 'Ready in', 'npx strangler flags on new-shipments']) {
      expect(system.output()).toContain(word);
    }
  });

  it('uses the legacy application through the gateway: log in, search, create, edit, add, upload, download, delete', async () => {
    const home = await browser.post('/login', { user: 'alice', password: 'secret', next: '/' });
    expect(await home.text()).toContain('Signed in as <strong>alice</strong>');
    expect(await (await browser.get('/shipments?q=bob')).text()).toContain('bill');

    const created = await browser.post('/shipments', {
      sender: 'Ada',
      receiver: 'Grace',
      price: '7.50',
      estimated_arrival: '2027-01-02',
    });
    expect(created.status).toBe(200);
    const path = new URL(created.url).pathname;
    expect(path).toMatch(/^\/shipments\/\d+$/);

    expect(await (await browser.post(`${path}/status`, { status: 'in_transit' })).text()).toContain('in transit');
    expect(await (await browser.post(`${path}/items`, { description: 'slide rule', quantity: '2' })).text()).toContain(
      'slide rule',
    );
    const upload = new FormData();
    upload.set('document', new Blob(['a waybill']), 'waybill.txt');
    expect(await (await browser.post(`${path}/document`, upload)).text()).toContain('waybill');

    const csv = await browser.get('/shipments.csv');
    expect(csv.headers.get('content-type')).toContain('csv');
    expect(await csv.text()).toContain('Ada');

    await browser.get(`${path}/delete`);
    expect((await browser.get(path)).status).toBe(404);
  });

  it('sees a status change as a domain event, with its stream, version, transaction, origin and the trace of the request', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const before = (await events('--stream', 'shipment-7')).at(-1)!.meta.version;
    await browser.post('/shipments/7/status', { status: 'delayed' }, { traceparent });
    const delayed = await until(async () =>
      (await events('--stream', 'shipment-7', '--action', 'shipment-delayed')).at(-1),
    );
    expect(delayed).toMatchObject({
      action: 'shipment-delayed',
      parent: expect.stringMatching(/^(mariadb|mysql):/),
      data: { status: 'delayed', 'previous-status': 'in_transit' },
      meta: { stream: 'shipment-7', version: before + 1, origin: 'legacy-cdc' },
    });
    expect(delayed.meta.traceparent).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-/);
  });

  it('answers the same from the new side: by query, by live update, and at the legacy URL', async () => {
    await until(async () => (await json('/shipments/7', { 'x-beta': '1' })).shipment_status === 'delayed');
    expect(isNew(await json('/shipments/7', { 'x-beta': '1' }))).toBe(true);
    const query = { id: 'b2285ef2-a5ad-412f-a306-9db484d8e692', action: 'get-shipment', data: { 'shipment-id': '7' } };
    const answer = await fetch(`${system.services}/query`, {
      method: 'POST',
      body: JSON.stringify(query),
      headers: { 'content-type': 'application/json' },
    });
    expect(answer.status).toBe(200);
    expect(JSON.stringify(await answer.json())).toContain('delayed');

    const updates = await fetch(`${system.services}/update?stream=shipment-7&after=domain/0/0`, {
      headers: { accept: 'text/event-stream' },
    });
    const reader = updates.body!.pipeThrough(new TextDecoderStream()).getReader();
    let seen = '';
    await until(async () => {
      seen += (await reader.read()).value ?? '';
      return seen.includes('shipment-delayed');
    });
    await reader.cancel();
  });

  it('splits by header, by cookie, by flag and by percentage, and back again at the very next request', async () => {
    expect(isNew(await json('/shipments/7'))).toBe(false);
    expect(isNew(await json('/shipments/7', { 'x-beta': '1' }))).toBe(true);
    expect(isNew(await json('/shipments/7', { cookie: 'side=new' }))).toBe(true);
    for (let round = 0; round < 3; round++) {
      expect((await system.strangler('flags', 'on', 'new-shipments')).code).toBe(0);
      expect(isNew(await json('/shipments/7'))).toBe(true);
      expect(isNew(await json('/shipments/7', { 'x-side': 'legacy' }))).toBe(false);
      expect((await system.strangler('flags', 'off', 'new-shipments')).code).toBe(0);
      expect(isNew(await json('/shipments/7'))).toBe(false);
    }
    expect((await system.strangler('flags', 'rollout', 'new-shipments', '50%')).code).toBe(0);
    const visitors = await Promise.all(
      Array.from({ length: 40 }, async () => {
        const visitor = new Browser(system.site);
        const sides: boolean[] = [];
        for (let visit = 0; visit < 3; visit++)
          sides.push(
            isNew(
              (await (await visitor.get('/shipments/7', { accept: 'application/json' })).json()) as Record<
                string,
                unknown
              >,
            ),
          );
        expect(new Set(sides).size, 'a visitor stays on one side').toBe(1);
        return sides[0];
      }),
    );
    expect(new Set(visitors).size, 'both sides are seen').toBe(2);
    await system.strangler('flags', 'off', 'new-shipments');
  });

  it('moves a route by hand, forwards and back, and keeps who did it and why', async () => {
    expect((await system.strangler('promote', 'shipments', '--reason', 'answers agree')).stdout).toContain(
      'canary 10 %',
    );
    for (let step = 0; step < 2; step++) await system.strangler('promote', 'GET /shipments/{id}');
    expect(isNew(await json('/shipments/7'))).toBe(true);
    const moved = await events('--topic', 'migration', '--action', 'route-stage-changed');
    expect(moved.some(({ data }) => data.reason === 'answers agree')).toBe(true);
    const nothingMore = await system.strangler('promote', 'GET /shipments/{id}');
    expect(nothingMore.code).toBe(1);
    for (let step = 0; step < 3; step++) await system.strangler('rollback', 'GET /shipments/{id}');
    await system.strangler('rollback', 'GET /shipments');
    expect(isNew(await json('/shipments/7'))).toBe(false);
  });

  it('explains which side answers and every step of why', async () => {
    const { stdout, code } = await system.strangler('explain', 'GET', '/shipments/7', '-H', 'x-beta: 1');
    expect(code).toBe(0);
    for (const word of ['new answers', 'GET /shipments/{id}', 'x-beta', 'stage shadow']) expect(stdout).toContain(word);
    expect((await system.strangler('explain', 'GET', '/customers/1')).stdout).toContain('legacy answers');
  });

  it('reports what was compared: agreement, harmless differences by rule, and an honest difference that no rule declares', async () => {
    const zeroDate = await until(async () => {
      const { shipments } = (await json('/shipments?page=1')) as {
        shipments: { id: number; estimated_arrival: string }[];
      };
      return shipments.find(({ estimated_arrival }) => estimated_arrival === '0000-00-00');
    });
    for (let round = 0; round < 5; round++) for (const id of [7, 8, zeroDate.id]) await json(`/shipments/${id}`);
    const report = await until(async () => {
      const found = JSON.parse((await system.strangler('shadow', 'report', '--json')).stdout) as ShadowReport;
      const route = found.routes.find(({ route }) => route === 'GET /shipments/{id}');
      return route && route.matched >= 10 && route.mismatched >= 5 ? route : undefined;
    });
    expect(report.harmless.map(({ path }) => path)).toEqual(expect.arrayContaining(['/views', '/updated_at']));
    expect(report.differences.map(({ path }) => path)).toEqual(['/estimated_arrival']);
    expect(report.differences[0]!.example!.difference).toMatchObject({ control: '0000-00-00', candidate: null });
    expect((await system.strangler('shadow', 'report')).stdout).toContain('/estimated_arrival');
  });

  it('breaks the glass: bypass sends all to legacy at once', async () => {
    await system.strangler('bypass', 'on');
    expect((await system.strangler('routes')).stdout).toContain('bypass is on');
    expect(isNew(await json('/shipments/7', { 'x-beta': '1' }))).toBe(false);
    await system.strangler('bypass', 'off');
    expect(isNew(await json('/shipments/7', { 'x-beta': '1' }))).toBe(true);
  });

  it('shows the bridge’s state and finds nothing wrong', async () => {
    expect((await system.strangler('cdc', 'status')).stdout).toContain('streaming');
    const doctor = await system.strangler('doctor');
    expect(doctor.stdout).not.toContain('error');
    expect(doctor.code).toBe(0);
  });

  it('goes on where it was after a stop, with no event doubled, and leaves no process behind', async () => {
    const before = await events();
    const pids = Object.values(system.pids());
    expect(await system.stop()).toBe(0);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow();
    await system.start();
    await browser.post('/shipments/8/status', { status: 'cancelled' });
    await until(async () => (await events('--stream', 'shipment-8')).at(-1)?.action === 'shipment-cancelled');
    const after = await events();
    expect(after.slice(0, before.length).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    expect(after).toHaveLength(before.length + 1);
  });
}, 180_000);
