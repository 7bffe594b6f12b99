import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { bridgeCapability, bridgeLegacy, checkTables, type TablesConfig } from '../../cdc-bridge/config.ts';
import { compileMapping } from '../../cdc-bridge/mapping/mapping.ts';
import { compilePattern } from '../../cdc-bridge/mapping/pattern.ts';
import { type Row, type RowChange, Unreadable } from '../../cdc-bridge/mapping/row-change.ts';
import { readTables, shipmentTables } from './legacy.ts';

const shipment: Row = {
  id: 7,
  customer_id: 3,
  sender: 'bob',
  receiver: 'bill',
  receiver_phone: null,
  shipment_status: 'created',
  price: '12.50',
  estimated_arrival: '0000-00-00',
  document: null,
  created_at: '2025-12-01 10:00:00',
  updated_at: '2025-12-01 10:00:00',
};
const update = (after: Row, before: Row = {}): RowChange => ({
  table: 'shipments',
  op: 'u',
  before: { ...shipment, ...before },
  after: { ...shipment, ...after },
  pos: 0,
  row: 0,
});
/** Maps changes that are alone in their transactions. */
const alone = (tables: TablesConfig) => {
  const mapping = compileMapping(tables);
  return (change: RowChange) => mapping.of([change])[0]!;
};
const map = alone(shipmentTables());

