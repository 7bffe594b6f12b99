import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Legacy, onBothServers } from './legacy.ts';
import { verifyAfter } from './verify-after.ts';

onBothServers((create) => {
  let legacy: Legacy;

  beforeEach(async () => {
    legacy = await create();
  });
  afterEach(() => legacy?.drop());

  /** Runs the statements between the two looks. */
  const verifyAfterAll = (statements: readonly string[], tables?: readonly string[]) =>
    verifyAfter(
      legacy,
      async () => {
        for (const statement of statements) await legacy.run(statement);
      },
      tables,
    );

  describe('the oracle', () => {
    it('finds nothing where the binlog tells everything: inserts, updates, deletes, changed keys, REPLACE, upserts, TRUNCATE', async () => {
      await legacy.run(
        "INSERT INTO shipments (sender, receiver, created_at) VALUES ('a', 'b', NOW()), ('c', 'd', NOW())",
      );
      await legacy.run("INSERT INTO page_views VALUES ('/', 1)");
      await legacy.run("INSERT INTO users VALUES ('ann', 'x')");
      const verdict = await verifyAfterAll([
        "INSERT INTO shipments (sender, receiver, created_at) VALUES ('e', 'f', NOW())",
        'UPDATE shipments SET price = price + 1.5',
        'UPDATE shipments SET id = 77 WHERE id = 2',
        'DELETE FROM shipments WHERE id = 1',
        "REPLACE INTO users VALUES ('ann', 'y'), ('bob', NULL)",
        "INSERT INTO users VALUES ('ann', 'z') ON DUPLICATE KEY UPDATE password_hash = 'zz'",
        'UPDATE page_views SET views = 2',
        "INSERT INTO shipment_notes (body) VALUES ('gone')",
        'TRUNCATE TABLE shipment_notes',
        "INSERT INTO shipment_notes (body) VALUES ('stays')",
      ]);
      expect(verdict.differences).toEqual([]);
      expect(verdict.equal).toBe(true);
      const shipments = verdict.tables.find(({ table }) => table === 'shipments');
      expect(shipments).toEqual({
        table: 'shipments',
        key: ['id'],
        rowsBefore: 2,
        rowsAfter: 2,
        changes: 6,
        differences: 0,
        untold: 0,
      });
    });

    it('finds writes that were kept out of the binlog, by table, key and column', async () => {
      await legacy.run("INSERT INTO users VALUES ('ann', 'x'), ('bob', 'y'), ('eve', 'z')");
      const verdict = await verifyAfterAll([
        'SET SESSION sql_log_bin = 0',
        "UPDATE users SET password_hash = 'secret' WHERE name = 'ann'",
        "DELETE FROM users WHERE name = 'bob'",
        "INSERT INTO users VALUES ('new', '')",
        'SET SESSION sql_log_bin = 1',
        "DELETE FROM users WHERE name = 'eve'",
      ]);
      expect(verdict.equal).toBe(false);
      expect(verdict.differences).toEqual([
        { kind: 'cell', table: 'users', key: ['ann'], column: 'password_hash', replayed: 'x', selected: 'secret' },
        { kind: 'not-replayed', table: 'users', key: ['new'], selected: { name: 'new', password_hash: '' } },
        { kind: 'not-selected', table: 'users', key: ['bob'], replayed: { name: 'bob', password_hash: 'y' } },
      ]);
      expect(verdict.tables.find(({ table }) => table === 'users')?.differences).toBe(3);
    });

    it('finds a hidden write even when a later one covers it, by the before image', async () => {
      await legacy.run("INSERT INTO users VALUES ('ann', 'x')");
      const verdict = await verifyAfterAll([
        'SET SESSION sql_log_bin = 0',
        "UPDATE users SET password_hash = 'secret'",
        'SET SESSION sql_log_bin = 1',
        "UPDATE users SET password_hash = 'open'",
      ]);
      expect(verdict.differences).toMatchObject([
        { kind: 'contradiction', key: ['ann'], what: 'a changed row whose password_hash was "x", not "secret"' },
      ]);
    });

    it('finds rows changed by a write that was logged as its SQL text, and shows that text', async () => {
      await legacy.run("INSERT INTO users VALUES ('ann', 'x')");
      const verdict = await verifyAfterAll([
        "SET SESSION binlog_format = 'STATEMENT'",
        "UPDATE users SET password_hash = 'y'",
        "SET SESSION binlog_format = 'ROW'",
      ]);
      expect(verdict.differences).toEqual([
        { kind: 'cell', table: 'users', key: ['ann'], column: 'password_hash', replayed: 'x', selected: 'y' },
      ]);
      expect(verdict.notes).toMatchObject([
        { kind: 'statement-format', detail: "UPDATE users SET password_hash = 'y'" },
      ]);
    });

    it('compares a table without a key as a bag of rows', async () => {
      await legacy.run('CREATE TABLE bag (a INT, b VARCHAR(5))');
      await legacy.run("INSERT INTO bag VALUES (1, 'x'), (1, 'x'), (NULL, NULL)");
      const verdict = await verifyAfterAll(
        [
          "INSERT INTO bag VALUES (1, 'x'), (2, 'y')",
          'DELETE FROM bag WHERE a = 1 LIMIT 1',
          "UPDATE bag SET b = 'z' WHERE a = 2",
          'SET SESSION sql_log_bin = 0',
          'DELETE FROM bag WHERE a = 1 LIMIT 1',
          'SET SESSION sql_log_bin = 1',
        ],
        ['bag'],
      );
      expect(verdict.differences).toEqual([
        { kind: 'not-selected', table: 'bag', key: { a: 1, b: 'x' }, replayed: { a: 1, b: 'x' } },
      ]);
      expect(verdict.tables).toMatchObject([{ key: 'none', rowsBefore: 3, rowsAfter: 3 }]);
    });

    it('does not take a column that an image leaves out for NULL', async () => {
      await legacy.run("CREATE TABLE m (id INT PRIMARY KEY, a VARCHAR(5), b VARCHAR(5) DEFAULT 'def')");
      await legacy.run("INSERT INTO m VALUES (1, 'x', 'y')");
      const verdict = await verifyAfterAll(
        [
          'SET SESSION binlog_row_image = MINIMAL',
          "UPDATE m SET a = 'z'",
          "INSERT INTO m (id, a) VALUES (2, 'new')",
          'SET SESSION binlog_row_image = FULL',
        ],
        ['m'],
      );
      expect(verdict.differences).toEqual([]);
      expect(verdict.tables[0]!.untold).toBeLessThanOrEqual(1);
    });

    it('finds the rows that foreign keys changed where the server does not log them', async () => {
      await legacy.run('CREATE TABLE parent (id INT PRIMARY KEY)');
      await legacy.run(
        'CREATE TABLE child (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE)',
      );
      await legacy.run('INSERT INTO parent VALUES (1), (2), (3)');
      await legacy.run('INSERT INTO child VALUES (10, 1), (20, 2), (30, 3)');
      const verdict = await verifyAfterAll([
        'DELETE FROM parent WHERE id = 1',
        'UPDATE parent SET id = 22 WHERE id = 2',
      ]);
      const unlogged = [
        { kind: 'cell', table: 'child', key: [20], column: 'parent', replayed: 2, selected: 22 },
        { kind: 'not-selected', table: 'child', key: [10], replayed: { id: 10, parent: 1 } },
      ];
      expect(verdict.differences).toEqual({ mariadb: unlogged, mysql: [] }[legacy.flavour]);
    });

    it('says what is missing where the account may not make writes wait', async () => {
      const account = `looker_${randomUUID().slice(0, 8)}`;
      await legacy.run(`CREATE USER ${account}@'%' IDENTIFIED BY 'x'`);
      await legacy.run(`GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO ${account}@'%'`);
      const url = Object.assign(new URL(legacy.url), { username: account, password: 'x' }).href;
      const verdict = verifyAfter({ ...legacy, url }, async () => {}, ['page_views']);
      await expect(verdict).rejects.toMatchObject({ code: 'lock-refused' });
      await legacy.run(`DROP USER ${account}@'%'`);
    });

    it('refuses a table that is not there', async () => {
      await expect(verifyAfterAll([], ['nothing'])).rejects.toMatchObject({ code: 'no-such-table' });
    });
  });
});
