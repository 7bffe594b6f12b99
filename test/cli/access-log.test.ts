import type { SpawnOptions } from 'node:child_process';
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

/** A gateway of its own process, in front of a legacy application; `written` is added to its configuration. */
async function start(written: object, options: SpawnOptions = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'access-log-'));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  const legacy = await startSide('legacy');
  cleanups.push(legacy.stop);
  const [publicPort, adminPort] = [await freePort(), await freePort()];
  const listeners = { public: { port: publicPort }, admin: { port: adminPort } };
  writeFileSync(join(folder, 'strangler.yaml'), JSON.stringify({ legacy: legacy.origin, listeners, ...written }));
  const gateway = await startChild(process.execPath, [program, 'start'], { cwd: folder, ...options });
  cleanups.push(() => gateway.stop());
  const origin = `http://127.0.0.1:${publicPort}`;
  await until(async () => (await ask(origin, '/first')).status === 200, 30_000, 'the gateway');
  return { gateway, origin, folder };
}

const targetsIn = (text: string) => [...text.matchAll(/"target":"(.*?)"/g)].map(([, target]) => target);

it('SIGHUP lets a started gateway write its access log to a new file, and serve on', async () => {
  const { gateway, origin, folder } = await start({});
  const path = join(folder, '.data', 'logs', 'access.log');
  const targets = (file: string) => (existsSync(file) ? targetsIn(readFileSync(file, 'utf8')) : []);
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

it('the access log can go to standard output, where nothing else is', async () => {
  const { gateway, origin } = await start({ accessLog: '-' }, { stdio: ['ignore', 'pipe', 'ignore'] });
  let printed = '';
  gateway.process.stdout!.on('data', (chunk) => {
    printed += chunk;
  });
  for (let index = 0; index < 3; index += 1) await ask(origin, `/${index}`);
  await gateway.stop();
  await until(() => targetsIn(printed).length === 4);
  expect(targetsIn(printed)).toEqual(['/first', '/0', '/1', '/2']);
  expect(() =>
    printed
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).not.toThrow();
});
