import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { startChild } from '../../runtime/child-process.ts';
import { freePort } from '../free-port.ts';
import { ask, startSide } from '../gateway/sides.ts';
import { until } from '../until.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const program = join(import.meta.dirname, '..', '..', 'cli', 'strangler.mjs');

it('SIGHUP lets a started gateway write its access log to a new file, and serve on', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hangup-'));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  const legacy = await startSide('legacy');
  cleanups.push(legacy.stop);
  const [publicPort, adminPort] = [await freePort(), await freePort()];
  const listeners = { public: { port: publicPort }, admin: { port: adminPort } };
  writeFileSync(join(folder, 'strangler.yaml'), JSON.stringify({ legacy: legacy.origin, listeners }));
  const gateway = await startChild(process.execPath, [program, 'start'], { cwd: folder });
  cleanups.push(() => gateway.stop());
  const origin = `http://127.0.0.1:${publicPort}`;
  await until(async () => (await ask(origin, '/first')).status === 200, 30_000, 'the gateway');

  const path = join(folder, '.data', 'logs', 'access.log');
  const targets = (file: string) =>
    existsSync(file) ? [...readFileSync(file, 'utf8').matchAll(/"target":"(.*?)"/g)].map(([, target]) => target) : [];
  await until(() => targets(path).length === 1);
  renameSync(path, `${path}.moved`);
  gateway.process.kill('SIGHUP');
  await until(() => existsSync(path));
  expect((await ask(origin, '/second')).status).toBe(200);
  await gateway.stop();
  expect(targets(`${path}.moved`)).toEqual(['/first']);
  expect(targets(path)).toEqual(['/second']);
  expect((await gateway.exited).code).toBe(0);
});
