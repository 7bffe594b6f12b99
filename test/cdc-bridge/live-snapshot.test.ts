import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Row, RowChange } from '../../cdc-bridge/mapping/row-change.ts';
import type { StreamPosition } from '../../cdc-bridge/positions/cursor.ts';
import type { SourceTransaction } from '../../cdc-bridge/source/change-source.ts';
import { keyColumn } from '../../cdc-bridge/source/initial-snapshot/key-column.ts';
import { KeyOrder } from '../../cdc-bridge/source/initial-snapshot/key-order.ts';
import type { TablePlan } from '../../cdc-bridge/source/initial-snapshot/table-plan.ts';
import { LiveSnapshot } from '../../cdc-bridge/streaming/live-snapshot.ts';

const keys = 12;
const key = keyColumn({
  name: 'id',
  type: 'int',
  declared: 'int',
  charset: undefined,
  collation: undefined,
  fraction: 0,
  precision: 10,
  scale: 0,
  generated: false,
});
const plan: TablePlan = {
  table: 't',
  columns: [],
  key: [key],
  order: new KeyOrder([key], { query: () => Promise.reject(new Error('numbers are compared here')) }),
  index: 'PRIMARY',
  whole: ['id', 'n'],
  long: [],
  rows: 0,
};

type Table = ReadonlyMap<number, number>;
/** What one transaction does to a row: its key, and the key that it gets where it moves. */
type Write = readonly [id: number, kind: 'toggle' | 'change' | 'move', to: number];

/** A server that has committed some transactions; `at(n)` is the table after the first n. */
class Server {
  readonly states: Table[];
  readonly transactions: SourceTransaction[] = [];

  constructor(start: Table, writes: readonly (readonly Write[])[]) {
    this.states = [start];
    for (const some of writes) this.#commit(some);
  }

  at(n: number): Table {
    return this.states[n]!;
  }

  #commit(writes: readonly Write[]): void {
    const table = new Map(this.states.at(-1));
    const rows = writes.flatMap((write, index) => apply(table, write, index));
    const n = this.states.push(table) - 1;
    this.transactions.push({
      name: `mariadb:0-1-${n}`,
      gtid: `0-1-${n}`,
      position: positionOf(n),
      committedAt: '2026-01-01T00:00:00.000Z',
      rows,
      unread: [],
      file: { name: 'b.1', createdAt: '' },
      bytes: 1,
    });
  }
}

const positionOf = (n: number) => (n === 0 ? 'mariadb:' : `mariadb:0-1-${n}`);
const indexOf = (position: string) => Number(position.split('-')[2] ?? 0);

function apply(table: Map<number, number>, [id, kind, to]: Write, row: number): RowChange[] {
  const n = table.get(id);
  const image = (key: number, value: number): Row => ({ id: key, n: value });
  const place = { table: 't', pos: 0, row };
  if (kind === 'toggle' && n === undefined) {
    table.set(id, 0);
    return [{ ...place, op: 'c', after: image(id, 0) }];
  }
  if (n === undefined || (kind === 'move' && table.has(to))) return [];
  table.delete(id);
  if (kind === 'toggle') return [{ ...place, op: 'd', before: image(id, n) }];
  const target = kind === 'move' ? to : id;
  table.set(target, n + 1);
  return [{ ...place, op: 'u', before: image(id, n), after: image(target, n + 1) }];
}

/** What is on the log, replayed strictly as it comes. */
class Log {
  readonly rows = new Map<number, number>();
  stored: StreamPosition = { phase: 'streaming', position: positionOf(0), imported: [] };

  take(change: RowChange): void {
    const { before, after } = change;
    if (before) expect(this.rows.get(Number(before.id))).toBe(before.n);
    if (before) this.rows.delete(Number(before.id));
    if (after) expect(this.rows.has(Number(after.id))).toBe(false);
    if (after) this.rows.set(Number(after.id), Number(after.n));
  }
}

