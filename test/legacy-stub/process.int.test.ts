import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectAdmin, testAddress } from './legacy-application.ts';

const address = testAddress('process');
const uploads = await mkdtemp(join(tmpdir(), 'legacy-uploads-'));
let admin: Awaited<ReturnType<typeof connectAdmin>>;
beforeAll(async () => {
  admin = await connectAdmin(address);
});
afterAll(async () => {
  await admin.query('DROP DATABASE IF EXISTS ??', [address.database]);
  await admin.end();
  await rm(uploads, { recursive: true });
});

const start = (variables: Record<string, string>) =>
  spawn(process.execPath, ['--import', 'tsx', 'legacy-stub/main.ts'], {
    env: { PATH: process.env.PATH, ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  });

test('it runs alone, twice on the same database, and ends on SIGTERM', async () => {
  const { host, port, user, password, database } = address;
  const LEGACY_DB_URL = `mysql://${user}:${encodeURIComponent(password)}@${host}:${port}/${database}`;
  for (const _ of [1, 2]) {
    const child = start({ LEGACY_DB_URL, PORT: '0', UPLOAD_DIR: uploads });
    const [line] = await once(createInterface(child.stdout), 'line');
    const url = /listening at (.*)$/.exec(line)?.[1];
    expect((await (await fetch(`${url}/shipments`)).json()) as object).toMatchObject({ total: 60 });
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  }
});

test('wrong variables are told all at once and end it with 1', async () => {
  const child = start({ LEGACY_DB_URL: 'postgres://x', PORT: '80000' });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  expect(await once(child, 'close')).toEqual([1, null]);
  expect(said).toContain('LEGACY_DB_URL: expected an address such as mysql://');
  expect(said).toContain('PORT: expected a port from 0 to 65535');
});
