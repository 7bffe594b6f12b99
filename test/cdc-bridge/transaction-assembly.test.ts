import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BridgeError } from '../../cdc-bridge/errors.ts';
import type { Row } from '../../cdc-bridge/mapping/row-change.ts';
import { passedAt } from '../../cdc-bridge/positions/gtid.ts';
import type { TableDecoder } from '../../cdc-bridge/source/binlog/decoding/table-decoder.ts';
import type { BinlogEvent, TransactionBegin } from '../../cdc-bridge/source/binlog/events/binlog-event.ts';
import { headerBytes } from '../../cdc-bridge/source/binlog/events/event-header.ts';
import { traceparentOf } from '../../cdc-bridge/source/binlog/transactions/statement.ts';
import {
  type AssemblyOptions,
  TransactionAssembly,
} from '../../cdc-bridge/source/binlog/transactions/transaction-assembly.ts';
import type { SourceTransaction } from '../../cdc-bridge/source/change-source.ts';

const at = Date.UTC(2026, 0, 2, 3, 4, 5);
const begin = (gtid: string | undefined, more: Partial<TransactionBegin> = {}): BinlogEvent => ({
  kind: 'begin',
  pos: 100,
  at,
  gtid,
  standalone: false,
  ...more,
});

/** A table map of one table, whose id is the code of its first letter. */
function table(name: string, schema = 'shop'): BinlogEvent {
  const body = Buffer.concat([
    Buffer.alloc(8),
    ...[schema, name].map((text) => Buffer.concat([Buffer.of(text.length), Buffer.from(`${text}\0`)])),
  ]);
  return { kind: 'table', tableId: name.charCodeAt(0), body };
}

/** Rows of one byte each: their ids. */
const rows = (name: string, ...ids: number[]): BinlogEvent => ({
  kind: 'rows',
  type: 30,
  tableId: name.charCodeAt(0),
  pos: 4,
  event: Buffer.from([...Array<number>(headerBytes).fill(0), ...ids]),
  end: headerBytes + ids.length,
});
const query = (sql: string, schema = 'shop'): BinlogEvent => ({ kind: 'query', schema, sql, connection: 7, at });
const commit: BinlogEvent = { kind: 'commit', at };
const prepare = (xid: string): BinlogEvent => ({ kind: 'xa-prepare', xid, onePhase: false, at });

const xid = "X'61',X'',1";

/** Tables t (InnoDB) and m (MyISAM). */
const decoderFor = (body: Buffer): TableDecoder => ({
  schema: 'shop',
  table: body.toString('latin1', 15, 16),
  columns: [],
  primaryKey: ['id'],
  rows: (_type, bytes) => [...bytes].map((id) => ({ after: { id } as Row })),
});

function assembler(changed: Partial<AssemblyOptions> = {}): TransactionAssembly {
  return new TransactionAssembly({
    database: 'shop',
    from: passedAt('mariadb:'),
    decoderFor,
    staysOnRollback: (name) => ({ t: false, m: true })[name],
    undecodable: 'stop',
    limits: { pieceRows: 1_000, pieceBytes: 1_000, maxHeldBytes: 2_000 },
    ...changed,
  });
}

function assemble(events: readonly BinlogEvent[], changed: Partial<AssemblyOptions> = {}): SourceTransaction[] {
  const assembly = assembler(changed);
  return events.flatMap((event) => assembly.take(event, 200) ?? []);
}

const ids = ({ rows: changes }: SourceTransaction) => changes.map(({ after }) => after!.id);

