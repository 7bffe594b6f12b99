import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkTables } from '../../cdc-bridge/config.ts';
import { compileMapping, type Mapped } from '../../cdc-bridge/mapping/mapping.ts';
import type { MappingFunction } from '../../cdc-bridge/mapping/mapping-function.ts';
import { type OpenGroups, RequestGroups } from '../../cdc-bridge/mapping/request-groups.ts';
import type { Row, RowChange } from '../../cdc-bridge/mapping/row-change.ts';
import { keptTables } from '../../cdc-bridge/mapping/table-mapping.ts';
import { readTables } from './legacy.ts';

let place = 0;
const created = (table: string, after: Row): RowChange => ({ table, op: 'c', after, pos: 100, row: place++ });
const updated = (table: string, before: Row, after: Row): RowChange => ({
  table,
  op: 'u',
  before,
  after,
  pos: 100,
  row: place++,
});
const told = (mapped: Mapped) =>
  mapped.kind === 'mapped' ? mapped.events.map(({ action, data }) => [action, data]) : mapped;

describe('joins inside a transaction', () => {
  const wiki = (more = '') =>
    readTables(`tables:
  revision:
    key: rev_id
    stream: page-{rev_page}
    events:
      page-edited:
        op: c
        join: {page: {table: page, on: {page_id: rev_page}, after: {page_namespace: [0]}${more}}}
        data: {revision: rev_id, title: page.page_title, previous: page.before.page_latest}
  page: {ignore: told by the revision, columns: {utf8: [page_title]}}`);
  const revision = created('revision', { rev_id: 9, rev_page: 3 });
  const page = (id: number | string, namespace = 0) =>
    updated(
      'page',
      { page_id: id, page_title: btoa('Main'), page_namespace: namespace, page_latest: 8 },
      { page_id: id, page_title: btoa('Main'), page_namespace: namespace, page_latest: 9 },
    );

  it('read the row that the transaction changed, before or after, and as its own table declares', () => {
    const [first, second] = compileMapping(wiki()).of([revision, page(3)]);
    expect(told(first!)).toEqual([['page-edited', { revision: 9, title: 'Main', previous: 8 }]]);
    expect(second).toEqual({ kind: 'ignored' });
    expect(told(compileMapping(wiki()).of([page(4), page('3'), revision])[2]!)).toHaveLength(1);
  });

  it('leave the rule out where the pattern of the joined row does not fit', () => {
    expect(compileMapping(wiki()).of([revision, page(3, 1)])[0]).toEqual({ kind: 'unmapped' });
  });

  it('park a change whose joined row is missing, or as declared give no event or nulls', () => {
    const missing = { kind: 'unclear', reason: 'joined-row-missing', stream: 'page-3', row: 'revision/[9]' };
    expect(compileMapping(wiki()).of([revision, page(4)])[0]).toMatchObject(missing);
    expect(compileMapping(wiki(', missing: no-match')).of([revision])[0]).toEqual({ kind: 'unmapped' });
    expect(told(compileMapping(wiki(', missing: nulls')).of([revision])[0]!)).toEqual([
      ['page-edited', { revision: 9, title: null, previous: null }],
    ]);
  });

  it('take the last change of a row that was changed more than once', () => {
    const renamed = updated('page', { page_id: 3 }, { page_id: 3, page_title: btoa('New'), page_namespace: 0 });
    const last = updated(
      'page',
      { page_id: 3, page_latest: 1 },
      { page_id: 3, page_title: btoa('Newer'), page_namespace: 0 },
    );
    expect(told(compileMapping(wiki()).of([renamed, revision, last])[1]!)).toEqual([
      ['page-edited', { revision: 9, title: 'Newer', previous: 1 }],
    ]);
  });

  it('park rather than guess when the transaction comes in pieces', () => {
    expect(compileMapping(wiki()).of([revision, page(3)], false)[0]).toMatchObject({ reason: 'transaction-in-pieces' });
  });

  it('cannot name a join that is not declared, nor columns that are excluded in the other table', () => {
    expect(() =>
      readTables('tables: {t: {key: id, stream: "t-{id}", events: {a: {op: c, data: {x: other.name}}}}}'),
    ).toThrow(/join has no other/);
    const excluded = readTables(`tables:
  t: {key: id, stream: "t-{id}", events: {a: {op: c, join: {o: {table: o, on: {id: id}}}, data: {x: o.name}}}}
  o: {ignore: machinery, columns: {exclude: [name]}}`);
    expect(checkTables(excluded, undefined)).toMatchObject([{ path: ['t', 'events', 'a', 'data'] }]);
  });
});

