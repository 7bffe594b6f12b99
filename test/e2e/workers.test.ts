import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { WorkerStatus } from '../../gateway/workers/workers.ts';
import { type Child, startChild } from '../../runtime/child-process.ts';
import { freePort } from '../free-port.ts';
import { ask, type Side, startSide } from '../gateway/sides.ts';
import { until } from '../until.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const program = join(import.meta.dirname, '..', '..', 'cli', 'strangler.mjs');
const patienceMs = 60_000;
// Each test starts three processes, one after the other.
vi.setConfig({ testTimeout: 180_000 });

interface Sides {
  readonly legacy: Side;
  readonly service: Side;
}

interface System extends Sides {
  readonly folder: string;
  readonly origin: string;
  readonly gateway: Child;
  /** Writes the configuration with these keys in place of the ones before. */
  write(keys: object): void;
  admin<T>(method: string, path: string, body?: object): Promise<T>;
}

/** A gateway with two workers, as `strangler start --only gateway` starts it. */
async function start(keysOf: (folder: string, sides: Sides) => object = () => ({})): Promise<System> {
  const folder = mkdtempSync(join(tmpdir(), 'workers-'));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  const [legacy, service] = [await startSide('legacy'), await startSide('new')];
  cleanups.push(legacy.stop, service.stop);
  const [publicPort, adminPort] = [await freePort(), await freePort()];
  const write = (more: object) => {
    const listeners = { public: { port: publicPort }, admin: { port: adminPort, token: 'token' } };
    const capabilities = {
      shipments: { service: service.origin, routes: ['GET /shipments/{id}'], split: [{ flag: 'new-shipments' }] },
    };
    const written = { workers: 2, legacy: legacy.origin, listeners, capabilities, ...more };
    writeFileSync(join(folder, 'strangler.yaml'), JSON.stringify(written));
  };
  write(keysOf(folder, { legacy, service }));
  const gateway = await startChild(process.execPath, [program, 'start', '--only', 'gateway'], { cwd: folder });
  cleanups.push(() => gateway.stop());
  const adminOrigin = `http://127.0.0.1:${adminPort}`;
  await until(async () => (await ask(adminOrigin, '/readyz')).status === 200, patienceMs, 'the gateway');
  const admin = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const headers = { authorization: 'Bearer token', 'content-type': 'application/json' };
    const answer = await ask(adminOrigin, path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`);
    return (answer.headers['content-type']?.startsWith('text/plain') ? answer.body : JSON.parse(answer.body)) as T;
  };
  return { folder, origin: `http://127.0.0.1:${publicPort}`, gateway, legacy, service, write, admin };
}

const workersOf = async ({ admin }: System) => (await admin<{ workers: WorkerStatus[] }>('GET', '/api/status')).workers;
const pidsOf = async (system: System) => (await workersOf(system)).map(({ pid }) => pid!);

/** Who answers so many requests, each over a connection of its own: they are dealt out to the workers in turn. */
async function answeredBy({ origin }: System, requests = 8): Promise<string[]> {
  const answers = await Promise.all(Array.from({ length: requests }, () => ask(origin, '/shipments/7')));
  return answers.map(({ body }) => (JSON.parse(body) as { by: string }).by);
}
const all = (side: string, requests = 8) => Array.from({ length: requests }, () => side);

/** Every worker serves, and has been started again. */
const everyoneAgain = async (system: System) =>
  (await workersOf(system)).every(({ state, restarts }) => state === 'serving' && restarts > 0);

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('two workers', () => {
  it('both serve, and the admin API adds up what each of them counts', async () => {
    const system = await start();
    await system.admin('PUT', '/api/flags/new-shipments', { enabled: false });
    await answeredBy(system, 20);
    const workers = await workersOf(system);
    expect(workers.map(({ worker, state, restarts }) => ({ worker, state, restarts }))).toEqual([
      { worker: 1, state: 'serving', restarts: 0 },
      { worker: 2, state: 'serving', restarts: 0 },
    ]);
    expect(new Set(workers.map(({ pid }) => pid)).size).toBe(2);
    const { routes } = await system.admin<{ routes: { requests: object }[] }>('GET', '/api/routes');
    expect(routes[0]!.requests).toEqual({ legacy: 20, new: 0 });
    const metrics = await system.admin<string>('GET', '/metrics');
    expect(metrics).toMatch(/^strangler_requests_total\{.*target="legacy".*\} 20$/m);
    expect(metrics).toMatch(/^strangler_connections_total 20$/m);
    expect(metrics).toMatch(/^strangler_gateway_journal_following 1$/m);
    const { flags } = await system.admin<{ flags: { use: object }[] }>('GET', '/api/flags');
    expect(flags).toMatchObject([{ name: 'new-shipments', use: { yes: 0, no: 20 } }]);
  });

  it('go by a flag and a stage as soon as the admin API has answered', async () => {
    const system = await start();
    expect(await answeredBy(system)).toEqual(all('legacy'));
    await system.admin('PUT', '/api/flags/new-shipments', { enabled: true });
    await until(async () => String(await answeredBy(system)) === String(all('new')));
    await system.admin('PUT', '/api/flags/new-shipments', { enabled: false });
    await until(async () => String(await answeredBy(system)) === String(all('legacy')));
  });

  it('go by another configuration when reload has answered, and by the old one when it is refused', async () => {
    const system = await start();
    const pinned = { service: system.service.origin, routes: [{ match: 'GET /shipments/{id}', serve: 'new' }] };
    system.write({ capabilities: { shipments: pinned } });
    await system.admin('POST', '/api/reload');
    expect(await answeredBy(system)).toEqual(all('new'));
    system.write({ capabilities: { shipments: { ...pinned, routes: 'none' } } });
    await expect(system.admin('POST', '/api/reload')).rejects.toThrow(/configuration-refused/);
    expect(await answeredBy(system)).toEqual(all('new'));
  });

  it('hold a client to what it has just written, whichever of them it comes to next', async () => {
    const system = await start((_, { legacy, service }) => ({
      legacy: { url: legacy.origin, database: { url: 'mysql://nobody:nothing@127.0.0.1:9/legacy' } },
      capabilities: {
        shipments: {
          service: service.origin,
          routes: ['GET /shipments/{id}'],
          split: [{ header: { 'x-side': 'new' } }],
        },
      },
    }));
    const asNew = { 'x-side': 'new', accept: 'text/html' };
    const first = await ask(system.origin, '/shipments/7', { headers: asNew });
    const cookie = first.headers['set-cookie']![0]!.split(';')[0]!;
    const reads = () =>
      Promise.all(
        Array.from({ length: 6 }, () => ask(system.origin, '/shipments/7', { headers: { ...asNew, cookie } })),
      );
    expect((await reads()).map(({ body }) => body)).toEqual(Array.from({ length: 6 }, () => '{"by":"new"}'));
    await ask(system.origin, '/shipments/7', { method: 'POST', headers: { cookie }, body: 'a=b' });
    // The bridge is away, so legacy alone can tell what was written.
    await until(async () => (await reads()).every(({ body }) => body === '{"by":"legacy"}'));
  });

  it('write whole lines into one access log', async () => {
    const system = await start();
    await answeredBy(system, 100);
    await system.gateway.stop();
    const lines = readFileSync(join(system.folder, '.data', 'logs', 'access.log'), 'utf8')
      .trimEnd()
      .split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { target: string }).target)).toEqual(
      Array.from({ length: 100 }, () => '/shipments/7'),
    );
  });

  it('stop with the gateway, and no request that was taken is lost', async () => {
    const system = await start();
    const pids = await pidsOf(system);
    const load = startLoad(system.origin, 4);
    await until(() => load.answers.length > 100);
    await system.gateway.stop();
    expect((await system.gateway.exited).code).toBe(0);
    expect((await load.ended()).flat()).toEqual([]);
    expect(new Set(load.answers)).toEqual(new Set([200]));
    expect(pids.filter(isAlive)).toEqual([]);
  });
});

