import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Unreadable } from '../../cdc-bridge/mapping/row-change.ts';
import { StaleHints } from '../../cdc-bridge/source/binlog/decoding/undecodable.ts';
import { startMysql } from '../real-parts/mysql.ts';
import { requireRealPart } from '../real-parts/real-part.ts';
import { createLegacy, type Legacy } from './legacy.ts';
import { startMariadb } from './own-mariadb.ts';
import { catalogueOf, decodeEvents, eventsOf } from './written-rows.ts';

let legacy: Legacy;

/** The settings of a whole server are changed here, so each suite has one of its own. */
const server = {
  async mariadb() {
    const own = await startMariadb();
    return { ...own, url: own.rootUrl };
  },
  mysql: () => startMysql(),
};

const values = (image: object | undefined) => ({ ...image });

/** A table of which a map without names and members tells little. */
const telling = `id INT UNSIGNED PRIMARY KEY, big BIGINT UNSIGNED, name VARCHAR(20) CHARACTER SET latin1, note TEXT CHARACTER SET utf8mb4,
  raw VARBINARY(20), fixed BINARY(16), e ENUM('a','b,c','d''e','x\\\\\\ny','ü') CHARACTER SET latin1, s SET('x','y z'';','w') CHARACTER SET utf8mb4, price DECIMAL(10,2),
  at DATETIME(3), \`__proto__\` INT, \`"];process.exit()//\` INT, \`constructor\` INT`;
const told = `4294967295, 18446744073709551615, 'Zoë', '日本', X'00FF', X'01', 5, 'x,w', 12.5, '2025-01-02 03:04:05.678', 1, 2, 3`;
const expected = {
  id: 4294967295,
  big: '18446744073709551615',
  name: 'Zoë',
  note: '日本',
  raw: 'AP8=',
  fixed: Buffer.concat([Buffer.of(1), Buffer.alloc(15)]).toString('base64'),
  e: 'ü',
  s: 'x,w',
  price: '12.50',
  at: '2025-01-02 03:04:05.678',
  ['__proto__']: 1,
  '"];process.exit()//': 2,
  constructor: 3,
};