describe('putting transactions together', () => {
  it('refuses rows outside a transaction, a transaction inside another, and rows of a table without a map', () => {
    expect(() => assemble([rows('t', 1)])).toThrow('outside a transaction');
    expect(() => assemble([begin('0-1-1'), begin('0-1-2')])).toThrow('0-1-2 begins before mariadb:0-1-1 has ended');
    expect(() => assemble([begin('0-1-1'), rows('t', 1)])).toThrow('no table map describes');
    expect(() => assemble([begin('0-1-1'), table('t'), rows('t', 1), commit, begin('0-1-2'), rows('t', 1)])).toThrow(
      'no table map describes',
    );
  });

  it('refuses a write as text outside a transaction: nobody could say what it belongs to', () => {
    expect(() => assemble([query('INSERT INTO t VALUES (1)')])).toThrow('outside a transaction');
  });

  it('ends at XID, at the COMMIT of a table without transactions, and after a standalone statement', () => {
    const made = assemble([
      begin('0-1-1'),
      table('t'),
      rows('t', 1),
      commit,
      begin('0-1-2'),
      table('m'),
      rows('m', 2),
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
        table('t'),
        rows('t', 1),
        rows('t', 2),
        commit,
        begin(`${id}:2`, { standalone: true }),
        query('DROP VIEW v'),
      ],
      { from: passedAt('mysql:') },
    );
    expect(made.map(({ position, rows: { length } }) => [position, length])).toEqual([
      [`mysql:${id}:1`, 2],
      [`mysql:${id}:1-2`, 0],
    ]);
  });

  it('asks no decoder for tables of other databases', () => {
    const [made] = assemble([begin('0-1-1'), table('t', 'elsewhere'), rows('t', 1), commit], {
      decoderFor: () => {
        throw new Error('asked');
      },
    });
    expect(made!.rows).toEqual([]);
  });

  it('takes back rows of a savepoint that was rolled back to, but not those of a table that cannot', () => {
    const [made] = assemble([
      begin('0-1-1'),
      table('t'),
      table('m'),
      rows('t', 1),
      query('SAVEPOINT `a`'),
      rows('t', 2),
      rows('m', 3),
      query('ROLLBACK TO `a`'),
      rows('t', 4),
      commit,
    ]);
    expect([ids(made!), made!.unsettled]).toEqual([[1, 3, 4], undefined]);
  });

  it('keeps of a ROLLBACK what cannot roll back, and says so where nobody knows', () => {
    const rolledBack = (...events: BinlogEvent[]) => assemble([begin('0-1-1'), ...events, query('ROLLBACK')])[0]!;
    const mixed = rolledBack(table('t'), table('m'), rows('t', 1), rows('m', 2));
    expect([ids(mixed), mixed.unsettled]).toEqual([[2], undefined]);
    const unknown = rolledBack(table('u'), rows('u', 1));
    expect([ids(unknown), unknown.unsettled]).toEqual([[1], expect.stringContaining('unknown engine')]);
  });

  it('reports writes that were logged as text, and tables that were cleared, in our database only', () => {
    const unread = (sql: string, schema?: string) =>
      assemble([begin('0-1-1'), query(sql, schema), commit])[0]!.unread.map(({ reason }) => reason);
    expect(unread('/* nightly */ UPDATE t SET a = 1')).toEqual(['statement-format']);
    expect(unread('INSERT INTO shop.t VALUES (1)', 'other')).toEqual(['statement-format']);
    expect(unread('INSERT INTO t VALUES (1)', 'other')).toEqual([]);
    expect(unread('WITH x AS (SELECT 1) DELETE FROM t')).toEqual(['statement-format']);
    expect(unread('SELECT `shop`.`writes`()')).toEqual(['statement-format']);
    expect(unread('CREATE TABLE n AS SELECT * FROM t')).toEqual(['statement-format']);
    expect(unread("CREATE TABLE n (a INT COMMENT 'select one')")).toEqual([]);
    expect(unread('TRUNCATE TABLE t')).toEqual(['table-cleared']);
    expect(unread('SET STATEMENT max_statement_time=1 FOR TRUNCATE TABLE t')).toEqual(['table-cleared']);
    expect(unread('ALTER TABLE t ADD COLUMN b INT')).toEqual([]);
  });

  it('counts an ALTER in two phases when it is committed', () => {
    const alter = (phase: TransactionBegin['alter']) =>
      assemble([begin('0-1-1', { standalone: true, alter: phase }), query('ALTER TABLE t RENAME TO u')])[0]!;
    expect((['start', 'rollback', 'commit'] as const).map((phase) => alter(phase).unread.length)).toEqual([0, 0, 1]);
    expect((['start', 'commit'] as const).map((phase) => alter(phase).schemaChanges!.length)).toEqual([0, 1]);
  });
});

