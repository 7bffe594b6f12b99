import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TablesConfig } from '../../cdc-bridge/config.ts';
import { followRequests } from '../../cdc-bridge/parking/follow-requests.ts';
import { ParkedChanges } from '../../cdc-bridge/parking/parked-changes.ts';
import { answerTo, askFor, type ParkingWish } from '../../cdc-bridge/parking/parking-request.ts';
import { Turns } from '../../cdc-bridge/parking/turns.ts';
import type { SourceTransaction } from '../../cdc-bridge/source/change-source.ts';
import type { EventLog } from '../../contract/event-log.ts';
import { allEvents, readTables, type TempLog, tempLog } from './legacy.ts';
import { bridgeLife, idsByStream, inserted, narrow, wide } from './parking-lives.ts';

const all = { what: 'retry', selection: { all: true }, by: 'alice' } as const;

function skip(id: string): ParkingWish {
  return { what: 'skip', selection: { ids: [id] }, reason: 'a test order', by: 'alice' };
}

/** What a bridge with this mapping answers to what was asked for; it ends when all is answered. */
async function answerAll(log: EventLog, tables: TablesConfig): Promise<void> {
  const { parked, release } = await bridgeLife(log, tables);
  for (const request of parked.requests()) await release.answer(request);
}

async function ask(log: EventLog, tables: TablesConfig, wish: ParkingWish) {
  const id = await askFor(log, 'test', wish);
  await answerAll(log, tables);
  return answerTo(log, id, 0, new AbortController().signal);
}

async function parkedOn(log: EventLog) {
  return [...(await ParkedChanges.load(log, 'test')).all()];
}

/** What the log would hold if the mapping had been this one from the beginning. */
async function asIfAlways(history: readonly SourceTransaction[], tables: TablesConfig) {
  const other = tempLog();
  try {
    await (await bridgeLife(other.log, tables)).write(history);
    return await idsByStream(other.log);
  } finally {
    await other.remove();
  }
}

let log: TempLog;
beforeEach(() => {
  log = tempLog();
});
afterEach(() => log.remove());

