import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { install } from '../../legacy-stub/install.ts';
import { until } from '../until.ts';
import { layOutSystem, type SystemFolder } from './system.ts';

const stranglerProgram = resolve(import.meta.dirname, '..', '..', 'cli', 'strangler.mjs');
const root = new URL(process.env.TEST_DB_URL!);
const database = `away_${process.pid}`;

let folder: SystemFolder;
let child: ChildProcess;
beforeAll(async () => {
  const [user, password] = [root.username, root.password].map(decodeURIComponent);
  await install({ host: root.hostname, port: Number(root.port), user: user!, password: password!, database });
  folder = await layOutSystem();
});
afterAll(async () => {
  if (child?.exitCode === null) {
    const exit = once(child, 'exit');
    child.kill('SIGINT');
    await exit;
  }
  rmSync(folder.path, { recursive: true, force: true });
  const connection = await createConnection(root.href);
  await connection.query(`drop database ${database}`);
  await connection.end();
});

it('starts gateway and services while the legacy database is away, and the bridge as soon as it is there', async () => {
  const url = `mysql://${root.username}:${root.password}@127.0.0.1:${folder.spare}/${database}`;
  child = spawn(process.execPath, [stranglerProgram, 'start'], {
    cwd: folder.path,
    env: { ...process.env, LEGACY_DB_URL: url },
    stdio: 'ignore',
  });
  const status = async (address: string) => (await fetch(address)).status;
  await until(async () => (await status(`${folder.at('8081')}/readyz`)) === 200, 30_000, 'the gateway');
  await until(async () => (await status(`${folder.at('8082')}/readyz`)) === 200, 30_000, 'the services');
  await expect(fetch(`${folder.at('8083')}/readyz`)).rejects.toThrow();

  const door = createServer((socket) => {
    const server = connect(Number(root.port), root.hostname);
    socket.on('error', () => server.destroy()).pipe(server);
    server.on('error', () => socket.destroy()).pipe(socket);
  });
  door.listen(folder.spare, '127.0.0.1');
  await until(async () => (await status(`${folder.at('8083')}/readyz`)) === 200, 30_000, 'the bridge');
  const shipment = await fetch(`${folder.at('8082')}/shipments/7`);
  expect(await shipment.json()).toMatchObject({ id: 7, sender: 'bob' });
  door.close();
}, 120_000);

it('says at once that the database does not know the account, instead of waiting for it', async () => {
  const away = await layOutSystem();
  const url = `mysql://nobody:wrong@127.0.0.1:${root.port}/${database}`;
  const refused = spawn(process.execPath, [stranglerProgram, 'start'], {
    cwd: away.path,
    env: { ...process.env, LEGACY_DB_URL: url },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  refused.stderr.on('data', (chunk) => (said += chunk));
  const [code] = await once(refused, 'close');
  expect(said).toContain("Access denied for user 'nobody'");
  expect(code).toBe(1);
  rmSync(join(away.path), { recursive: true, force: true });
}, 60_000);
