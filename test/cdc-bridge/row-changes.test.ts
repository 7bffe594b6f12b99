import { afterEach, beforeEach, expect, it } from 'vitest';
import { type RowChange, Unreadable } from '../../cdc-bridge/mapping/row-change.ts';
import { keptRowChanges, recordedTransactions } from '../../cdc-bridge/row-changes/kept-row-changes.ts';
import type { TransactionStep } from '../../cdc-bridge/row-changes/raw-transaction.ts';
import { type TempLog, tempLog } from './legacy.ts';
import { inserted } from './parking-lives.ts';

let log: TempLog;
beforeEach(() => {
  log = tempLog();
});
afterEach(() => log.remove());

async function keep(transactions: readonly TransactionStep[], bridge = 'test'): Promise<void> {
  await log.log.append(
    'domain',
    keptRowChanges(bridge, transactions, (table) => table !== 'ignored'),
  );
}

async function recorded(after?: number): Promise<TransactionStep[]> {
  const found: TransactionStep[] = [];
  for await (const transaction of recordedTransactions(log.log, 'test', after)) found.push(transaction);
  return found;
}

/** A change as the binlog reader gives it: its images are getters, and what is not there has no key. */
class LazyChange implements RowChange {
  readonly table = 't';
  readonly op = 'u';
  readonly pos = 1_234;
  readonly row = 7;
  readonly derived = true;
  get before() {
    return { id: 1, gone: new Unreadable('a type of the future'), shape: { srid: 4326, wkb: 'AQ==' }, nothing: null };
  }
  get after() {
    return { id: 1, vector: [0.5, -1], big: '18446744073709551615', __proto__: null } as unknown as RowChange['after'];
  }
}

it('gives transactions back as they were read', async () => {
  const change = new LazyChange();
  const transaction: TransactionStep = {
    ...inserted(1, []),
    rows: [change],
    unread: [{ reason: 'table-cleared', sql: 'TRUNCATE t', tables: ['t'] }],
    piece: { index: 2, last: false },
    connection: 17,
    unsettled: 'it ended in ROLLBACK',
  };
  await keep([transaction]);
  const { table, op, pos, row, derived, before, after } = change;
  expect(await recorded()).toEqual([
    { ...transaction, bytes: 0, rows: [{ table, op, pos, row, derived, before, after: { ...after } }] },
  ]);
  expect((await recorded())[0]!.rows[0]!.before!.gone).toBeInstanceOf(Unreadable);
});

it('keeps no rows of tables that are not wanted, and no transaction without any', async () => {
  const other = { table: 'ignored', op: 'c', after: { password: 'x' }, pos: 9, row: 0 } as const;
  await keep([
    { ...inserted(1, [{ id: 1, s: 1 }]), rows: [other, ...inserted(1, [{ id: 1, s: 1 }]).rows] },
    { ...inserted(2, []), rows: [other] },
  ]);
  expect((await recorded()).map(({ name, rows }) => [name, rows.map(({ table }) => table)])).toEqual([
    ['mariadb:0-1-1', ['t']],
  ]);
  expect(JSON.stringify(await log.log.read('row-changes', 0, 10))).not.toContain('password');
});

it('remembers which rows a snapshot had seen', async () => {
  const transaction = inserted(1, [
    { id: 1, s: 1 },
    { id: 2, s: 1 },
  ]);
  await keep([{ ...transaction, covered: new Set([transaction.rows[1]!]) }]);
  const [found] = await recorded();
  expect(found!.rows.map((row) => found!.covered!.has(row))).toEqual([false, true]);
  expect(found!.rows[1]).toEqual(transaction.rows[1]);
});

it('begins where the topic begins, passes over those of other bridges, and refuses a place that is gone', async () => {
  const history = Array.from({ length: 50 }, (_, n) => inserted(n + 1, [{ id: n, s: 1 }]));
  for (const transaction of history.slice(0, 25)) await keep([transaction]);
  await keep([inserted(99, [{ id: 99, s: 1 }])], 'another');
  for (const transaction of history.slice(25)) await keep([transaction]);
  await log.log.trim('row-changes', { bytes: 8_000, ageMs: 1e12 });
  const found = await recorded();
  expect(found.length).toBeGreaterThan(10);
  expect(found.map(({ name }) => name)).toEqual(history.slice(-found.length).map(({ name }) => name));
  await expect(recorded(0)).rejects.toMatchObject({ code: 'log-trimmed' });
  expect(await recorded(50)).toHaveLength(1);
});

it('keeps small transactions together, large ones and pieces apart', async () => {
  const one = (number: number) => inserted(number, [{ id: number, s: 1 }]);
  const history = [
    one(1),
    one(2),
    { ...one(3), bytes: 2 ** 20 },
    one(4),
    { ...one(5), piece: { index: 0, last: true } },
    one(6),
  ];
  await keep(history);
  const events = await log.log.read('row-changes', 0, 10);
  expect(events.map(({ parent }) => parent)).toEqual([3, 4, 5, 6].map((n) => `mariadb:0-1-${n}`));
  expect((await recorded()).map(({ name }) => name)).toEqual(history.map(({ name }) => name));
});

it('is answered duplicate when it is kept again', async () => {
  const items = () => keptRowChanges('test', [inserted(1, [{ id: 1, s: 1 }])], () => true);
  await log.log.append('domain', items());
  expect(await log.log.append('domain', items())).toMatchObject([{ kind: 'duplicate' }]);
});