for (const flavour of ['mariadb', 'mysql'] as const) {
  describe(`rows that ${flavour} writes`, () => {
    const own = requireRealPart(flavour === 'mysql' ? 'MySQL' : 'MariaDB', server[flavour]);
    beforeEach(async () => {
      legacy = await createLegacy(new URL(own().url));
      await legacy.run('SET GLOBAL binlog_row_metadata = FULL');
    });
    afterEach(() => legacy?.drop());

    const levels = flavour === 'mysql' ? ['FULL', 'MINIMAL'] : ['FULL', 'MINIMAL', 'NO_LOG'];
    it.each(levels)('are told the same with metadata %s, whatever columns are called', async (level) => {
      await legacy.run(`SET GLOBAL binlog_row_metadata = ${level}`);
      await legacy.run(`CREATE TABLE t (${telling})`);
      const events = await eventsOf(legacy, () => legacy.run(`INSERT INTO t VALUES (${told})`));
      const { rows, decoder } = decodeEvents(events, flavour, await catalogueOf(legacy));
      const after = rows[0]!.after!;
      expect(Object.entries(after)).toEqual(Object.entries(expected));
      expect(decoder.columns[6]!.members).toEqual(['a', 'b,c', "d'e", 'x\\\ny', 'ü']);
      expect(Object.getPrototypeOf(Object.getPrototypeOf(after))).toBeNull();
      expect(decoder.primaryKey).toEqual(level === 'FULL' ? ['id'] : undefined);
    });

    it('name no columns that a table of another shape would give them', async () => {
      await legacy.run('SET GLOBAL binlog_row_metadata = MINIMAL');
      await legacy.run('CREATE TABLE t (id INT PRIMARY KEY, a INT, b VARCHAR(10))');
      const events = await eventsOf(legacy, () => legacy.run("INSERT INTO t VALUES (1, 2, 'x')"));
      await legacy.run('ALTER TABLE t MODIFY b VARCHAR(400)');
      const read = async () => decodeEvents(events, flavour, await catalogueOf(legacy));
      await expect(read()).rejects.toThrow(StaleHints);
      await expect(read()).rejects.toThrow(/b is varchar\(400\), its rows have VARCHAR.*binlog_row_metadata=FULL/);
      await legacy.run('ALTER TABLE t DROP COLUMN b');
      await expect(read()).rejects.toThrow(/it has 2 columns, its rows have 3/);
      await legacy.run('DROP TABLE t');
      await expect(read()).rejects.toThrow(/there is no such table/);
    });

    it('have no key for a column that is not in the image, and null for NULL', async () => {
      await legacy.run('CREATE TABLE t (id INT PRIMARY KEY, a INT, b TEXT, c INT)');
      await legacy.run("INSERT INTO t VALUES (1, 10, 'text', 5)");
      for (const [image, before, after] of [
        ['MINIMAL', { id: 1 }, { a: 11 }],
        ['NOBLOB', { id: 1, a: 11, c: 5 }, { id: 1, a: 12, c: 5 }],
      ] as const) {
        await legacy.run(`SET SESSION binlog_row_image = ${image}`);
        const events = await eventsOf(legacy, () => legacy.run('UPDATE t SET a = a + 1'));
        const { rows } = decodeEvents(events, flavour);
        expect(values(rows[0]!.before)).toEqual(before);
        expect(values(rows[0]!.after)).toEqual(after);
      }
      const { rows } = decodeEvents(await eventsOf(legacy, () => legacy.run('UPDATE t SET c = NULL')), flavour);
      expect(values(rows[0]!.after)).toEqual({ id: 1, a: 12, c: null });
    });

    it('of several operations in one statement order are each told whole', async () => {
      await legacy.run('CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(300)) ');
      const count = 500;
      const rowsSql = Array.from({ length: count }, (_, id) => `(${id}, REPEAT('x', ${id % 300}))`).join(',');
      const events = await eventsOf(legacy, async () => {
        await legacy.run(`INSERT INTO t VALUES ${rowsSql}`);
        await legacy.run("UPDATE t SET a = CONCAT(a, 'é') WHERE id < 100");
        await legacy.run('DELETE FROM t WHERE id >= 400');
      });
      const { rows } = decodeEvents(events, flavour);
      expect(rows.length).toBe(count + 100 + 100);
      rows.slice(0, count).forEach(({ before, after }, id) => {
        expect({ before, ...after }).toEqual({ before: undefined, id, a: 'x'.repeat(id % 300) });
      });
      rows.slice(count, count + 100).forEach(({ before, after }, id) => {
        expect([before!.a, after!.a]).toEqual(['x'.repeat(id), `${'x'.repeat(id)}é`]);
      });
      expect(rows.slice(-100).map(({ before, after }) => [before!.id, after])).toEqual(
        Array.from({ length: 100 }, (_, index) => [400 + index, undefined]),
      );
    });

    it('of generated, invisible and partitioned columns are what SELECT says', async () => {
      await legacy.run(`CREATE TABLE t (id INT, a INT, v INT AS (a * 2) VIRTUAL, s VARCHAR(20) AS (CONCAT('s', a)) STORED,
        hidden INT ${flavour === 'mysql' ? 'DEFAULT 7 INVISIBLE' : 'INVISIBLE DEFAULT 7'}, z INT, PRIMARY KEY (id)) PARTITION BY HASH(id) PARTITIONS 3`);
      const events = await eventsOf(legacy, async () => {
        await legacy.run('INSERT INTO t (id, a, z) VALUES (1, 5, 6), (2, 50, 60)');
        await legacy.run('UPDATE t SET id = 3, a = 7 WHERE id = 1');
      });
      const { rows, decoder } = decodeEvents(events, flavour);
      expect(values(rows[0]!.after)).toEqual({ id: 1, a: 5, v: 10, s: 's5', hidden: 7, z: 6 });
      expect(values(rows[2]!.after)).toEqual({ id: 3, a: 7, v: 14, s: 's7', hidden: 7, z: 6 });
      const unseen = decoder.columns.filter(({ visible }) => !visible).map(({ name }) => name);
      expect(unseen).toEqual(flavour === 'mysql' ? ['hidden'] : []);
    });

    it('leave a member that a SET or ENUM does not have unreadable', async () => {
      await legacy.run("CREATE TABLE t (id INT PRIMARY KEY, e ENUM('aa','bb','cc'))");
      const events = await eventsOf(legacy, () => legacy.run("INSERT INTO t VALUES (1, 'cc')"));
      for (const { type, body } of events)
        if (type !== 19) body[body.length - 1] = body.at(-1) === 3 ? 9 : body.at(-1)!;
      expect(decodeEvents(events, flavour).rows[0]!.after!.e).toEqual(new Unreadable('member 9 of an ENUM of 3'));
    });

    if (flavour === 'mariadb') {
      it('are inflated where the server compresses its events', async () => {
        await legacy.run('SET GLOBAL log_bin_compress = ON');
        const fresh = await createLegacy(new URL(own().url));
        await fresh.run('CREATE TABLE t (id INT PRIMARY KEY, a TEXT)');
        const events = await eventsOf(fresh, async () => {
          await fresh.run("INSERT INTO t VALUES (1, REPEAT('ab', 5000))");
          await fresh.run("UPDATE t SET a = REPEAT('cd', 5000)");
          await fresh.run('DELETE FROM t');
        });
        await legacy.run('SET GLOBAL log_bin_compress = OFF');
        expect(events.map(({ type }) => type).filter((type) => type >= 166)).toEqual([166, 167, 168]);
        const { rows } = decodeEvents(events, flavour);
        expect(rows.map(({ before, after }) => [before?.a, after?.a])).toEqual([
          [undefined, 'ab'.repeat(5000)],
          ['ab'.repeat(5000), 'cd'.repeat(5000)],
          ['cd'.repeat(5000), undefined],
        ]);
        await fresh.drop();
      });

      it('have the temporal formats from before 10.1', async () => {
        await legacy.run('SET GLOBAL mysql56_temporal_format = OFF');
        const columns = [0, 1, 2, 3, 4, 5, 6].flatMap((digits) =>
          ['TIME', 'DATETIME', 'TIMESTAMP'].map((type) => `${type.toLowerCase()}${digits} ${type}(${digits}) NULL`),
        );
        await legacy.run(`CREATE TABLE t (id INT PRIMARY KEY, ${columns.join(', ')})`);
        await legacy.run('SET GLOBAL mysql56_temporal_format = ON');
        const texts = [
          ['-838:59:58.987654', '9999-12-31 23:59:58.987654', '2038-01-19 03:14:07.987654'],
          ['-00:00:01.5', '2025-00-10 01:02:03.000001', '0000-00-00 00:00:00'],
          ['12:34:56.05', '0000-00-00 00:00:00', '1970-01-01 00:00:01.1'],
        ];
        const events = await eventsOf(legacy, async () => {
          for (const [id, row] of texts.entries())
            await legacy.run(`INSERT INTO t VALUES (${id}, ${columns.map((_, at) => `'${row[at % 3]}'`).join(', ')})`);
        });
        const { rows } = decodeEvents(events, flavour, await catalogueOf(legacy));
        expect(rows.map(({ after }) => values(after))).toEqual((await legacy.run('SELECT * FROM t')).map(values));
        expect(() => decodeEvents(events, flavour)).toThrow(StaleHints);
      });
    } else {
      it('have changes of JSON documents instead of documents', async () => {
        await legacy.run('CREATE TABLE t (id INT PRIMARY KEY, a JSON, n INT, b JSON)');
        const documents = `'{"list": [1, 2, {"deep": "old text that is long enough"}], "n": 1}'`;
        await legacy.run(`INSERT INTO t VALUES (1, ${documents}, 1, ${documents})`);
        await legacy.run("SET SESSION binlog_row_value_options = 'PARTIAL_JSON'");
        const events = await eventsOf(legacy, async () => {
          await legacy.run("UPDATE t SET a = JSON_SET(a, '$.list[2].deep', 'new'), n = 2");
          await legacy.run("UPDATE t SET b = JSON_REMOVE(b, '$.n'), a = JSON_SET(a, '$.n', 7)");
          await legacy.run("UPDATE t SET b = NULL, a = JSON_SET(a, '$.n', 8)");
          await legacy.run("UPDATE t SET b = '[]'");
        });
        expect(events.filter(({ type }) => type === 39).length).toBeGreaterThan(2);
        const { rows } = decodeEvents(events, flavour);
        const long = '{"n": 1, "list": [1, 2, {"deep": "old text that is long enough"}]}';
        const changed = (n: number) => `{"n": ${n}, "list": [1, 2, {"deep": "new"}]}`;
        const short = '{"list": [1, 2, {"deep": "old text that is long enough"}]}';
        expect(rows.map((row) => values(row.after))).toEqual([
          { id: 1, a: changed(1), n: 2, b: long },
          { id: 1, a: changed(7), n: 2, b: short },
          { id: 1, a: changed(8), n: 2, b: null },
          { id: 1, a: changed(8), n: 2, b: '[]' },
        ]);
      });
    }
  });
}