describe('releasing parked changes', () => {
  const history = [
    inserted(1, [
      { id: 1, s: 1, a: 1 },
      { id: 2, s: 2, a: 1 },
    ]),
    inserted(2, [
      { id: 3, s: 1 },
      { id: 4, s: 2, a: 2 },
      { id: 5, s: 1, a: 2 },
    ]),
    inserted(3, [{ id: 6, s: 1, a: 3 }]),
    inserted(4, [
      { id: 7, s: 1 },
      { id: 8, s: 3, a: 1 },
    ]),
    inserted(5, [{ id: 9, s: 1, a: 4 }]),
  ];

  it('gives them the ids and the order they would have had, and what waits behind them follows', async () => {
    await (await bridgeLife(log.log, narrow)).write(history);
    expect((await parkedOn(log.log)).map(({ reason }) => reason)).toEqual([
      'column-absent',
      'behind-parked',
      'behind-parked',
      'column-absent',
      'behind-parked',
    ]);
    expect(await ask(log.log, wide, all)).toMatchObject({ released: 5, skipped: 0, stillParked: 0 });
    expect(await idsByStream(log.log)).toEqual(await asIfAlways(history, wide));
    expect(await parkedOn(log.log)).toEqual([]);
  });

  it('releases the one that is meant and what waits behind it, up to the next that stays', async () => {
    await (await bridgeLife(log.log, narrow)).write(history);
    const [first] = await parkedOn(log.log);
    expect(await ask(log.log, wide, { ...all, selection: { ids: [first!.id] } })).toMatchObject({ released: 3 });
    const left = await parkedOn(log.log);
    expect(left.map(({ reason, index }) => [reason, index])).toEqual([
      ['column-absent', 0],
      ['behind-parked', 0],
    ]);
    expect((await idsByStream(log.log))['s-1']).toHaveLength(4);
    expect(await ask(log.log, wide, { ...all, selection: { stream: 's-1' } })).toMatchObject({ released: 2 });
    expect(await idsByStream(log.log)).toEqual(await asIfAlways(history, wide));
  });

  it('lets the stream flow again', async () => {
    await (await bridgeLife(log.log, narrow)).write(history);
    await ask(log.log, wide, all);
    const next = inserted(6, [{ id: 10, s: 1 }]);
    await (await bridgeLife(log.log, wide)).write([next]);
    expect(await parkedOn(log.log)).toEqual([]);
    expect(await idsByStream(log.log)).toEqual(await asIfAlways([...history, next], wide));
  });

  it('leaves one that is still unclear parked, with the new reason, and all that waits behind it', async () => {
    await (await bridgeLife(log.log, narrow)).write(history);
    const needsB = readTables('tables: {t: {key: id, stream: "s-{s}", events: {t-made: {op: c, data: {b: b}}}}}');
    expect(await ask(log.log, needsB, all)).toMatchObject({ released: 0, stillParked: 5 });
    const [first, second] = await parkedOn(log.log);
    expect([first!.reason, first!.detail]).toEqual(['column-absent', expect.stringContaining('column b')]);
    expect(second!.reason).toBe('behind-parked');
    expect(await ask(log.log, wide, all)).toMatchObject({ released: 5 });
    expect(await idsByStream(log.log)).toEqual(await asIfAlways(history, wide));
  });

  it('skips one with a reason that stays on the log, and lets the rest follow', async () => {
    await (await bridgeLife(log.log, narrow)).write(history);
    const [first] = await parkedOn(log.log);
    expect(await ask(log.log, narrow, skip(first!.id))).toMatchObject({ skipped: 1, released: 2, stillParked: 0 });
    const told = (await allEvents(log.log, 'parked')).find(({ action }) => action === 'row-change-skipped');
    expect(told!.data).toMatchObject({ change: first!.id, reason: 'a test order', by: 'alice' });
    expect((await idsByStream(log.log))['s-1']).toHaveLength(3);
  });

  it('drops one that the corrected mapping ignores, and lets the rest follow', async () => {
    await (await bridgeLife(log.log, narrow)).write(history);
    expect(await ask(log.log, readTables('tables: {t: {ignore: "never mind"}}'), all)).toMatchObject({ released: 5 });
    expect(await parkedOn(log.log)).toEqual([]);
  });

  it('answers a request about a change that is not parked, and one that comes twice', async () => {
    await (await bridgeLife(log.log, narrow)).write(history);
    expect(await ask(log.log, wide, { ...all, selection: { ids: ['no such'] } })).toMatchObject({ released: 0 });
    await ask(log.log, wide, all);
    expect(await ask(log.log, wide, all)).toMatchObject({ released: 0, stillParked: 0 });
    expect(await idsByStream(log.log)).toEqual(await asIfAlways(history, wide));
  });

  it('answers while it runs what is asked meanwhile', async () => {
    const life = await bridgeLife(log.log, wide);
    const stop = new AbortController();
    const work = followRequests({ log: log.log, turns: new Turns(), ...life }, stop.signal);
    const id = await askFor(log.log, 'test', all);
    expect(await answerTo(log.log, id, 0, new AbortController().signal)).toMatchObject({ released: 0 });
    stop.abort();
    await work;
  });

  it('keeps a row that moves between two streams in order in both', async () => {
    const moving = readTables(
      'tables: {t: {key: id, stream: "s-{s}", events: {t-gone: {op: d}, t-made: {op: c, data: {a: a}}}}}',
    );
    const moved = {
      ...inserted(2, []),
      rows: [
        { table: 't', op: 'u' as const, before: { id: 1, s: 1, a: 1 }, after: { id: 1, s: 2, a: 1 }, pos: 9, row: 0 },
      ],
    };
    const history = [inserted(1, [{ id: 2, s: 2 }]), moved, inserted(3, [{ id: 3, s: 1, a: 1 }])];
    await (await bridgeLife(log.log, moving)).write(history);
    expect((await parkedOn(log.log)).map(({ streams }) => streams)).toEqual([['s-2'], ['s-1', 's-2'], ['s-1']]);
    const wider = readTables('tables: {t: {key: id, stream: "s-{s}", events: {t-gone: {op: d}, t-made: {op: c}}}}');
    expect(await ask(log.log, wider, all)).toMatchObject({ released: 3 });
    expect(await idsByStream(log.log)).toEqual(await asIfAlways(history, wider));
  });

  it('maps a change again with the other rows of its transaction', async () => {
    const joined = (column: string) =>
      readTables(
        `tables: {o: {key: id, stream: "o-{id}", events: {o-made: {op: c}}}, t: {key: id, stream: "s-{s}", events: {t-made: {op: c, join: {o: {table: o, on: {id: s}}}, data: {name: o.${column}}}}}}`,
      );
    const step = inserted(1, [{ id: 1, s: 7 }]);
    const history = [
      { ...step, rows: [...step.rows, { table: 'o', op: 'c' as const, after: { id: 7, name: 'n' }, pos: 9, row: 0 }] },
    ];
    await (await bridgeLife(log.log, joined('nickname'))).write(history);
    expect(await parkedOn(log.log)).toHaveLength(1);
    expect(await ask(log.log, joined('name'), all)).toMatchObject({ released: 1 });
    expect((await allEvents(log.log)).map(({ data }) => data)).toEqual([{}, { name: 'n' }]);
  });

  it('is done whole or not at all, wherever it is killed', async () => {
    await (await bridgeLife(log.log, narrow)).write(history);
    const expected = await asIfAlways(history, wide);
    for (let call = 1; call <= 3; call += 1) {
      for (const when of ['before', 'after'] as const) {
        const other = tempLog();
        await (await bridgeLife(other.log, narrow)).write(history);
        await askFor(other.log, 'test', all);
        await answerAll(failingAt(other.log, call, when), wide).catch(() => 'killed');
        await answerAll(other.log, wide);
        expect(await idsByStream(other.log), `${when} append ${call}`).toEqual(expected);
        expect(await parkedOn(other.log)).toEqual([]);
        await other.remove();
      }
    }
  });

  it('comes, for any history, to what the corrected mapping would have made of it', async () => {
    const row = fc.record({ s: fc.integer({ min: 1, max: 3 }), clear: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(row, { maxLength: 5 }), { maxLength: 8 }), fc.nat(8), async (plan, cut) => {
        let id = 0;
        const history = plan.map((rows, number) =>
          inserted(
            number + 1,
            rows.map(({ s, clear }) => ({ id: ++id, s, ...(clear && { a: 1 }) })),
          ),
        );
        const other = tempLog();
        try {
          await (await bridgeLife(other.log, narrow)).write(history.slice(0, cut));
          for (const transaction of history.slice(cut))
            await (await bridgeLife(other.log, narrow)).write([transaction]);
          await ask(other.log, wide, all);
          expect(await idsByStream(other.log)).toEqual(await asIfAlways(history, wide));
          expect(await parkedOn(other.log)).toEqual([]);
        } finally {
          await other.remove();
        }
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  it('of a transaction that comes in pieces survives that it is read again', async () => {
    const piece = (index: number, last: boolean, rows: Parameters<typeof inserted>[1]) => ({
      ...inserted(1, rows),
      piece: { index, last },
    });
    const pieces = [
      piece(0, false, [
        { id: 1, s: 1, a: 1 },
        { id: 2, s: 1 },
        { id: 3, s: 1, a: 2 },
      ]),
      { ...piece(1, true, []), rows: [{ ...inserted(1, [{ id: 4, s: 1, a: 3 }]).rows[0]!, pos: 99 }] },
    ];
    const life = await bridgeLife(log.log, narrow);
    await life.write(pieces.slice(0, 1));
    const [unclear] = await parkedOn(log.log);
    expect(await ask(log.log, narrow, skip(unclear!.id))).toMatchObject({ skipped: 1, released: 1 });
    await (await bridgeLife(log.log, narrow)).write(pieces);
    expect(await parkedOn(log.log)).toEqual([]);
    expect((await allEvents(log.log)).map(({ data }) => data.a)).toEqual([1, 2, 3]);
    const kept = await allEvents(log.log, 'row-changes');
    expect(kept.map(({ data }) => data.transactions)).toMatchObject([
      [{ piece: { index: 0, last: false } }],
      [{ piece: { index: 1, last: true } }],
    ]);
  });
});

/** The log, but this call of append fails, before or after it took effect: what a killed process sees. */
function failingAt(log: EventLog, call: number, when: 'before' | 'after'): EventLog {
  let calls = 0;
  return Object.assign(Object.create(log), {
    async append(...args: Parameters<EventLog['append']>) {
      calls += 1;
      if (calls === call && when === 'before') throw new Error('killed');
      const results = await log.append(...args);
      if (calls === call) throw new Error('killed');
      return results;
    },
    read: (...args: Parameters<EventLog['read']>) => log.read(...args),
    find: (...args: Parameters<EventLog['find']>) => log.find(...args),
  });
}