describe('a mapping', () => {
  it('parks a change whose column was dropped from the row image instead of writing null', () => {
    const { price: _price, ...withoutPrice } = shipment;
    const mapped = map({ table: 'shipments', op: 'c', after: withoutPrice, pos: 0, row: 0 });
    expect(mapped).toMatchObject({
      kind: 'unclear',
      reason: 'column-absent',
      stream: 'shipment-7',
      row: 'shipments/[7]',
    });
  });

  it('gives no event for a change of excluded columns only, which are left out on purpose', () => {
    expect(map(update({ updated_at: '2026-01-01 00:00:00' }))).toEqual({ kind: 'ignored' });
  });

  it('parks a change whose stream would have a NUL in its name, where a log may cut it', () => {
    const named = alone(readTables('tables: {u: {key: name, stream: "user-{name}", events: {user-made: {op: c}}}}'));
    const mapped = named({ table: 'u', op: 'c', after: { name: 'bob\0by' }, pos: 0, row: 0 });
    expect(mapped).toMatchObject({ kind: 'unclear', reason: 'stream-unnamed' });
  });

  it('parks a change whose stream cannot be named', () => {
    const mapped = map({
      table: 'packing_list_items',
      op: 'c',
      after: { id: 1, shipment_id: null, description: 'x', quantity: 1 },
      pos: 0,
      row: 0,
    });
    expect(mapped).toMatchObject({
      kind: 'unclear',
      reason: 'stream-unnamed',
      row: 'packing_list_items/[1]',
      stream: undefined,
    });
  });

  it('parks a change with an unreadable value only when the mapping needs that value', () => {
    const broken = new Unreadable('a negative TIME with a fraction');
    expect(map({ table: 'shipments', op: 'c', after: { ...shipment, price: broken }, pos: 0, row: 0 })).toMatchObject({
      reason: 'value-unreadable',
    });
    expect(
      map({ table: 'shipments', op: 'c', after: { ...shipment, updated_at: broken }, pos: 0, row: 0 }),
    ).toMatchObject({ kind: 'mapped' });
  });

  it('writes every column that is not excluded, hyphenated, for data "*"', () => {
    const tables = readTables(
      `tables: {t: {key: id, stream: "t-{id}", columns: {exclude: [secret]}, events: {t-made: {op: c, data: "*"}}}}`,
    );
    const mapped = alone(tables)({
      table: 't',
      op: 'c',
      after: { id: 1, first_name: 'A', secret: 'x' },
      pos: 0,
      row: 0,
    });
    expect(mapped).toMatchObject({ events: [{ action: 't-made', stream: 't-1', data: { id: 1, 'first-name': 'A' } }] });
  });

  describe('of a table whose rows are partly left out on purpose', () => {
    const posts = alone(
      readTables(`tables:
  posts:
    key: id
    stream: post-{id}
    columns: {ignore: {views: a counter}}
    ignore:
      c: &rows
        - {row: {type: [revision]}, reason: a copy that the editor keeps}
        - {row: {status: [{prefix: auto-}]}, reason: nobody has saved it yet}
      u:
        - {row: {type: [revision]}, reason: a copy that the editor keeps}
        - {row: {status: [{prefix: auto-}]}, reason: nobody has saved it yet}
        - {row: {status: [draft]}, changed: [dated], reason: a proposal}
      d: *rows
    events:
      post-written: {op: c, after: {type: [post], status: [draft]}}
      post-published: {op: u, changed: {status: {to: [publish]}}}
      post-removed: {op: d, before: {type: [post]}}`),
    );
    const row = (op: 'c' | 'u' | 'd', after: Row, before: Row = after): RowChange => ({
      table: 'posts',
      op,
      pos: 0,
      row: 0,
      ...(op === 'c' ? {} : { before: { id: 1, ...before } }),
      ...(op === 'd' ? {} : { after: { id: 1, ...after } }),
    });

    it('asks the rules first, then for the reason, and counts what has neither', () => {
      expect(posts(row('c', { type: 'post', status: 'draft' })).kind).toBe('mapped');
      expect(posts(row('c', { type: 'revision', status: 'inherit' })).kind).toBe('ignored');
      expect(posts(row('c', { type: 'product', status: 'auto-draft' })).kind).toBe('ignored');
      expect(posts(row('c', { type: 'product', status: 'draft' })).kind).toBe('unmapped');
    });

    it('looks at the row as it is now, or as it was when it is gone', () => {
      const draft = { type: 'post', status: 'draft', dated: 'today', views: 0 };
      expect(posts(row('u', draft, { ...draft, status: 'auto-draft' })).kind).toBe('unmapped');
      expect(posts(row('u', { ...draft, status: 'auto-draft' }, draft)).kind).toBe('ignored');
      expect(posts(row('d', { type: 'revision', status: 'inherit' })).kind).toBe('ignored');
      expect(posts(row('d', { type: 'product', status: 'draft' })).kind).toBe('unmapped');
    });

    it('looks at what changed', () => {
      const draft = { type: 'post', status: 'draft', title: 'a', dated: 'yesterday' };
      expect(posts(row('u', { ...draft, title: 'b' }, draft)).kind).toBe('unmapped');
      expect(posts(row('u', { ...draft, dated: 'today' }, draft)).kind).toBe('ignored');
      const [found] = z.strictObject(bridgeCapability).safeParse({
        tables: { p: { key: 'id', stream: 'p-{id}', ignore: { c: [{ changed: ['a'], reason: 'b' }] }, events: {} } },
      }).error!.issues;
      expect(JSON.stringify(found)).toContain('op c has no \\"changed\\" to look at');
    });

    it('parks a change that cannot be judged', () => {
      expect(posts(row('c', { status: 'draft' }))).toMatchObject({ kind: 'unclear', reason: 'column-absent' });
    });

    it('keeps an excluded column from being asked for', () => {
      const tables = readTables(
        'tables: {p: {key: id, stream: "p-{id}", columns: {exclude: [type]}, ignore: {c: [{row: {type: [x]}, reason: y}]}, events: {made: {op: d}}}}',
      );
      expect(checkTables(tables, undefined)).toEqual([
        { path: ['p', 'ignore', 'c', '0', 'row'], message: 'column type is excluded, so it cannot be used here' },
      ]);
    });
  });

  it('gives one event of several row changes, told apart by their rules', () => {
    const orders = alone(
      readTables(`tables:
  orders:
    key: id
    stream: order-{id}
    events:
      order-placed: {op: c, after: {status: [open]}}
      order-placed-from-cart: {event: order-placed, op: u, changed: {status: {from: [cart], to: [open]}}}`),
    );
    const made = (change: Omit<RowChange, 'table' | 'pos' | 'row'>) =>
      orders({ ...change, table: 'orders', pos: 0, row: 0 });
    expect(made({ op: 'c', after: { id: 1, status: 'open' } })).toMatchObject({
      events: [{ action: 'order-placed', rule: 'order-placed' }],
    });
    expect(made({ op: 'u', before: { id: 1, status: 'cart' }, after: { id: 1, status: 'open' } })).toMatchObject({
      events: [{ action: 'order-placed', rule: 'order-placed-from-cart' }],
    });
  });

  it('tells tables that are ignored from tables that nobody mentioned', () => {
    expect(map({ table: 'sessions', op: 'c', after: {}, pos: 0, row: 0 })).toEqual({ kind: 'ignored' });
    expect(map({ table: 'invoices', op: 'c', after: {}, pos: 0, row: 0 })).toEqual({ kind: 'unmapped' });
    expect(map({ table: 'constructor', op: 'c', after: {}, pos: 0, row: 0 })).toEqual({ kind: 'unmapped' });
  });

  it('gives every update of any columns exactly one status event when the status changed, and none otherwise', () => {
    const statuses = ['created', 'in_transit', 'delayed', 'delivered', 'cancelled'];
    const row = fc.record({
      shipment_status: fc.constantFrom(...statuses),
      sender: fc.string(),
      price: fc.constantFrom('1.00', '2.00'),
    });
    fc.assert(
      fc.property(row, row, (before, after) => {
        const mapped = map(update(after, before));
        const events = mapped.kind === 'mapped' ? mapped.events : [];
        const aboutStatus = events.filter(({ data }) => 'previous-status' in data);
        expect(aboutStatus.length).toBe(before.shipment_status === after.shipment_status ? 0 : 1);
        expect(events.length - aboutStatus.length).toBe(
          before.sender === after.sender && before.price === after.price ? 0 : 1,
        );
      }),
    );
  });
});

