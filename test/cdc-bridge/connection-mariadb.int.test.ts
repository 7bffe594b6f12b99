import { readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { BridgeError } from '../../cdc-bridge/errors.ts';
import { openBinlogFile } from '../../cdc-bridge/source/binlog/binlog-file.ts';
import { openBinlogStream } from '../../cdc-bridge/source/binlog/connection/open-binlog-stream.ts';
import type { BinlogEventStream, BinlogRequest } from '../../cdc-bridge/source/binlog/event-stream.ts';
import { type ConnectionConfig, connectionSettings } from '../../cdc-bridge/source/connection-settings.ts';
import { LegacyDatabase } from '../../cdc-bridge/source/legacy-database.ts';
import { requireRealPart } from '../real-parts/real-part.ts';
import { until } from '../until.ts';
import { startMariadb } from './own-mariadb.ts';

const tls = (file: string) => resolve(import.meta.dirname, '../fixtures/tls', file);
const mariadb = requireRealPart('MariaDB of its own', () =>
  startMariadb([
    `--ssl-ca=${tls('ca.pem')}`,
    `--ssl-cert=${tls('default.pem')}`,
    `--ssl-key=${tls('default.key.pem')}`,
    '--plugin-load-add=auth_ed25519',
    '--max-allowed-packet=256M',
    '--max-binlog-size=1G',
    '--net-write-timeout=2',
  ]),
);

let root: Connection | undefined;

beforeEach(async () => {
  if (root) return;
  root = await mysql.createConnection({ uri: mariadb().rootUrl, multipleStatements: true });
  await root.query('CREATE TABLE legacy.blobs (id INT PRIMARY KEY, content LONGBLOB)');
});
afterAll(() => root?.end());

async function query(sql: string): Promise<RowDataPacket[]> {
  return (await root!.query<RowDataPacket[]>(sql))[0];
}

async function position(): Promise<BinlogRequest['from']> {
  const [row] = await query('SELECT @@GLOBAL.gtid_binlog_pos AS gtids');
  return { kind: 'gtid', flavour: 'mariadb', gtids: row!.gtids };
}

let serverId = 5_000;
function request(changes: Partial<BinlogRequest> = {}): BinlogRequest {
  return {
    serverId: serverId++,
    from: { kind: 'gtid', flavour: 'mariadb', gtids: '' },
    heartbeatMs: 500,
    until: 'end',
    maxEventBytes: 2 ** 30,
    ...changes,
  };
}

function urlOf(user: string, password: string, host = '127.0.0.1'): string {
  return Object.assign(new URL(mariadb().rootUrl), { username: user, password, hostname: host, pathname: '/legacy' })
    .href;
}

async function account(identified: string): Promise<string> {
  const user = `u${serverId++}`;
  await query(
    `CREATE USER ${user}@'127.0.0.1' ${identified}; GRANT SELECT, REPLICATION SLAVE ON *.* TO ${user}@'127.0.0.1'`,
  );
  return user;
}

const open = (config: ConnectionConfig, changes: Partial<BinlogRequest> = {}, signal = AbortSignal.timeout(30_000)) =>
  openBinlogStream(connectionSettings(config), request(changes), signal);

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

const rootConfig = () => ({ url: `${mariadb().rootUrl}legacy` });
const lengthsAreTold = (all: readonly Buffer[]) => all.every((event) => event.readUInt32LE(9) === event.length);

describe('logging in', () => {
  it.each([
    ['mysql_native_password', "IDENTIFIED BY 'p@ss wörd'", 'p@ss wörd'],
    ['an empty password', "IDENTIFIED BY ''", ''],
    ['ed25519', "IDENTIFIED VIA ed25519 USING PASSWORD('sécret')", 'sécret'],
    ['ed25519 with a long password', `IDENTIFIED VIA ed25519 USING PASSWORD('${'x'.repeat(120)}')`, 'x'.repeat(120)],
  ])('works by %s, for the binlog and for SQL', async (_, identified, password) => {
    const url = urlOf(await account(identified), password);
    const stream = await open({ url });
    expect(stream.server).toMatchObject({ flavour: 'mariadb', id: '1' });
    expect(lengthsAreTold(await events(stream))).toBe(true);
    const database = await LegacyDatabase.connect(connectionSettings({ url }));
    expect(await database.head()).toContain('mariadb:0-1-');
    await database.close();
  });

  it('is refused with a wrong password, by native and by ed25519', async () => {
    for (const identified of ["IDENTIFIED BY 'right'", "IDENTIFIED VIA ed25519 USING PASSWORD('right')"]) {
      const error = await refusal(open({ url: urlOf(await account(identified), 'wrong') }));
      expect(error.code).toBe('legacy-refused');
      expect(error.message).toContain('Access denied for user');
    }
  });

  it('tells of the missing privilege', async () => {
    await query("CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'p'; GRANT SELECT ON *.* TO reader@'127.0.0.1'");
    const error = await refusal(open({ url: urlOf('reader', 'p') }));
    expect(error.code).toBe('legacy-refused');
    expect(error.message).toContain('REPLICATION SLAVE');
  });

  it('follows a password that is exchanged in its file, without anything being started anew', async () => {
    const user = await account("IDENTIFIED BY 'first'");
    const passwordFile = join(mariadb().data, '..', 'password-of-bridge');
    writeFileSync(passwordFile, 'first\n');
    const config = { url: urlOf(user, ''), passwordFile };
    const settings = connectionSettings(config);
    const database = await LegacyDatabase.connect(settings);
    await query(`ALTER USER ${user}@'127.0.0.1' IDENTIFIED BY 'second'`);
    const ids = await query(`SELECT id FROM information_schema.processlist WHERE user = '${user}'`);
    for (const { id } of ids) await query(`KILL ${id}`);

    const between = await refusal(openBinlogStream(settings, request(), AbortSignal.timeout(10_000)));
    expect([between.code, between.retriable]).toEqual(['password-refused', true]);
    await expect(untilAnswered(database)).rejects.toMatchObject({ code: 'password-refused' });

    writeFileSync(passwordFile, 'second\n');
    await events(await openBinlogStream(settings, request(), AbortSignal.timeout(10_000)));
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await database.close();
  });

  /** The pool finds out one by one that its connections were killed. */
  async function untilAnswered(database: LegacyDatabase): Promise<void> {
    for (;;) {
      try {
        await database.query('SELECT 1');
        return;
      } catch (error) {
        if ((error as BridgeError).code !== 'legacy-unreachable') throw error;
      }
    }
  }

  it('works over a Unix socket', async () => {
    const password = new URL(mariadb().rootUrl).password;
    const url = `mysql://root:${password}@localhost/legacy?socket=${join(mariadb().data, 'server.sock')}`;
    expect(lengthsAreTold(await events(await open({ url })))).toBe(true);
    const database = await LegacyDatabase.connect(connectionSettings({ url }));
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await database.close();
  });
});

describe('TLS', () => {
  const ca = tls('ca.pem');
  const secured = async (config: ConnectionConfig) => {
    const stream = await open(config);
    await events(stream);
    const database = await LegacyDatabase.connect(connectionSettings(config));
    const rows = await database.query("SHOW SESSION STATUS LIKE 'Ssl_version'");
    await database.close();
    return rows[0]!.Value;
  };
  const refusedBoth = async (config: ConnectionConfig) => {
    const error = await refusal(open(config));
    const bySql = await LegacyDatabase.connect(connectionSettings(config)).catch((reason: BridgeError) => reason);
    return [error.code, (bySql as BridgeError).code];
  };

  it('protects an account that requires it, with a certificate of the name that is expected', async () => {
    const user = await account("IDENTIFIED VIA ed25519 USING PASSWORD('p') REQUIRE SSL");
    const url = urlOf(user, 'p');
    expect(await secured({ url, tls: { ca, servername: 'localhost', verify: 'identity' } })).toMatch(/^TLSv1/);
    expect(await secured({ url, tls: { ca, verify: 'authority' } })).toMatch(/^TLSv1/);
    expect(await secured({ url, tls: { verify: 'none' } })).toMatch(/^TLSv1/);
    expect((await refusal(open({ url }))).code).toBe('legacy-refused');
  });

  it('proves itself with a certificate where the account asks for one', async () => {
    const url = urlOf(await account("IDENTIFIED BY 'p' REQUIRE X509"), 'p');
    const own = { cert: tls('client.pem'), key: tls('client.key.pem') };
    expect(await secured({ url, tls: { ca, ...own, verify: 'authority' } })).toMatch(/^TLSv1/);
    expect((await refusal(open({ url, tls: { ca, verify: 'authority' } }))).code).toBe('legacy-refused');
  });

  it('refuses a certificate that a stranger signed, and one of another name', async () => {
    const { url } = rootConfig();
    expect(await refusedBoth({ url, tls: { ca: tls('stranger.pem'), verify: 'authority' } })).toEqual([
      'legacy-tls',
      'legacy-tls',
    ]);
    expect(await refusedBoth({ url, tls: { ca, servername: 'other.test', verify: 'identity' } })).toEqual([
      'legacy-tls',
      'legacy-tls',
    ]);
    expect(await refusedBoth({ url, tls: { verify: 'authority' } })).toEqual(['legacy-tls', 'legacy-tls']);
    expect(await refusedBoth({ url, tls: { ca, verify: 'identity' } })).toEqual(['legacy-tls', 'legacy-tls']);
  });
});

describe('the dump', () => {
  it('gives by GTID, by file and out of the file the same events', async () => {
    await query("INSERT INTO legacy.blobs VALUES (1, 'a'), (2, 'b'); DELETE FROM legacy.blobs");
    await query('FLUSH BINARY LOGS');
    const written = (all: readonly Buffer[]) =>
      all.filter((event) => event.readUInt32LE(0) !== 0 && (event.readUInt16LE(17) & 0x20) === 0);
    const [file] = readdirSync(mariadb().data)
      .filter((name) => /^binlog\.\d+$/.test(name))
      .sort();
    const fromFile = await events(await openBinlogFile(join(mariadb().data, file!), { maxEventBytes: 2 ** 30 }));
    const byOffset = written(
      await events(await open(rootConfig(), { from: { kind: 'file', file: file!, offset: 4 } })),
    );
    const byGtid = written(await events(await open(rootConfig())));
    const wanted = fromFile.slice(1).map((event) => event.toString('hex'));
    const streamed = byOffset.map((event) => event.toString('hex'));
    expect(wanted.filter((event) => !streamed.includes(event))).toEqual([]);
    expect(byGtid.length).toBeGreaterThanOrEqual(wanted.length - 3);
    const middle = fromFile[5]!.readUInt32LE(13);
    const later = await events(
      await openBinlogFile(join(mariadb().data, file!), { from: middle, maxEventBytes: 2 ** 30 }),
    );
    expect(later.slice(1).map((event) => event.toString('hex'))).toEqual(wanted.slice(5));
  });

  it('carries a row of 40 MB whole, and refuses it where less is allowed', async () => {
    const from = await position();
    await query("INSERT INTO legacy.blobs VALUES (40, REPEAT('0123456789', 4194304))");
    const all = await events(await open(rootConfig(), { from }));
    const large = all.filter((event) => event.length > 2 ** 24);
    expect(large.map((event) => event.length > 40 * 2 ** 20)).toEqual([true]);
    expect(lengthsAreTold(all)).toBe(true);
    expect(large[0]!.subarray(-24, -4).toString()).toBe('01234567890123456789');

    const error = await refusal(open(rootConfig(), { from, maxEventBytes: 20 * 2 ** 20 }));
    expect(error.code).toBe('event-too-large');
    expect(error.message).toMatch(
      /binlog binlog\.\d{6} after position \d+: found an event of 4194\d{4} bytes, .* allows 20971520/,
    );
    await query('DELETE FROM legacy.blobs');
  });

  it('waits for a reader that takes its time longer than the server would', async () => {
    const from = await position();
    for (let round = 0; round < 40; round++)
      await query(`INSERT INTO legacy.blobs VALUES (${100 + round}, REPEAT('x', 1000000))`);
    const stream = await open(rootConfig(), { from });
    const batches = stream.batches()[Symbol.asyncIterator]();
    const all = [...(await batches.next()).value!];
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    for (let next = await batches.next(); !next.done; next = await batches.next()) all.push(...next.value);
    expect(all.filter((event) => event.length > 1_000_000)).toHaveLength(40);
    await query('DELETE FROM legacy.blobs');
  }, 30_000);

  it('sends heartbeats while nothing happens, and each change at once', async () => {
    const stream = await open(rootConfig(), { from: await position(), until: 'live', heartbeatMs: 200 });
    const types = new Set<number>();
    for await (const batch of stream.batches()) {
      for (const event of batch) types.add(event[4]!);
      if (types.has(27) && !types.has(23)) await query('INSERT IGNORE INTO legacy.blobs VALUES (7, NULL)');
      if (types.has(27) && types.has(23)) break;
    }
    expect([...types]).toEqual(expect.arrayContaining([4, 15, 27, 160, 162, 19, 23, 16]));
    await query('DELETE FROM legacy.blobs');
  });

  it('tells of a dump that an operator killed', async () => {
    const stream = await open(rootConfig(), { from: await position(), until: 'live' });
    const threads = await query("SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'");
    const ended = refusal(Promise.resolve(stream));
    for (const { id } of threads) await query(`KILL ${id}`);
    expect((await ended).code).toBe('legacy-unreachable');
  });

  it('tells of another reader with the same id', async () => {
    const from = await position();
    const first = await open(rootConfig(), { from, serverId: 4_711, until: 'live' });
    const ended = refusal(Promise.resolve(first));
    const second = await open(rootConfig(), { from, serverId: 4_711, until: 'live' });
    const error = await ended;
    expect([error.code, error.retriable]).toEqual(['server-id-taken', false]);
    await second.close();
  });

  it('refuses positions that the server does not have, and a set of the other flavour', async () => {
    const never = { kind: 'gtid', flavour: 'mariadb', gtids: '0-1-99999999' } as const;
    expect((await refusal(open(rootConfig(), { from: never }))).code).toBe('position-not-on-server');
    const noFile = { kind: 'file', file: 'binlog.999999', offset: 4 } as const;
    expect((await refusal(open(rootConfig(), { from: noFile }))).code).toBe('position-not-on-server');
    const mysqls = { kind: 'gtid', flavour: 'mysql', gtids: '' } as const;
    expect((await refusal(open(rootConfig(), { from: mysqls }))).code).toBe('another-server');
  });

  it('refuses a position whose binlog was purged', async () => {
    await query('INSERT INTO legacy.blobs VALUES (9, NULL); FLUSH BINARY LOGS');
    const [row] = await query('SHOW MASTER STATUS');
    await query('DELETE FROM legacy.blobs');
    // A file that a reader is just letting go of stays: then it takes another try.
    await until(async () => {
      await query(`PURGE BINARY LOGS TO '${row!.File}'`);
      const [first] = await query('SHOW BINARY LOGS');
      return first!.Log_name === row!.File;
    });
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

  it('gives up on a server that hangs', async () => {
    const stream = await open(rootConfig(), { from: await position(), until: 'live', heartbeatMs: 100 });
    process.kill(mariadb().pid, 'SIGSTOP');
    try {
      const error = await refusal(Promise.resolve(stream));
      expect(error.code).toBe('legacy-unreachable');
      expect(error.message).toContain('nothing heard');
    } finally {
      process.kill(mariadb().pid, 'SIGCONT');
    }
  });
});