describe('an XA transaction', () => {
  const prepared = [begin('0-1-1', { preparesXa: true }), table('t'), rows('t', 1, 2), prepare(xid)];
  const between = [begin('0-1-2'), table('t'), rows('t', 3), commit];
  const ends = (verb: string, gtid = '0-1-3') => [begin(gtid, { standalone: true }), query(`XA ${verb} ${xid}`)];

  it('comes with its commit, under the GTID of that', () => {
    const made = assemble([...prepared, ...between, ...ends('COMMIT')]);
    expect(made.map((each) => [each.gtid, ids(each), each.xid, each.resume, each.position])).toEqual([
      ['0-1-1', [], undefined, 'mariadb:', 'mariadb:0-1-1'],
      ['0-1-2', [3], undefined, 'mariadb:', 'mariadb:0-1-2'],
      ['0-1-3', [1, 2], xid, undefined, 'mariadb:0-1-3'],
    ]);
  });

  it('leaves nothing when it is rolled back', () => {
    expect(assemble([...prepared, ...ends('ROLLBACK')]).flatMap(ids)).toEqual([]);
  });

  it('is given whole after a restart in between, and what was given before is not given again', () => {
    const first = assemble([begin('0-1-0'), commit, ...prepared, ...between]);
    const { position, resume } = first.at(-1)!;
    expect([position, resume]).toEqual(['mariadb:0-1-2', 'mariadb:0-1-0']);
    const second = assemble([...prepared, ...between, ...ends('COMMIT'), begin('0-1-4'), commit], {
      from: passedAt(position),
      resume: passedAt(resume!),
    });
    expect(second.map((each) => [each.gtid, ids(each), each.position, each.resume])).toEqual([
      ['0-1-3', [1, 2], 'mariadb:0-1-3', undefined],
      ['0-1-4', [], 'mariadb:0-1-4', undefined],
    ]);
  });

  it('that was prepared before reading began is reported when it is committed', () => {
    expect(assemble(ends('COMMIT'))[0]!.unread).toEqual([{ reason: 'xa-prepared-before', sql: `XA COMMIT ${xid}` }]);
    expect(assemble(ends('ROLLBACK'))[0]!.unread).toEqual([]);
  });

  it('is held only up to the declared size, together with the others', () => {
    const large = (number: number) => [
      begin(`0-1-${number}`, { preparesXa: true }),
      table('t'),
      rows('t', ...Array<number>(1_500).fill(1)),
      prepare(`X'${number}',X'',1`),
    ];
    expect(assemble(large(1))).toHaveLength(1);
    expect(() => assemble([...large(1), ...large(2)])).toThrow(
      expect.objectContaining({ code: 'transaction-too-large' }),
    );
  });
});

describe('a transaction that is too large', () => {
  const many = (count: number) => rows('t', ...Array<number>(count).fill(1));
  const ours = [begin('0-1-9'), table('t')];

  it('comes in pieces, which stay before the transaction until the last', () => {
    const made = assemble([begin('0-1-8'), commit, ...ours, many(600), many(600), many(1_000), many(3), commit]);
    expect(made.map(({ name, position, piece, rows: { length } }) => [name, position, piece, length])).toEqual([
      ['mariadb:0-1-8', 'mariadb:0-1-8', undefined, 0],
      ['mariadb:0-1-9', 'mariadb:0-1-8', { index: 0, last: false }, 1_200],
      ['mariadb:0-1-9', 'mariadb:0-1-8', { index: 1, last: false }, 1_000],
      ['mariadb:0-1-9', 'mariadb:0-1-9', { index: 2, last: true }, 3],
    ]);
  });

  it('is not cut while a savepoint is open, and refused when it grows beyond what may be held', () => {
    const saved = [...ours, query('SAVEPOINT a'), many(1_500)];
    expect(assemble([...saved, commit]).map(({ rows: { length } }) => length)).toEqual([1_500]);
    expect(() => assemble([...saved, many(600)])).toThrow(expect.objectContaining({ code: 'transaction-too-large' }));
  });

  it('stops reading when it ends in ROLLBACK after pieces of it went out', () => {
    expect(() => assemble([...ours, many(1_200), query('ROLLBACK')])).toThrow('after 1 pieces');
  });
});

