import { resolve } from 'node:path';
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { BridgeError } from '../../cdc-bridge/errors.ts';
import { openBinlogStream } from '../../cdc-bridge/source/binlog/connection/open-binlog-stream.ts';
import type { BinlogEventStream, BinlogRequest } from '../../cdc-bridge/source/binlog/event-stream.ts';
import { type ConnectionConfig, connectionSettings } from '../../cdc-bridge/source/connection-settings.ts';
import { LegacyDatabase } from '../../cdc-bridge/source/legacy-database.ts';
import { startMysql } from '../real-parts/mysql.ts';
import { requireRealPart } from '../real-parts/real-part.ts';

const tls = (file: string) => resolve(import.meta.dirname, '../fixtures/tls', file);
const server = requireRealPart('MySQL with TLS', () =>
  startMysql([
    `--ssl-ca=${tls('ca.pem')}`,
    `--ssl-cert=${tls('default.pem')}`,
    `--ssl-key=${tls('default.key.pem')}`,
    '--max-allowed-packet=256M',
  ]),
);

let root: Connection | undefined;

beforeEach(async () => {
  if (root) return;
  root = await mysql.createConnection({ uri: server().url, multipleStatements: true });
  await query('CREATE DATABASE legacy; CREATE TABLE legacy.blobs (id INT PRIMARY KEY, content LONGBLOB)');
});
afterAll(() => root?.end());

async function query(sql: string): Promise<RowDataPacket[]> {
  return (await root!.query<RowDataPacket[]>(sql))[0];
}

async function position(): Promise<BinlogRequest['from']> {
  const [row] = await query('SELECT @@GLOBAL.gtid_executed AS gtids');
  return { kind: 'gtid', flavour: 'mysql', gtids: row!.gtids };
}

let serverId = 5_000;
const open = (config: ConnectionConfig, changes: Partial<BinlogRequest> = {}) =>
  openBinlogStream(
    connectionSettings(config),
    {
      serverId: serverId++,
      from: { kind: 'gtid', flavour: 'mysql', gtids: '' },
      heartbeatMs: 500,
      until: 'end',
      maxEventBytes: 2 ** 30,
      ...changes,
    },
    AbortSignal.timeout(30_000),
  );

async function events(stream: BinlogEventStream): Promise<Buffer[]> {
  const all: Buffer[] = [];
  for await (const batch of stream.batches()) all.push(...batch);
  return all;
}

async function refusal(work: Promise<BinlogEventStream>): Promise<BridgeError> {
  const outcome = await work.then(events).catch((error: BridgeError) => error);
  if (Array.isArray(outcome)) throw new Error(`expected a refusal, ${outcome.length} events came`);
  return outcome;
}

function urlOf(user: string, password: string): string {
  return Object.assign(new URL(server().url), { username: user, password, pathname: '/legacy' }).href;
}

async function account(password: string, requirement = ''): Promise<string> {
  const user = `u${serverId++}`;
  await query(
    `CREATE USER ${user}@'127.0.0.1' IDENTIFIED WITH caching_sha2_password BY '${password}' ${requirement};
     GRANT SELECT, REPLICATION SLAVE ON *.* TO ${user}@'127.0.0.1'`,
  );
  return user;
}

const rootConfig = () => ({ url: `${server().url}legacy` });
const ca = tls('ca.pem');

describe('logging in by caching_sha2_password', () => {
  it('proves a password that the server has not cached under its public key, and a cached one by its digest', async () => {
    const password = 'p@ss wörd longer than a scramble';
    const config = { url: urlOf(await account(password), password) };
    for (const round of ['in full', 'fast']) {
      const stream = await open(config);
      expect(stream.server.flavour, round).toBe('mysql');
      expect((await events(stream)).every((event) => event.readUInt32LE(9) === event.length)).toBe(true);
    }
    const database = await LegacyDatabase.connect(connectionSettings(config));
    expect(await database.head()).toMatch(/^mysql:[0-9a-f-]{36}:1-/);
    expect(database.identity.id).toBe((await query('SELECT @@server_uuid AS id'))[0]!.id);
    await database.close();
  });

  it('proves it over TLS, where the account requires that', async () => {
    const url = urlOf(await account('p', 'REQUIRE SSL'), 'p');
    const config: ConnectionConfig = { url, tls: { ca, servername: 'localhost', verify: 'identity' } };
    await events(await open(config));
    await events(await open(config));
    expect((await refusal(open({ url }))).code).toBe('legacy-refused');
  });

  it('asks for nothing with an empty password', async () => {
    await events(await open({ url: urlOf(await account(''), '') }));
  });

  it('is refused with a wrong password, by digest and in full', async () => {
    const user = await account('right');
    expect((await refusal(open({ url: urlOf(user, 'wrong') }))).code).toBe('legacy-refused');
    await events(await open({ url: urlOf(user, 'right') }));
    expect((await refusal(open({ url: urlOf(user, 'wrong') }))).code).toBe('legacy-refused');
  });
});