describe('a pattern', () => {
  const matches = (alternatives: unknown[], value: unknown) =>
    compilePattern({ c: alternatives as never }, 'after')!({ after: { c: value as never } });

  it('matches a literal exactly when the values are equal as JSON', () => {
    const literal = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
    fc.assert(fc.property(literal, (value) => matches([value], value)));
    expect(matches(['1'], 2)).toBe(false);
    expect(matches([null], '')).toBe(false);
    expect(matches([12.5], '12.50')).toBe(true);
  });

  it('is the opposite of anything-but with the same literals', () => {
    const value = fc.oneof(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 0, max: 3 }), fc.constant(null));
    fc.assert(
      fc.property(fc.array(value, { minLength: 1 }), value, (literals, found) => {
        expect(matches([{ 'anything-but': literals }], found)).toBe(!matches(literals, found));
      }),
    );
  });

  it('compares numbers and the text of decimals, and nothing else', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1000, max: 1000 }), fc.integer({ min: -1000, max: 1000 }), (value, bound) => {
        expect(matches([{ numeric: ['>', bound] }], value)).toBe(value > bound);
        expect(matches([{ numeric: ['<=', bound] }], value.toFixed(2))).toBe(value <= bound);
        expect(matches([{ numeric: ['>=', bound, '<', bound + 10] }], value)).toBe(
          value >= bound && value < bound + 10,
        );
      }),
    );
    for (const other of ['', 'abc', '0x10', null, true, ' 1'])
      expect(matches([{ numeric: ['>=', 0] }], other)).toBe(false);
  });

  it('takes prefixes of texts and asks whether a value exists', () => {
    fc.assert(fc.property(fc.string(), fc.string(), (head, tail) => matches([{ prefix: head }], head + tail)));
    expect(matches([{ prefix: '1' }], 12)).toBe(false);
    expect([
      matches([{ exists: true }], null),
      matches([{ exists: false }], null),
      matches([{ exists: true }], ''),
    ]).toEqual([false, true, true]);
  });
});

describe('the configuration', () => {
  const capability = z.strictObject(bridgeCapability);
  const problems = (yaml: unknown) => capability.safeParse(yaml).error?.issues.map(({ path }) => path.join('.'));
  const table = (events: unknown, more = {}) => ({ tables: { t: { key: 'id', stream: 't-{id}', events, ...more } } });

  it('refuses keys that it does not know or that are not built', () => {
    for (const key of ['reserveKeys', 'parity', 'writeBack', 'onConflict']) {
      expect(problems(table({ 't-made': { op: 'c' } }, { [key]: 1 }))).toEqual(['tables.t']);
    }
    expect(z.strictObject(bridgeLegacy).safeParse({ database: { url: 'mysql://u@h/d', topics: {} } }).success).toBe(
      false,
    );
  });

  it('refuses what an operation does not have, a stream without a column and lopsided comparisons', () => {
    expect(problems(table({ 'a-b': { op: 'c', before: { x: [1] } } }))).toBeDefined();
    expect(problems(table({ 'a-b': { op: 'd', after: { x: [1] } } }))).toBeDefined();
    expect(problems(table({ 'a-b': { op: 'r', changed: ['x'] } }))).toBeDefined();
    expect(problems(table({}, { stream: 'everything' }))).toBeDefined();
    expect(problems(table({ 'a-b': { op: 'c', after: { x: [{ numeric: ['>', 1, '<'] }] } } }))).toBeDefined();
  });

  it('takes serverId 4242 and the initial snapshot when nothing is said, and refuses other modes', () => {
    const legacy = z.strictObject(bridgeLegacy);
    expect(legacy.parse({ database: { url: 'mysql://u:p@h:1/d' } }).database).toMatchObject({
      serverId: 4242,
      snapshotMode: 'initial',
    });
    expect(legacy.safeParse({ database: { url: 'mysql://u:p@h:1/d', snapshotMode: 'when_needed' } }).success).toBe(
      false,
    );
    for (const url of ['mysql://u:p@h:1/', 'mysql://u:p@h:1/d?ssl=true', 'http://h/d']) {
      expect(legacy.safeParse({ database: { url } }).success).toBe(false);
    }
  });

  it('tells where an excluded column is used', () => {
    const tables = readTables(
      'tables: {t: {key: id, stream: "t-{id}", columns: {exclude: [ssn]}, events: {t-made: {op: c, data: {s: ssn}}}}}',
    );
    expect(checkTables(tables, undefined)).toEqual([
      { path: ['t', 'events', 't-made', 'data'], message: expect.stringContaining('ssn is excluded') },
    ]);
  });
});
