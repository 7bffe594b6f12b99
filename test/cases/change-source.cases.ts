import { describe, expect, it } from 'vitest';
import type { ChangeSource, SourceTransaction } from '../../cdc-bridge/source/change-source.ts';

/** What an implementation gives so that it can be asked: a database `shop`-like with tables `t(id, a)` and `other(id)`, and a source on it. */
export interface ChangeSourceHarness {
  readonly source: ChangeSource;
  /** Runs statements on one connection, each committed by itself unless they say otherwise. */
  run(...statements: string[]): Promise<void>;
  /** The position of everything committed so far. */
  position(): Promise<string>;
}

/** What every source of row changes promises, whatever it reads. */
export function changeSourceCases(name: string, open: () => Promise<ChangeSourceHarness>): void {
  describe(`${name} as a source of changes`, () => {
    it('gives changes in commit order, each transaction whole, with images before and after', async () => {
      const harness = await open();
      const from = await harness.position();
      await harness.run(
        "INSERT INTO t VALUES (1, 'x'), (2, 'y')",
        'BEGIN',
        "UPDATE t SET a = 'z' WHERE id = 1",
        'DELETE FROM t WHERE id = 2',
        'COMMIT',
      );
      const read = await collect(harness, from, 2);
      expect(read.map(({ rows }) => rows.map(({ op, before, after, row }) => ({ op, before, after, row })))).toEqual([
        [
          { op: 'c', before: undefined, after: { id: 1, a: 'x' }, row: 0 },
          { op: 'c', before: undefined, after: { id: 2, a: 'y' }, row: 1 },
        ],
        [
          { op: 'u', before: { id: 1, a: 'x' }, after: { id: 1, a: 'z' }, row: 0 },
          { op: 'd', before: { id: 2, a: 'y' }, after: undefined, row: 0 },
        ],
      ]);
    });

    it('gives the same names and rows again when it is read again from the same position', async () => {
      const harness = await open();
      const from = await harness.position();
      await harness.run("INSERT INTO t VALUES (1, 'x')", "UPDATE t SET a = 'y'", 'DELETE FROM t');
      const first = await collect(harness, from, 3);
      const again = await collect(harness, from, 3);
      expect(again.map(told)).toEqual(first.map(told));
    });

    it('reads on behind any transaction it gave, without that one', async () => {
      const harness = await open();
      const from = await harness.position();
      await harness.run(
        "INSERT INTO t VALUES (1, 'x')",
        "INSERT INTO t VALUES (2, 'y')",
        "INSERT INTO t VALUES (3, 'z')",
      );
      const [first, ...rest] = await collect(harness, from, 3);
      const resumed = await collect(harness, first!.position, 2);
      expect(resumed.map(({ name }) => name)).toEqual(rest.map(({ name }) => name));
    });

    it('gives nothing of a transaction that was rolled back', async () => {
      const harness = await open();
      const from = await harness.position();
      await harness.run('BEGIN', "INSERT INTO t VALUES (1, 'x')", 'ROLLBACK', "INSERT INTO t VALUES (2, 'y')");
      const [only] = await collect(harness, from, 1);
      expect(only!.rows.map(({ after }) => after!.id)).toEqual([2]);
    });

    it('tells NULL from the empty text', async () => {
      const harness = await open();
      const from = await harness.position();
      await harness.run("INSERT INTO t VALUES (1, NULL), (2, '')");
      const [only] = await collect(harness, from, 1);
      expect(only!.rows.map(({ after }) => after!.a)).toEqual([null, '']);
    });
  });
}

/** A transaction with its images, which may be decoded only now. */
function told({ name, position, rows }: SourceTransaction) {
  return {
    name,
    position,
    rows: rows.map(({ table, op, before, after, pos, row }) => ({ table, op, before, after, pos, row })),
  };
}

/** The next `count` transactions that have rows. */
async function collect({ source }: ChangeSourceHarness, position: string, count: number): Promise<SourceTransaction[]> {
  const stop = new AbortController();
  const found: SourceTransaction[] = [];
  for await (const batch of source.follow({ position }, stop.signal)) {
    found.push(...batch.filter(({ rows }) => rows.length > 0));
    if (found.length >= count) break;
  }
  stop.abort();
  expect(found).toHaveLength(count);
  return found;
}
