import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Verdict } from '../../cdc-bridge/oracle/difference.ts';
import type { Envelope } from '../../cdc-bridge/tail/envelope.ts';
import { type Legacy, onBothServers } from './legacy.ts';

const program = join(import.meta.dirname, '..', '..', 'cli', 'strangler.mjs');

type Command = ChildProcessByStdio<null, Readable, Readable>;

onBothServers((create) => {
  let legacy: Legacy;
  let home: string;
  let running: Command[];

  beforeEach(async () => {
    legacy = await create();
    home = mkdtempSync(join(tmpdir(), 'cdc-commands-'));
    running = [];
    const configuration = { legacy: { url: 'http://127.0.0.1:1', database: { url: legacy.url } } };
    writeFileSync(join(home, 'strangler.yaml'), JSON.stringify(configuration));
  });
  afterEach(async () => {
    for (const command of running) command.kill('SIGKILL');
    await legacy?.drop();
    rmSync(home, { recursive: true, force: true });
  });

  function cdc(...args: string[]): Command {
    const command = spawn(process.execPath, [program, '-c', join(home, 'strangler.yaml'), 'cdc', ...args], {
      cwd: home,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.push(command);
    return command;
  }

  async function finished(command: Command): Promise<{ out: string; err: string; code: number }> {
    const [out, err] = await Promise.all([text(command.stdout), text(command.stderr), once(command, 'close')]);
    return { out, err, code: command.exitCode! };
  }

  async function envelopes(command: Command, count: number): Promise<Envelope[]> {
    const found: Envelope[] = [];
    for await (const line of createInterface({ input: command.stdout })) {
      found.push(JSON.parse(line) as Envelope);
      if (found.length === count) break;
    }
    return found;
  }

  const changes = async () => {
    await legacy.run("INSERT INTO users VALUES ('ann', 'x'), ('bob', NULL)");
    await legacy.run('BEGIN');
    await legacy.run("UPDATE users SET password_hash = 'y' WHERE name = 'ann'");
    await legacy.run("INSERT INTO sessions VALUES ('s', 'ann', '', NULL)");
    await legacy.run("DELETE FROM users WHERE name = 'bob'");
    await legacy.run('COMMIT');
    await legacy.run('TRUNCATE TABLE users');
  };

  describe('strangler cdc tail', () => {
    it('prints every change from a position in Debezium’s envelope, one document a line', async () => {
      const from = await legacy.position();
      await changes();
      const tail = cdc('tail', '--json', '--from', from);
      const found = await envelopes(tail, 6);
      tail.kill('SIGTERM');
      expect(found.map(({ op, source, before, after }) => [op, source.table, before, after])).toEqual([
        ['c', 'users', null, { name: 'ann', password_hash: 'x' }],
        ['c', 'users', null, { name: 'bob', password_hash: null }],
        ['u', 'users', { name: 'ann', password_hash: 'x' }, { name: 'ann', password_hash: 'y' }],
        ['c', 'sessions', null, { id: 's', user: 'ann', data: '', updated_at: null }],
        ['d', 'users', { name: 'bob', password_hash: null }, null],
        ['t', 'users', null, null],
      ]);
      const orders = found.map(({ transaction }) => [transaction.total_order, transaction.data_collection_order]);
      expect(orders).toEqual([
        [1, 1],
        [2, 2],
        [1, 1],
        [2, 1],
        [3, 2],
        [1, 1],
      ]);
      const [first, second, third] = found as [Envelope, Envelope, Envelope];
      expect(first.source).toMatchObject({ connector: legacy.flavour, db: legacy.name, row: 0, snapshot: 'false' });
      expect([second.source.pos, second.source.row]).toEqual([first.source.pos, 1]);
      expect(second.transaction.id).toBe(first.source.gtid);
      expect(third.transaction.id).not.toBe(first.transaction.id);
    });

    it('follows the server, one table alone, in a line for people', async () => {
      const from = await legacy.position();
      const tail = cdc('tail', '--from', from, '--table', 'sessions');
      await changes();
      const [line] = (await once(createInterface({ input: tail.stdout }), 'line')) as [string];
      tail.kill('SIGTERM');
      expect(line).toMatch(/created sessions {2}\{"id":"s"/);
    });

    it('reads a binlog file to its end', async () => {
      await legacy.run('FLUSH BINARY LOGS');
      await changes();
      await legacy.run('FLUSH BINARY LOGS');
      const [{ folder }] = (await legacy.run('SELECT @@datadir AS folder')) as [{ folder: string }];
      const file = (await legacy.run('SHOW BINARY LOGS')).at(-2)!.Log_name as string;
      const { out, err, code } = await finished(cdc('tail', '--json', '--file', join(folder, file)));
      const told = out
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => (JSON.parse(line) as Envelope).op);
      expect({ told, err, code }).toEqual({ told: ['c', 'c', 'u', 'c', 'd', 't'], err: '', code: 0 });
    });

    it('ends quietly when its reader goes away', async () => {
      const from = await legacy.position();
      const tail = cdc('tail', '--json', '--from', from);
      const err = text(tail.stderr);
      await legacy.run("INSERT INTO users VALUES ('ann', 'x')");
      await envelopes(tail, 1);
      tail.stdout.destroy();
      const ended = once(tail, 'exit');
      const write = async (): Promise<void> => {
        while (tail.exitCode === null) await legacy.run("UPDATE users SET password_hash = CONCAT(password_hash, 'x')");
      };
      const [[code]] = await Promise.all([ended, write()]);
      expect([code, await err]).toEqual([0, '']);
    });

    it('says what is wrong with a position', async () => {
      const { err, code } = await finished(cdc('tail', '--from', 'yesterday'));
      expect(err).toContain('--from: source position: found "yesterday"');
      expect(code).toBe(1);
    });
  });

  describe('strangler cdc verify', () => {
    it('exits with 0 when the binlog told everything, and with 1 and the cell when it did not', async () => {
      await legacy.run("INSERT INTO users VALUES ('ann', 'x')");
      const equal = await finished(cdc('verify', '--json', '--table', 'users'));
      expect([(JSON.parse(equal.out) as Verdict).equal, equal.code]).toEqual([true, 0]);

      const slow = cdc('verify', '--seconds', '4', '--table', 'users');
      const result = finished(slow);
      const hide = async (): Promise<void> => {
        await legacy.run('SET SESSION sql_log_bin = 0');
        while (slow.exitCode === null) await legacy.run("UPDATE users SET password_hash = CONCAT('hidden', RAND())");
      };
      const [{ out, code }] = await Promise.all([result, hide()]);
      expect(out).toMatch(/differs {2}users \["ann"\] password_hash: replayed ".*", selected "hidden0/);
      expect(code).toBe(1);
    }, 60_000);
  });
});