describe('rows that cannot be decoded', () => {
  const broken = (): TableDecoder => ({
    ...decoderFor(Buffer.alloc(20, 't')),
    table: 't',
    rows: () => {
      throw new BridgeError('binlog-undecodable', 'binlog: a row that does not end');
    },
  });
  const events = [begin('0-1-1'), table('t'), rows('t', 1), rows('t', 2), commit];

  it('stop the reading, or park their table once where that is declared', () => {
    expect(() => assemble(events, { decoderFor: broken })).toThrow('does not end');
    expect(assemble(events, { decoderFor: broken, undecodable: 'park' })[0]!.unread).toEqual([
      { reason: 'undecodable-table', sql: 'binlog: a row that does not end', tables: ['t'] },
    ]);
  });
});

describe('a random history', () => {
  /** What one transaction does: rows of t or m, savepoints, returns to them, and how it ends. */
  const step = fc.oneof(
    fc.record({ do: fc.constant('rows' as const), table: fc.constantFrom('t', 'm'), id: fc.nat(255) }),
    fc.record({ do: fc.constantFrom('savepoint' as const, 'return' as const), name: fc.constantFrom('a', 'b') }),
  );
  const transaction = fc.record({
    steps: fc.array(step, { maxLength: 8 }),
    end: fc.constantFrom('commit' as const, 'rollback' as const, 'xa-commit' as const, 'xa-rollback' as const),
  });

  it('gives exactly the rows that a database would have kept, in the order of the commits', () => {
    fc.assert(
      fc.property(fc.array(transaction, { maxLength: 6 }), (history) => {
        const events: BinlogEvent[] = [];
        const expected: number[][] = [];
        for (const [index, { steps, end }] of history.entries()) {
          const xa = end.startsWith('xa');
          const name = `X'${index}',X'',1`;
          events.push(begin(`0-1-${index * 2}`, xa ? { preparesXa: true } : {}));
          events.push(table('t'), table('m'));
          let kept: { table: string; id: number }[] = [];
          const marks = new Map<string, number>();
          for (const each of steps) {
            if (each.do === 'rows') {
              kept.push(each);
              events.push(rows(each.table, each.id));
            } else if (each.do === 'savepoint') {
              marks.set(each.name, kept.length);
              events.push(query(`SAVEPOINT ${each.name}`));
            } else if (marks.has(each.name)) {
              const since = marks.get(each.name)!;
              kept = kept.filter((row, place) => place < since || row.table === 'm');
              events.push(query(`ROLLBACK TO ${each.name}`));
            }
          }
          if (end === 'rollback') kept = kept.filter((row) => row.table === 'm');
          if (!xa) events.push(end === 'commit' ? commit : query('ROLLBACK'));
          else {
            const verb = end === 'xa-commit' ? 'COMMIT' : 'ROLLBACK';
            events.push(
              prepare(name),
              begin(`0-1-${index * 2 + 1}`, { standalone: true }),
              query(`XA ${verb} ${name}`),
            );
            if (end === 'xa-rollback') kept = [];
          }
          if (kept.length > 0) expected.push(kept.map(({ id }) => id));
        }
        const made = assemble(events).filter(({ rows: { length } }) => length > 0);
        expect(made.map(ids)).toEqual(expected);
      }),
    );
  });
});

describe('the traceparent of a statement', () => {
  const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const of = (sql: string) => traceparentOf(Buffer.from(sql));
  it('is taken from the comment that ends it', () => {
    expect(of(`UPDATE t SET a=1 /*traceparent='${trace}'*/`)).toBe(trace);
    expect(of(`UPDATE t SET a=1 /*app='x',traceparent='${trace}',z='1'*/ ;`)).toBe(trace);
  });
  it('is not taken from a literal, from a comment in the middle, or when it is malformed', () => {
    expect(of(`INSERT INTO t VALUES ("/*traceparent='${trace}'*/")`)).toBeUndefined();
    expect(of(`UPDATE t /*traceparent='${trace}'*/ SET a=1`)).toBeUndefined();
    expect(of("UPDATE t SET a=1 /*traceparent='00-zz'*/")).toBeUndefined();
    expect(of('SELECT 1 /')).toBeUndefined();
    expect(of('')).toBeUndefined();
  });
});