describe('a process that is killed', () => {
  it('is started again when it is a worker, and only its own connections are lost', async () => {
    const system = await start();
    const load = startLoad(system.origin, 6);
    await until(() => load.answers.length > 100);
    const [victim] = await workersOf(system);
    process.kill(victim!.pid!, 'SIGKILL');
    await until(
      async () => (await workersOf(system))[0]!.restarts === 1 && (await workersOf(system))[0]!.state === 'serving',
      patienceMs,
    );
    const before = load.answers.length;
    await until(() => load.answers.length > before + 100);
    const lost = await load.stop();
    // Connections are dealt out in turn: of six clients the worker had three, and a new one may be dealt to it until its end is noticed.
    expect(lost.filter((codes) => codes.length > 0)).toHaveLength(3);
    expect(new Set(lost.flat())).toEqual(new Set(['ECONNRESET']));
    expect(new Set(load.answers)).toEqual(new Set([200]));
    const { degraded } = await system.admin<{ degraded: { part: string }[] }>('GET', '/readyz');
    expect(degraded.map(({ part }) => part)).not.toContain('worker 1');
  });

  it('comes back with the configuration of that moment, not with what stands in the files', async () => {
    const system = await start();
    const pinned = { service: system.service.origin, routes: [{ match: 'GET /shipments/{id}', serve: 'new' }] };
    system.write({ capabilities: { shipments: pinned } });
    await system.admin('POST', '/api/reload');
    system.write({ legacy: 'nonsense' });
    for (const pid of await pidsOf(system)) process.kill(pid, 'SIGKILL');
    await until(() => everyoneAgain(system), patienceMs);
    expect(await answeredBy(system)).toEqual(all('new'));
  });

  it('takes its workers along when it is the one that leads', async () => {
    const system = await start();
    const pids = await pidsOf(system);
    process.kill(system.gateway.pid, 'SIGKILL');
    await until(() => pids.every((pid) => !isAlive(pid)));
  });
});

