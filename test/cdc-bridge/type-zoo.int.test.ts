import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createZooTable, typeZoo, type ZooTable, zooWrites } from '../cases/type-zoo.ts';
import { type Legacy, onBothServers, onMysql } from './legacy.ts';
import { verifyAfter } from './verify-after.ts';

/** Zoo tables of the server that `legacy` is on. */
const zooOf = ({ flavour }: Legacy) => typeZoo.filter(({ only }) => only === undefined || only === flavour);

onBothServers((create) => {
  let legacy: Legacy;

  beforeAll(async () => {
    legacy = await create();
    for (const table of zooOf(legacy)) await legacy.run(createZooTable(table));
  });
  afterAll(() => legacy?.drop());

  async function writeZoo(tables: readonly ZooTable[]): Promise<void> {
    for (const { name } of tables) await legacy.run(`DELETE FROM ${name}`);
    for (const table of tables) for (const statement of zooWrites(table)) await legacy.run(statement);
  }

  describe('every type of column', () => {
    for (const image of ['FULL', 'NOBLOB', 'MINIMAL']) {
      it(`is read from ${image} row images as SELECT shows it`, async () => {
        const zoo = zooOf(legacy);
        await legacy.run(`SET SESSION binlog_row_image = ${image}`);
        const verdict = await verifyAfter(
          legacy,
          () => writeZoo(zoo),
          zoo.map(({ name }) => name),
        );
        expect(verdict.differences.slice(0, 20)).toEqual([]);
        expect(verdict.tables.filter(({ changes }) => changes === 0)).toEqual([]);
        if (image === 'FULL') expect(verdict.tables.filter(({ untold }) => untold > 0)).toEqual([]);
      }, 60_000);
    }
  });
});

onMysql((create) => {
  let legacy: Legacy;

  beforeAll(async () => {
    legacy = await create();
    await legacy.run('CREATE TABLE documents (id INT PRIMARY KEY, a JSON, n INT, b JSON)');
  });
  afterAll(() => legacy?.drop());

  it('reads what changed inside JSON documents, in compressed transactions', async () => {
    const session = [
      "SET SESSION binlog_row_value_options = 'PARTIAL_JSON'",
      'SET SESSION binlog_transaction_compression = ON',
    ];
    for (const statement of session) await legacy.run(statement);
    const document = `'{"list": [1, 2.0, {"deep": "é"}], "padding": "${'x'.repeat(500)}", "n": 1}'`;
    const verdict = await verifyAfter(legacy, async () => {
      await legacy.run(`INSERT INTO documents VALUES (1, ${document}, 1, ${document}), (2, ${document}, 2, NULL)`);
      const changes = [
        "a = JSON_SET(a, '$.list[2].deep', 'a longer text', '$.new', CAST('[1, {}]' AS JSON))",
        "a = JSON_REMOVE(a, '$.list[0]'), n = n + 1, b = JSON_REPLACE(b, '$.n', 1e100)",
        "b = JSON_SET(b, '$.list[10]', DATE'2024-02-29', '$.\"a b\"', 1.50)",
        'a = NULL',
      ];
      for (const change of changes) await legacy.run(`UPDATE documents SET ${change}`);
    }, ['documents']);
    expect(verdict.differences).toEqual([]);
    expect(verdict.tables).toMatchObject([{ changes: 9, untold: 0 }]);
  });
});