it('refuses a certificate that a stranger signed, and one of another name', async () => {
  const { url } = rootConfig();
  for (const config of [
    { url, tls: { ca: tls('stranger.pem'), verify: 'authority' } },
    { url, tls: { ca, servername: 'other.test', verify: 'identity' } },
  ] as const) {
    expect((await refusal(open(config))).code).toBe('legacy-tls');
    await expect(LegacyDatabase.connect(connectionSettings(config))).rejects.toMatchObject({ code: 'legacy-tls' });
  }
});

it('says that the server wants TLS where every account must use it', async () => {
  await query('SET GLOBAL require_secure_transport = ON');
  expect((await refusal(open(rootConfig()))).code).toBe('legacy-tls');
  await expect(LegacyDatabase.connect(connectionSettings(rootConfig()))).rejects.toMatchObject({ code: 'legacy-tls' });
  await query('SET GLOBAL require_secure_transport = OFF');
});

it('tells of the missing privilege', async () => {
  await query("CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'p'");
  const error = await refusal(open({ url: urlOf('reader', 'p') }));
  expect(error.code).toBe('legacy-refused');
  expect(error.message).toContain('REPLICATION SLAVE');
});

it('carries a row of 40 MB whole', async () => {
  const from = await position();
  await query("INSERT INTO legacy.blobs VALUES (40, REPEAT('0123456789', 4194304))");
  const large = (await events(await open(rootConfig(), { from }))).filter((event) => event.length > 2 ** 24);
  expect(large).toHaveLength(1);
  expect(large[0]!.readUInt32LE(9)).toBe(large[0]!.length);
  expect(large[0]!.subarray(-24, -4).toString()).toBe('01234567890123456789');
});

it('resumes behind tagged transactions, and sends those that are missing', async () => {
  const tagged = async (id: number) => {
    await query("SET gtid_next = 'AUTOMATIC:orders_svc'");
    await query(`INSERT INTO legacy.blobs VALUES (${id}, NULL)`);
    await query("SET gtid_next = 'AUTOMATIC'");
  };
  await tagged(1_001);
  const from = await position();
  expect(from).toMatchObject({ gtids: expect.stringContaining(':orders_svc:1') });
  await tagged(1_002);
  await query('INSERT INTO legacy.blobs VALUES (1003, NULL)');
  const types = (await events(await open(rootConfig(), { from }))).map((event) => event[4]!);
  expect(types.filter((type) => type === 42 || type === 33)).toEqual([42, 33]);
  expect(types.filter((type) => type === 30)).toHaveLength(2);
});

it('reads by file and offset', async () => {
  const [status] = await query('SHOW BINARY LOG STATUS');
  await query('INSERT INTO legacy.blobs VALUES (2000, NULL)');
  const from = { kind: 'file', file: status!.File, offset: status!.Position } as const;
  const types = (await events(await open(rootConfig(), { from }))).map((event) => event[4]!);
  expect(types.slice(0, 2)).toEqual([4, 15]);
  expect(types.filter((type) => type === 30)).toHaveLength(1);
});

it('tells of another reader with the same id, and of a dump that an operator killed', async () => {
  const from = await position();
  const first = await open(rootConfig(), { from, serverId: 4_711, until: 'live' });
  const ended = refusal(Promise.resolve(first));
  const second = await open(rootConfig(), { from, serverId: 4_711, until: 'live' });
  const { code, retriable } = await ended;
  expect([code, retriable]).toEqual(['server-id-taken', false]);

  const killed = refusal(Promise.resolve(second));
  const threads = await query("SELECT id FROM performance_schema.processlist WHERE command LIKE 'Binlog Dump%'");
  for (const { id } of threads) await query(`KILL ${id}`);
  expect((await killed).code).toBe('legacy-unreachable');
});

it('refuses transactions that the server does not have, or no longer', async () => {
  const [{ id }] = (await query('SELECT @@server_uuid AS id')) as [RowDataPacket];
  const never = { kind: 'gtid', flavour: 'mysql', gtids: `${id}:1-99999999` } as const;
  expect((await refusal(open(rootConfig(), { from: never }))).code).toBe('position-not-on-server');
  await query('FLUSH BINARY LOGS; INSERT INTO legacy.blobs VALUES (3000, NULL)');
  const [status] = await query('SHOW BINARY LOG STATUS');
  await query(`PURGE BINARY LOGS TO '${status!.File}'`);
  expect((await refusal(open(rootConfig()))).code).toBe('position-not-on-server');
});

it.each([
  ['without', 'NONE', false],
  ['with', 'CRC32', true],
])('says whether what the server makes up comes %s checksums', async (_, checksum, expected) => {
  await query(`SET GLOBAL binlog_checksum = ${checksum}`);
  const stream = await open(rootConfig(), { from: await position() });
  const [rotate] = await events(stream);
  expect(stream.startsWithChecksums).toBe(expected);
  expect(rotate!.toString('latin1', 27, rotate!.length - (expected ? 4 : 0))).toMatch(/^binlog\.\d{6}$/);
});
