import { afterEach, beforeEach, expect, it } from 'vitest';
import type { BridgeError } from '../../cdc-bridge/errors.ts';
import { binlogSource } from '../../cdc-bridge/source/binlog/binlog-source.ts';
import { connectionSettings } from '../../cdc-bridge/source/connection-settings.ts';
import { LegacyDatabase } from '../../cdc-bridge/source/legacy-database.ts';
import { changeSourceCases } from '../cases/change-source.cases.ts';
import { bridgeConfig, type Legacy, onBothServers } from './legacy.ts';

onBothServers((create) => {
  let legacy: Legacy;
  let database: LegacyDatabase;

  beforeEach(async () => {
    legacy = await create();
    database = await LegacyDatabase.connect(connectionSettings(legacy.url));
    await legacy.run('CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(10))');
    await legacy.run('CREATE TABLE other (id INT PRIMARY KEY)');
  });
  afterEach(async () => {
    await database?.close();
    await legacy?.drop();
  });

  const source = () => binlogSource(database, bridgeConfig(legacy).database, () => {});

  changeSourceCases('the binlog', async () => ({
    source: source(),
    position: legacy.position,
    async run(...statements) {
      for (const statement of statements) await legacy.run(statement);
    },
  }));

  async function readUntilError(from: {
    position: string;
    file?: { name: string; createdAt: string };
  }): Promise<BridgeError> {
    try {
      for await (const _ of source().follow(from, AbortSignal.timeout(15_000)));
    } catch (error) {
      return error as BridgeError;
    }
    throw new Error('expected the source to refuse');
  }

  it('refuses a position that the server never had, as after a restored backup', async () => {
    const [server] = await legacy.run(`SELECT @@${legacy.flavour === 'mariadb' ? 'server_id' : 'server_uuid'} AS id`);
    const never = { mariadb: `mariadb:0-${server!.id}-99999999999`, mysql: `mysql:${server!.id}:1-99999999999` };
    const error = await readUntilError({ position: never[legacy.flavour] });
    expect([error.code, error.retriable]).toEqual(['position-not-on-server', false]);
  });

  it('refuses a server that was set up anew: the binlog file has the same name and another time of creation', async () => {
    const log = (await legacy.run('SHOW BINARY LOGS')).at(-1)!;
    const file = { name: String(log.Log_name), createdAt: '2001-01-01T00:00:00.000Z' };
    const error = await readUntilError({ position: await legacy.position(), file });
    expect(error.code).toBe('another-server');
    expect(error.message).toContain('2001-01-01');
  });

  it('tells absent columns from NULL when a session writes minimal row images', async () => {
    const from = await legacy.position();
    await legacy.run("INSERT INTO t VALUES (1, 'x')");
    await legacy.run('SET SESSION binlog_row_image = MINIMAL');
    await legacy.run("UPDATE t SET a = 'y'");
    for await (const batch of source().follow({ position: from }, AbortSignal.timeout(15_000))) {
      const update = batch.flatMap(({ rows }) => rows).find(({ op }) => op === 'u');
      if (!update) continue;
      expect([update.before, update.after]).toEqual([{ id: 1 }, { a: 'y' }]);
      return;
    }
    throw new Error('the update was not read');
  });
});
