import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { bridgeLegacy } from '../../cdc-bridge/config.ts';
import { connectionSettings, readCredentials } from '../../cdc-bridge/source/connection-settings.ts';

const legacy = z.strictObject(bridgeLegacy);
const ca = resolve(import.meta.dirname, '../fixtures/tls/ca.pem');
const clientKey = resolve(import.meta.dirname, '../fixtures/tls/client.key.pem');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'connection-'));
});
afterAll(() => rm(folder, { recursive: true }));

function problems(database: object): string[] {
  const result = legacy.safeParse({ database: { url: 'mysql://u@db.example/d', ...database } });
  return (result.error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

describe('legacy.database', () => {
  it('takes true, or what deviates from verifying the name of the host', () => {
    const tls = (value: unknown) =>
      legacy.parse({ database: { url: 'mysql://u:p@db.example/d', tls: value } }).database?.tls;
    expect(tls(true)).toEqual({ verify: 'identity' });
    expect(tls({ ca, servername: 'db' })).toEqual({ ca, servername: 'db', verify: 'identity' });
    expect(tls({ verify: 'authority' })).toEqual({ verify: 'authority' });
    expect(tls({ verify: false })).toEqual({ verify: 'none' });
    expect(tls(undefined)).toBeUndefined();
  });

  it('refuses false, unknown keys, files that are not there, and a certificate without its key', () => {
    expect(problems({ tls: false })).not.toEqual([]);
    expect(problems({ tls: { rejectUnauthorized: false } })).not.toEqual([]);
    expect(problems({ tls: { ca: '/nowhere/ca.pem' } })).not.toEqual([]);
    expect(problems({ tls: { cert: ca } })).not.toEqual([]);
    expect(problems({ tls: { cert: ca, key: clientKey } })).toEqual([]);
  });

  it('asks for a name to verify where the URL has an address', () => {
    const message = 'database.tls: found address 10.1.2.3 in url, expected a name there or a servername here';
    expect(problems({ url: 'mysql://u:p@10.1.2.3/d', tls: true })).toEqual([message]);
    expect(problems({ url: 'mysql://u:p@[::1]:3306/d', tls: true })).toHaveLength(1);
    expect(problems({ url: 'mysql://u:p@10.1.2.3/d', tls: { servername: 'db' } })).toEqual([]);
    expect(problems({ url: 'mysql://u:p@10.1.2.3/d', tls: { verify: 'authority' } })).toEqual([]);
  });

  it('takes one password, of the URL or of a file', () => {
    expect(problems({ passwordFile: '/run/secrets/db' })).toEqual([]);
    expect(problems({ url: 'mysql://u:p@h/d', passwordFile: '/run/secrets/db' })).toEqual([
      'database.passwordFile: found a password in url too, expected one of both',
    ]);
  });

  it('takes a Unix socket, and the size of the largest event', () => {
    expect(problems({ url: 'mysql://u:p@localhost/d?socket=/run/mysqld/mysqld.sock' })).toEqual([]);
    expect(problems({ url: 'mysql://u:p@localhost/d?ssl=true' })).not.toEqual([]);
    const { database } = legacy.parse({ database: { url: 'mysql://u@h/d', maxEvent: '64MiB' } });
    expect(database?.maxEvent).toBe(64 * 2 ** 20);
  });
});

describe('the settings of a connection', () => {
  it('are what the URL says, decoded', () => {
    expect(connectionSettings('mysql://br%40dge:p%2Fw@[::1]/leg%20acy?socket=/run/my.sock')).toEqual({
      host: '::1',
      port: 3306,
      socketPath: '/run/my.sock',
      user: 'br@dge',
      password: 'p/w',
      database: 'leg acy',
      connectTimeoutMs: 10_000,
    });
  });

  it('read password and certificates anew each time, and name the file that cannot be read', async () => {
    const passwordFile = join(folder, 'password');
    const settings = connectionSettings({ url: 'mysql://u@h/d', passwordFile, tls: { ca, verify: 'identity' } });
    await expect(readCredentials(settings)).rejects.toMatchObject({
      code: 'password-refused',
      retriable: true,
      message: expect.stringContaining(passwordFile),
    });
    for (const password of ['first', 'second with a space ']) {
      writeFileSync(passwordFile, `${password}\n`);
      const { password: found, tls } = await readCredentials(settings);
      expect([found, tls?.servername, tls?.verify]).toEqual([password, 'h', 'identity']);
      expect(tls?.ca).toContain('BEGIN CERTIFICATE');
    }
    const gone = connectionSettings({ url: 'mysql://u@h/d', tls: { ca: '/nowhere/ca.pem', verify: 'identity' } });
    await expect(readCredentials(gone)).rejects.toMatchObject({ code: 'legacy-tls' });
  });
});