describe('mapping functions', () => {
  const tables = readTables(
    'tables: {t: {key: id, stream: "t-{id}", events: {t-moved: {op: c, use: ./t.ts}}, use: "./t.ts#all"}}',
  );
  const nothing: MappingFunction = () => undefined;
  const mapBy = (
    rule: MappingFunction,
    whole: MappingFunction = nothing,
    rows = [created('t', { id: 1, a: { b: 1 } })],
  ) =>
    compileMapping(
      tables,
      new Map([
        ['t.t-moved', rule],
        ['t', whole],
      ]),
    ).of(rows);

  it('give events with names that tell them apart in ids', () => {
    const [mapped] = mapBy(
      () => [{ data: { n: 1 } }, { action: 't-told', stream: 'u-1' }],
      ({ transaction }) => ({ action: 't-seen', data: { rows: transaction.length } }),
    );
    expect(mapped).toMatchObject({
      events: [
        { action: 't-moved', rule: 't-moved#0', stream: 't-1', data: { n: 1 } },
        { action: 't-told', rule: 't-moved#1', stream: 'u-1', data: {} },
        { action: 't-seen', rule: '#0', stream: 't-1', data: { rows: 1 } },
      ],
    });
  });

  it('are shown the rows that are kept to be mapped again, and no others', () => {
    const seen = readTables(`tables:
  t: {key: id, stream: "t-{id}", sees: [u], use: "./t.ts#all"}
  u: {ignore: told by t, columns: {exclude: [secret]}}
  machinery: {ignore: nobody's business}`);
    const rows = [created('t', { id: 1 }), created('u', { id: 2 }), created('machinery', {}), created('unknown', {})];
    const tellsTables: MappingFunction = ({ transaction }) => ({
      action: 't-seen',
      data: { tables: transaction.map(({ table }) => table) },
    });
    const [mapped] = compileMapping(seen, new Map([['t', tellsTables]])).of(rows);
    expect(told(mapped!)).toEqual([['t-seen', { tables: ['t', 'u'] }]]);
    expect([...keptTables(seen)]).toEqual(['t', 'u']);
  });

  it('may only see tables of which somebody said what may be stored', () => {
    const unknown = readTables('tables: {t: {key: id, stream: "t-{id}", sees: [u], use: "./t.ts#all"}}');
    expect(checkTables(unknown, undefined)).toEqual([
      { path: ['t', 'sees'], message: 'table u is in no tables section: map it, or ignore it with the reason' },
    ]);
  });

  it('park the change when they throw or return what is no event, and say what it was', () => {
    const broken: [MappingFunction, RegExp][] = [
      [
        () => {
          throw new TypeError('no such thing');
        },
        /threw TypeError: no such thing/,
      ],
      [() => 7 as never, /event 0 is 7/],
      [() => Promise.resolve([]) as never, /a promise/],
      [() => ({ action: 'Not An Action' }), /action "Not An Action"/],
      [() => ({ data: { a: { when: new Date(0) as never } } }), /data\.a\.when is a Date/],
      [() => ({ data: { n: Number.NaN } }), /data\.n is NaN/],
      [() => ({ actoin: 'x' }) as never, /has actoin/],
      [() => ({ stream: 'a\0b' }), /stream/],
      [
        ({ change }) => {
          (change.after as Record<string, unknown>).id = 2;
          return [];
        },
        /read only|read-only/,
      ],
      [
        ({ change }) => {
          (change.after!.a as Record<string, unknown>).b = 2;
          return [];
        },
        /read only|read-only/,
      ],
    ];
    for (const [use, detail] of broken) {
      const [mapped] = mapBy(use);
      expect(mapped).toMatchObject({ kind: 'unclear', reason: 'function-failed', stream: 't-1', row: 't/[1]' });
      expect((mapped as { detail: string }).detail).toMatch(detail);
    }
  });

  it('are all needed before anything starts', () => {
    expect(() => compileMapping(tables)).toThrow(/expected a function for t\.t-moved/);
  });
});