describe('bypass', () => {
  it('counts in every worker when the admin API has answered, with log, flags and bridge away and the new side hanging', async () => {
    const system = await start((folder, { legacy, service }) => ({
      log: `sqlite:${join(folder, 'strangler.yaml', 'log.db')}`,
      flags: { unleash: 'http://127.0.0.1:9/api', token: 'token' },
      legacy: { url: legacy.origin, database: { url: 'mysql://nobody:nothing@127.0.0.1:9/legacy' } },
      capabilities: {
        shipments: { service: service.origin, routes: [{ match: 'GET /shipments/{id}', serve: 'new' }] },
      },
    }));
    system.service.answer = () => {};
    const { degraded } = await system.admin<{ degraded: { part: string }[] }>('GET', '/readyz');
    expect(degraded.map(({ part }) => part)).toEqual(expect.arrayContaining(['log', 'flags']));
    const hanging = Array.from({ length: 4 }, () => ask(system.origin, '/shipments/7').catch(() => undefined));
    await until(() => system.service.received.length === 4);
    await system.admin('POST', '/api/bypass', { on: true });
    expect(await answeredBy(system)).toEqual(all('legacy'));
    system.service.answer = (_request, response) => response.end('{"by":"new"}');
    await system.admin('POST', '/api/bypass', { on: false });
    expect(await answeredBy(system)).toEqual(all('new'));
    await system.gateway.stop();
    await Promise.all(hanging);
  });

  it('is still on in a worker that was killed and started again', async () => {
    const system = await start();
    await system.admin('PUT', '/api/flags/new-shipments', { enabled: true });
    await until(async () => String(await answeredBy(system)) === String(all('new')));
    await system.admin('POST', '/api/bypass', { on: true });
    for (const pid of await pidsOf(system)) process.kill(pid, 'SIGKILL');
    await until(() => everyoneAgain(system), patienceMs);
    expect(await answeredBy(system)).toEqual(all('legacy'));
  });
});

interface Load {
  readonly answers: number[];
  /** By client: codes of the errors by which its connections were lost, when each has ended by itself: nobody listens any more. */
  ended(): Promise<string[][]>;
  /** The same when they are told to end. */
  stop(): Promise<string[][]>;
}

/** So many clients, each asking over one kept connection again and again, and over a new one when it was lost. */
function startLoad(origin: string, clients: number): Load {
  const answers: number[] = [];
  let asking = true;
  const one = async () => {
    const lost: string[] = [];
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    try {
      while (asking) {
        try {
          answers.push(await statusOver(agent, origin));
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException;
          if (code === 'ECONNREFUSED') return lost;
          lost.push(code ?? String(error));
        }
      }
      return lost;
    } finally {
      agent.destroy();
    }
  };
  const running = Promise.all(Array.from({ length: clients }, one));
  return {
    answers,
    ended: () => running,
    stop() {
      asking = false;
      return running;
    },
  };
}

async function statusOver(agent: http.Agent, origin: string): Promise<number> {
  const request = http.get(`${origin}/shipments/7`, { agent });
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  response.resume();
  await once(response, 'end');
  return response.statusCode!;
}
