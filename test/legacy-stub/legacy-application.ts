import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mysql, { type Connection } from 'mysql2/promise';
import { startApplication } from '../../legacy-stub/application.ts';
import { type DatabaseAddress, readConfig } from '../../legacy-stub/config.ts';

/** The application on a database of its own, an administrator's connection beside it, and how to be rid of both. */
export interface TestApplication {
  readonly url: string;
  readonly address: DatabaseAddress;
  readonly uploadDir: string;
  readonly admin: Connection;
  /** A request that does not follow redirects. */
  request(path: string, init?: RequestInit): Promise<Response>;
  /** The Cookie header of someone who just logged in. */
  logIn(user?: string): Promise<string>;
  stop(): Promise<void>;
}

/** Starts on the server that TEST_DB_URL names. `reach` may put something between the application and the server. */
export async function startTestApplication(
  name: string,
  reach: (server: DatabaseAddress) => DatabaseAddress | Promise<DatabaseAddress> = (server) => server,
): Promise<TestApplication> {
  const address = testAddress(name);
  const admin = await connectAdmin(address);
  const uploadDir = await mkdtemp(join(tmpdir(), 'legacy-uploads-'));
  const application = await startApplication({ database: await reach(address), host: '127.0.0.1', port: 0, uploadDir });
  const request = (path: string, init: RequestInit = {}) =>
    fetch(application.url + path, { redirect: 'manual', ...init });
  await admin.query('USE ??', [address.database]);
  return {
    url: application.url,
    address,
    uploadDir,
    admin,
    request,
    async logIn(user = 'alice') {
      const answer = await request('/login', form({ user, password: 'secret' }));
      return answer.headers
        .getSetCookie()
        .map((cookie) => cookie.split(';')[0])
        .join('; ');
    },
    async stop() {
      await application.stop();
      await admin.query('DROP DATABASE IF EXISTS ??', [address.database]);
      await admin.end();
      await rm(uploadDir, { recursive: true });
    },
  };
}

/** A database on the test server that no other test file and no other run uses. */
export function testAddress(name: string): DatabaseAddress {
  const url = new URL(process.env.TEST_DB_URL ?? '');
  url.pathname = `legacy_stub_${name}_${process.pid}`;
  return readConfig({ LEGACY_DB_URL: url.href }).database;
}

/** An administrator's connection without a database. */
export function connectAdmin({ database: _, ...server }: DatabaseAddress): Promise<Connection> {
  return mysql.createConnection({ ...server, dateStrings: true, charset: 'utf8mb4' });
}

/** A form as a browser posts it. */
export function form(
  fields: Record<string, string> | [string, string][],
  headers: Record<string, string> = {},
): RequestInit {
  return { method: 'POST', body: new URLSearchParams(fields), headers };
}

/** A JSON body with its method. */
export function json(method: string, body: unknown, headers: Record<string, string> = {}): RequestInit {
  return { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } };
}

export const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

/** Sends bytes as they are and gives back all that is answered. They should ask for the connection to be closed. */
export async function raw(url: string, bytes: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.write(bytes);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
