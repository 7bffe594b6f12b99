import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createZooTable, typeZoo, type ZooTable, zooWrites } from '../cases/type-zoo.ts';
import { type Legacy, onBothServers } from './legacy.ts';
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
