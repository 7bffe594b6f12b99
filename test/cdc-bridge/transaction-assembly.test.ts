import { describe, expect, it } from 'vitest';
import { parseGtidSet } from '../../cdc-bridge/positions/gtid.ts';
import type { SourceTransaction } from '../../cdc-bridge/source/change-source.ts';
import { type BinlogEvent, TransactionAssembly, traceparentOf } from '../../cdc-bridge/source/transaction-assembly.ts';

const at = Date.UTC(2026, 0, 2, 3, 4, 5);
const begin = (gtid: string, more: { standalone?: boolean; xa?: boolean } = {}): BinlogEvent => ({
  kind: 'begin',
  gtid,
  standalone: false,
  xa: false,
  ...more,
});
const rows = (...ids: number[]): BinlogEvent => ({
  kind: 'rows',
  table: 't',
  op: 'c',
  pos: 4,
  rows: ids.map((id) => ({ after: { id } })),
  bytes: 10,
});
const query = (sql: string, schema = 'shop'): BinlogEvent => ({ kind: 'query', schema, sql, at });
const commit: BinlogEvent = { kind: 'commit', at };

function assemble(events: readonly BinlogEvent[], flavour: 'mariadb' | 'mysql' = 'mariadb'): SourceTransaction[] {
  const assembly = new TransactionAssembly('shop', parseGtidSet(flavour, ''));
  return events.flatMap((event) => assembly.take(event) ?? []);
}

describe('putting transactions together', () => {
  it('refuses an unknown event inside a transaction, and one with a body between transactions', () => {
    expect(() => assemble([begin('0-1-1'), { kind: 'unknown', bytes: 0 }])).toThrow('in transaction 0-1-1');
    expect(() => assemble([{ kind: 'unknown', bytes: 12 }])).toThrow('12 bytes, between transactions');
    expect(assemble([{ kind: 'unknown', bytes: 0 }])).toEqual([]);
  });

  it('refuses rows outside a transaction, and a transaction inside another', () => {
    expect(() => assemble([rows(1)])).toThrow('outside a transaction');
    expect(() => assemble([begin('0-1-1'), begin('0-1-2')])).toThrow('begins before 0-1-1 has ended');
  });

  it('ends at XID, at the COMMIT of a table without transactions, and after a standalone statement', () => {
    const made = assemble([
      begin('0-1-1'),
      rows(1),
      commit,
      begin('0-1-2'),
      rows(2),
      query('COMMIT'),
      begin('0-1-3', { standalone: true }),
      query('CREATE TABLE x (a INT)'),
    ]);
    expect(made.map(({ name, position, committedAt }) => [name, position, committedAt])).toEqual([
      ['mariadb:0-1-1', 'mariadb:0-1-1', '2026-01-02T03:04:05.000Z'],
      ['mariadb:0-1-2', 'mariadb:0-1-2', '2026-01-02T03:04:05.000Z'],
      ['mariadb:0-1-3', 'mariadb:0-1-3', '2026-01-02T03:04:05.000Z'],
    ]);
  });

  it('knows on MySQL by the BEGIN whether a commit follows', () => {
    const id = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
    const made = assemble(
      [
        begin(`${id}:1`, { standalone: true }),
        query('BEGIN'),
        rows(1),
        rows(2),
        commit,
        begin(`${id}:2`, { standalone: true }),
        query('DROP VIEW v'),
      ],
      'mysql',
    );
    expect(made.map(({ position, rows: { length } }) => [position, length])).toEqual([
      [`mysql:${id}:1`, 2],
      [`mysql:${id}:1-2`, 0],
    ]);
  });

  it('takes back rows of a savepoint that was rolled back to', () => {
    const [made] = assemble([
      begin('0-1-1'),
      rows(1),
      query('SAVEPOINT `a`'),
      rows(2, 3),
      query('ROLLBACK TO `a`'),
      rows(4),
      commit,
    ]);
    expect(made!.rows.map(({ after }) => after!.id)).toEqual([1, 4]);
  });

  it('marks rows of XA and of a ROLLBACK as unsettled', () => {
    expect(
      assemble([begin('0-1-1', { xa: true }), rows(1), query("XA END 'q'"), { kind: 'xa-prepare', at }])[0]!.unsettled,
    ).toContain('XA');
    expect(assemble([begin('0-1-1'), rows(1), query('ROLLBACK')])[0]!.unsettled).toContain('ROLLBACK');
    expect(assemble([begin('0-1-1'), query('ROLLBACK')])[0]!.unsettled).toBeUndefined();
  });

  it('reports writes that were logged as text, and tables that were cleared, in our database only', () => {
    const unread = (sql: string, schema?: string) =>
      assemble([begin('0-1-1'), query(sql, schema), commit])[0]!.unread.map(({ reason }) => reason);
    expect(unread('/* nightly */ UPDATE t SET a = 1')).toEqual(['statement-format']);
    expect(unread('INSERT INTO shop.t VALUES (1)', 'other')).toEqual(['statement-format']);
    expect(unread('INSERT INTO t VALUES (1)', 'other')).toEqual([]);
    expect(unread('TRUNCATE TABLE t')).toEqual(['table-cleared']);
    expect(unread('ALTER TABLE t ADD COLUMN b INT')).toEqual([]);
  });
});

describe('the traceparent of a statement', () => {
  const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  it('is taken from the comment that ends it', () => {
    expect(traceparentOf(`UPDATE t SET a=1 /*traceparent='${trace}'*/`)).toBe(trace);
    expect(traceparentOf(`UPDATE t SET a=1 /*app='x',traceparent='${trace}',z='1'*/ ;`)).toBe(trace);
  });
  it('is not taken from a literal, from a comment in the middle, or when it is malformed', () => {
    expect(traceparentOf(`INSERT INTO t VALUES ("/*traceparent='${trace}'*/")`)).toBeUndefined();
    expect(traceparentOf(`UPDATE t /*traceparent='${trace}'*/ SET a=1`)).toBeUndefined();
    expect(traceparentOf("UPDATE t SET a=1 /*traceparent='00-zz'*/")).toBeUndefined();
  });
});