function follow(log: Log): LiveSnapshot {
  const start = log.stored;
  const live = new LiveSnapshot(start, ['t'], async (steps, { last, imported, current }) => {
    for (const step of steps) {
      const covered = 'covered' in step ? step.covered : undefined;
      for (const row of step.rows) if (!covered?.has(row)) log.take(row);
    }
    const { position } = last ?? start;
    log.stored = { phase: 'streaming', position, imported: [...imported], ...(current && { current }) };
  });
  if (live.remaining.length > 0) live.begin(plan, start.current?.after);
  return live;
}

const write = fc.tuple(
  fc.integer({ min: 1, max: keys }),
  fc.constantFrom('toggle' as const, 'change' as const, 'move' as const),
  fc.integer({ min: 1, max: keys }),
);
/** Of one chunk: how much further than the stream each moment is, how many rows, and how it ends. */
const chunk = fc.record({
  before: fc.nat(3),
  low: fc.nat(2),
  seen: fc.nat(3),
  high: fc.nat(2),
  rows: fc.integer({ min: 1, max: 4 }),
  ending: fc.constantFrom('import', 'import', 'import', 'give up', 'crash'),
});

it('gives each row one import or its creation and then each change once, whatever a chunk has seen and wherever it is cut off', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: keys }), { maxLength: keys }),
      fc.array(fc.array(write, { maxLength: 3 }), { minLength: 10, maxLength: 40 }),
      fc.array(chunk, { minLength: 1, maxLength: 20 }),
      async (start, writes, chunks) => {
        const server = new Server(new Map(start.map((id) => [id, 0])), writes);
        const log = new Log();
        let live = follow(log);
        let at = 0;
        const upTo = (n: number) => Math.min(n, server.transactions.length);
        const deliver = (n: number) => {
          const batch = server.transactions.slice(at, upTo(n));
          at = upTo(n);
          return live.pass(batch);
        };
        const calm = { before: 0, low: 0, seen: 0, high: 0, rows: keys + 1, ending: 'import' as const };
        for (const { before, low, seen, high, rows, ending } of [...chunks, calm]) {
          await deliver(at + before);
          if (live.remaining.length === 0) break;
          const window = live.open();
          if (at > 0) expect(window.begin(positionOf(at - 1))).toBe(false);
          const lowest = upTo(at + low);
          const visible = upTo(lowest + seen);
          const highest = upTo(visible + high);
          const delivered = deliver(highest + (ending === 'import' ? 1 : 0));
          expect(window.begin(positionOf(lowest))).toBe(true);
          const found = [...server.at(visible)]
            .sort(([a], [b]) => a - b)
            .filter(([id]) => id > Number(live.current?.after[0] ?? 0))
            .slice(0, rows);
          const changes = found.map(
            ([id, n], row): RowChange => ({ table: 't', op: 'r', after: { id, n }, pos: 0, row }),
          );
          const end = found.length === rows ? [found.at(-1)![0]] : undefined;
          window.read({ rows: changes, upTo: end, takenAt: '2026-01-01T00:00:00.000Z' }, positionOf(highest));
          await delivered;
          if (ending === 'crash') {
            live = follow(log);
            at = indexOf(log.stored.position);
          } else if (ending === 'give up') await live.giveUp('slow');
          else await live.closeIfReached();
        }
        expect(live.remaining).toEqual([]);
        await deliver(Number.POSITIVE_INFINITY);
        expect([...log.rows].sort()).toEqual([...server.states.at(-1)!].sort());
      },
    ),
    { numRuns: 500 },
  );
});

it('closes a window that the stream reaches by what the chunk is known to have seen, though nothing comes after it', async () => {
  const server = new Server(new Map([[1, 0]]), [[[1, 'change', 1]], [[1, 'change', 1]]]);
  const log = new Log();
  const live = follow(log);
  const window = live.open();
  window.begin(positionOf(2));
  const row: RowChange = { table: 't', op: 'r', after: { id: 1, n: 2 }, pos: 0, row: 0 };
  window.read({ rows: [row], upTo: undefined, takenAt: '2026-01-01T00:00:00.000Z' }, positionOf(2));
  await live.closeIfReached();
  await live.pass(server.transactions);
  expect(live.remaining).toEqual([]);
  expect([...log.rows]).toEqual([[1, 2]]);
});