describe('requests', () => {
  const tables = readTables(`tables:
  t: {key: id, stream: "t-{id}", group: {request: 200ms}, events: {a: {op: c}}}
  u: {key: id, stream: "u-{id}", events: {b: {op: c}}}`);
  interface Given {
    readonly gtid: string;
    readonly committedAt: string;
    readonly connection?: number;
    readonly rows: readonly (readonly [id: number, traceparent?: string])[];
  }
  const at = (ms: number) => new Date(1_700_000_000_000 + ms).toISOString();
  const assign = (groups: RequestGroups, { rows, ...transaction }: Given, piece?: { last: boolean }) =>
    groups.assign(
      { ...transaction, ...(piece && { piece }) },
      rows.map(([id, traceparent]) => ({ ...created('t', { id }), ...(traceparent && { traceparent }) })),
      (index) => `t/[${rows[index]![0]}]`,
    );

  it('are those of one traceparent, else of one connection without a pause, else of one row', () => {
    const groups = new RequestGroups('b', tables);
    const [a] = assign(groups, { gtid: '1', committedAt: at(1), connection: 7, rows: [[1]] });
    const [b] = assign(groups, { gtid: '2', committedAt: at(150), connection: 7, rows: [[2]] });
    const [c] = assign(groups, { gtid: '3', committedAt: at(160), connection: 8, rows: [[2]] });
    const [d] = assign(groups, { gtid: '4', committedAt: at(351), connection: 7, rows: [[2]] });
    expect(b).toBe(a);
    expect(new Set([a, c, d]).size).toBe(3);
    const [e, f] = assign(groups, { gtid: '5', committedAt: at(900), rows: [[5], [6]] });
    const [g] = assign(groups, { gtid: '6', committedAt: at(901), rows: [[6]] });
    expect([f, g]).toEqual([e, e]);
    const [h] = assign(groups, { gtid: '7', committedAt: at(2), rows: [[9, 'trace']] });
    const [i] = assign(groups, { gtid: '8', committedAt: at(99_999), rows: [[10, 'trace']] });
    expect(i).toBe(h);
  });

  it('are the same wherever the bridge is stopped and started again, and however the transactions are cut', () => {
    const given = fc.array(
      fc.record({
        ms: fc.integer({ min: 0, max: 400 }),
        connection: fc.option(fc.integer({ min: 1, max: 2 }), { nil: undefined }),
        rows: fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 6 }),
      }),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(given, fc.array(fc.nat(30)), (steps, stops) => {
        let ms = 0;
        const history = steps.map(({ ms: pause, connection, rows }, index): Given => {
          ms += pause;
          return {
            gtid: String(index),
            committedAt: at(ms),
            ...(connection && { connection }),
            rows: rows.map((id) => [id]),
          };
        });
        const once = new RequestGroups('b', tables);
        const expected = history.map((transaction) => assign(once, transaction));
        let open: OpenGroups = [];
        let groups = new RequestGroups('b', tables);
        const found = history.map((transaction, index) => {
          if (stops.includes(index)) {
            assign(groups, transaction, { last: false });
            expect(groups.open).toEqual(open);
            groups = new RequestGroups('b', tables, JSON.parse(JSON.stringify(open)));
          }
          const assigned = assign(groups, transaction);
          open = groups.open;
          expect(open.length).toBeLessThanOrEqual(256);
          return assigned;
        });
        expect(found).toEqual(expected);
      }),
    );
  });
});

describe('a mapping', () => {
  it('says the same of the same transaction, however often and in whatever company it is asked', () => {
    const tables = readTables(`tables:
  o: {key: id, stream: "o-{id}", events: {o-made: {op: c, join: {l: {table: l, on: {o: id}, missing: nulls}}, data: {id: id, line: l.id}}}}
  l: {key: id, stream: "o-{o}", events: {l-made: {op: c, data: "*"}}}`);
    const row = fc.record({ table: fc.constantFrom('o', 'l'), id: fc.nat(3), o: fc.nat(3) });
    fc.assert(
      fc.property(fc.array(fc.array(row)), (transactions) => {
        const changes = transactions.map((rows) => rows.map(({ table, ...after }) => created(table, after)));
        const shared = compileMapping(tables);
        const together = changes.map((rows) => shared.of(rows));
        expect(
          changes
            .toReversed()
            .map((rows) => compileMapping(tables).of(rows))
            .toReversed(),
        ).toEqual(together);
      }),
    );
  });
});
