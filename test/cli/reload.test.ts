import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { startChild } from '../../runtime/child-process.ts';
import { freePort } from '../free-port.ts';
import { ask, type Side, startSide } from '../gateway/sides.ts';
import { until } from '../until.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const program = join(import.meta.dirname, '..', '..', 'cli', 'strangler.mjs');

interface System {
  readonly folder: string;
  readonly origin: string;
  readonly admin: string;
  readonly pid: number;
  readonly legacy: Side;
  readonly service: Side;
  /** Replaces a file as editors do: beside it, then renamed. */
  save(file: string, content: object | string): void;
  strangler(...args: string[]): Promise<{ code: number; output: string }>;
  exited: Promise<{ code: number | null }>;
  stop(): Promise<void>;
}

/** A gateway of its own process whose capability stands in a file of its own. */
async function start(): Promise<System> {
  const folder = mkdtempSync(join(tmpdir(), 'reload-'));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  const [legacy, service] = [await startSide('legacy'), await startSide('new')];
  cleanups.push(legacy.stop, service.stop);
  const [publicPort, adminPort] = [await freePort(), await freePort()];
  const save = (file: string, content: object | string) => {
    const beside = join(folder, `${file}.new`);
    writeFileSync(beside, typeof content === 'string' ? content : JSON.stringify(content));
    renameSync(beside, join(folder, file));
  };
  save('strangler.yaml', {
    legacy: legacy.origin,
    listeners: { public: { port: publicPort }, admin: { port: adminPort, token: 'token' } },
    capabilities: { shipments: 'shipments.yaml' },
  });
  save('shipments.yaml', pinned(service, 'legacy'));
  const gateway = await startChild(process.execPath, [program, 'start', '--only', 'gateway'], { cwd: folder });
  cleanups.push(() => gateway.stop());
  const [origin, admin] = [`http://127.0.0.1:${publicPort}`, `http://127.0.0.1:${adminPort}`];
  await until(async () => (await ask(admin, '/readyz')).status === 200, 30_000, 'the gateway');
  const strangler = (...args: string[]) => run(folder, args);
  const { pid, exited } = gateway;
  return { folder, origin, admin, pid, legacy, service, save, strangler, exited, stop: () => gateway.stop() };
}

const pinned = (service: Side, serve: string) => ({
  service: service.origin,
  routes: [{ match: 'GET /shipments/{id}', serve }],
});

async function run(cwd: string, args: string[]): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, [program, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  const [code] = (await once(child, 'close')) as [number];
  return { code, output };
}

const sideOf = async (origin: string) => (JSON.parse((await ask(origin, '/shipments/7')).body) as { by: string }).by;
const degraded = async ({ admin }: System) =>
  (JSON.parse((await ask(admin, '/readyz')).body) as { degraded: { part: string; detail: string }[] }).degraded;

it('a capability file that an editor replaces is taken over without being asked', async () => {
  const system = await start();
  expect(await sideOf(system.origin)).toBe('legacy');
  system.save('shipments.yaml', pinned(system.service, 'new'));
  await until(async () => (await sideOf(system.origin)) === 'new');
});

it('a file that cannot be used leaves the configuration that runs, and /readyz says where it is wrong', async () => {
  const system = await start();
  system.save('shipments.yaml', { ...pinned(system.service, 'new'), splitt: [] });
  const found = await until(async () => (await degraded(system)).find(({ part }) => part === 'configuration'));
  expect(found.detail).toMatch(/shipments\.yaml:1:\d+ capabilities\.shipments.*splitt/s);
  expect(await sideOf(system.origin)).toBe('legacy');
  system.save('shipments.yaml', pinned(system.service, 'new'));
  await until(async () => (await sideOf(system.origin)) === 'new');
  await until(async () => !(await degraded(system)).some(({ part }) => part === 'configuration'));
});

it('strangler reload says what was taken over, and what needs a restart', async () => {
  const system = await start();
  system.save('shipments.yaml', pinned(system.service, 'new'));
  const taken = await system.strangler('reload');
  expect(taken).toMatchObject({ code: 0, output: expect.stringContaining('capabilities.shipments.routes') });
  expect(await sideOf(system.origin)).toBe('new');
  expect((await system.strangler('reload')).output).toContain('nothing has changed');

  const port = await freePort();
  const listeners = { public: { port }, admin: { port: new URL(system.admin).port, token: 'token' } };
  const written = { legacy: system.legacy.origin, capabilities: { shipments: 'shipments.yaml' } };
  system.save('strangler.yaml', {
    ...written,
    listeners: { ...listeners, admin: { ...listeners.admin, port: Number(listeners.admin.port) } },
  });
  const refused = await system.strangler('reload');
  expect(refused).toMatchObject({
    code: 1,
    output: expect.stringContaining('listeners.public.port: found another value'),
  });
  expect(await sideOf(system.origin)).toBe('new');
});

it('bypass and reload reach the gateway that runs also when its files cannot be used any more', async () => {
  const system = await start();
  system.save('shipments.yaml', pinned(system.service, 'new'));
  await system.strangler('reload');
  expect(await sideOf(system.origin)).toBe('new');
  system.save('strangler.yaml', 'legacy: [');
  expect(await system.strangler('bypass', 'on')).toMatchObject({ code: 0 });
  expect(await sideOf(system.origin)).toBe('legacy');
  expect(await system.strangler('reload')).toMatchObject({
    code: 1,
    output: expect.stringContaining('strangler.yaml:1'),
  });
});

it('SIGHUP has the configuration read again', async () => {
  const system = await start();
  const choose = ({ origin }: Side) => system.save('.data/environment', `SHIPMENTS_URL=${origin}\n`);
  choose(system.legacy);
  system.save('shipments.yaml', { ...pinned(system.service, 'new'), service: `$${'{SHIPMENTS_URL}'}` });
  await until(async () => (await system.strangler('reload')).code === 0);
  // Nobody looks at this file but who is told to.
  choose(system.service);
  process.kill(system.pid, 'SIGHUP');
  await until(async () => (await sideOf(system.origin)) === 'new');
});

it('SIGTERM under load: every request that was taken is answered, then the process ends with status 0', async () => {
  const system = await start();
  let held = 0;
  system.legacy.answer = (_request, response) => {
    held += 1;
    setImmediate(() => response.setHeader('content-type', 'application/json').end('{"by":"legacy"}'));
  };
  const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
  cleanups.push(() => agent.destroy());
  const answers: number[] = [];
  const clients = Array.from({ length: 4 }, async () => {
    for (;;) {
      const status = await statusOver(agent, system.origin);
      if (status === 'refused') return;
      answers.push(status);
    }
  });
  await until(() => answers.length > 100);
  process.kill(system.pid, 'SIGTERM');
  await Promise.all(clients);
  expect((await system.exited).code).toBe(0);
  expect(new Set(answers)).toEqual(new Set([200]));
  expect(answers.length).toBe(held);
});

/** `refused`: nobody listens any more. Any other failure is one. */
async function statusOver(agent: http.Agent, origin: string): Promise<number | 'refused'> {
  const request = http.get(`${origin}/shipments/7`, { agent });
  try {
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    response.resume();
    await once(response, 'end');
    return response.statusCode!;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') return 'refused';
    throw error;
  }
}
