import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Coverage } from '../../cdc-bridge/coverage.ts';
import { KnownRows } from '../../cdc-bridge/known-rows/known-rows.ts';
import { compileMapping } from '../../cdc-bridge/mapping/mapping.ts';
import { RequestGroups } from '../../cdc-bridge/mapping/request-groups.ts';
import type { Row, RowChange } from '../../cdc-bridge/mapping/row-change.ts';
import { ParkedChanges } from '../../cdc-bridge/parking/parked-changes.ts';
import { Turns } from '../../cdc-bridge/parking/turns.ts';
import { Progress } from '../../cdc-bridge/positions/progress.ts';
import type { SourceTransaction } from '../../cdc-bridge/source/change-source.ts';
import { ChangeWriter } from '../../cdc-bridge/streaming/change-writer.ts';
import { compileStepShield } from '../../cdc-bridge/streaming/shielded-step.ts';
import { bridgeTelemetry } from '../../cdc-bridge/telemetry.ts';
import type { EventLog } from '../../contract/event-log.ts';
import { silent } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { allEvents, readTables, type TempLog, tempLog } from './legacy.ts';

const tables = readTables(
  'tables: {t: {key: id, stream: "s-{s}", events: {t-imported: {op: r}, t-made: {op: c, data: {a: a}}}}}',
);
let number = 0;

function transaction(...rows: Row[]): SourceTransaction {
  number += 1;
  return {
    name: `mariadb:0-1-${number}`,
    gtid: `0-1-${number}`,
    position: `mariadb:0-1-${number}`,
    committedAt: '2026-01-01T00:00:00.000Z',
    rows: rows.map((after, row) => ({ table: 't', op: 'c', after, pos: 4, row })),
    unread: [],
    file: { name: 'binlog.1', createdAt: '2026-01-01T00:00:00.000Z' },
    bytes: 1,
  };
}

/** One bridge's life on a log: goes on behind the stored position; ends when the log fails. */
async function life(log: EventLog, history: readonly SourceTransaction[], batchSize = 2): Promise<void> {
  const stored = await log.cursor('c');
  const rest = history.slice(history.findIndex(({ position }) => position === stored?.value) + 1);
  const parked = await ParkedChanges.load(log, 'test');
  const writer = new ChangeWriter({
    bridge: 'test',
    tables,
    log,
    shield: compileStepShield(tables, undefined),
    mapping: compileMapping(tables),
    groups: new RequestGroups('test', tables),
    parked,
    known: new KnownRows('test', tables, Object.keys(tables)),
    turns: new Turns(),
    keepRowChanges: true,
    coverage: new Coverage(tables),
    progress: new Progress({ topic: 'domain', partition: 0, offset: 0 }),
    telemetry: bridgeTelemetry(silent, new Metrics()),
  });
  for (let at = 0; at < rest.length; at += batchSize) {
    const batch = rest.slice(at, at + batchSize);
    const { position } = batch.at(-1)!;
    await writer.write(batch, { position, cursor: () => ({ name: 'c', value: position }) });
  }
}

/** The log, but the call of append with this number fails, before or after it took effect: what a killed process sees. */
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
    cursor: (name: string) => log.cursor(name),
    read: (...args: Parameters<EventLog['read']>) => log.read(...args),
  });
}

/** What an event of topic `parked` says. */
interface Parked {
  readonly changes: readonly { readonly reason: string }[];
}

async function outcome(log: EventLog) {
  const told = (events: Awaited<ReturnType<typeof allEvents>>) => events.map(({ id, data }) => [id, data]);
  return {
    domain: told(await allEvents(log)),
    parked: told(await allEvents(log, 'parked')),
    cursor: (await log.cursor('c'))?.value,
  };
}

let log: TempLog;
beforeEach(() => {
  log = tempLog();
});
afterEach(() => log.remove());

describe('writing changes', () => {
  it('comes to the same log wherever it is killed, with changes parked in the middle of a transaction', async () => {
    const history = [
      transaction({ id: 1, s: 'x', a: 1 }, { id: 2, s: 'y', a: 1 }),
      transaction({ id: 3, s: 'x', a: 2 }, { id: 4, s: 'x' }, { id: 5, s: 'x', a: 3 }, { id: 6, s: 'y', a: 2 }),
      transaction({ id: 7, s: 'x', a: 4 }),
      transaction({ id: 8, s: null, a: 1 }, { id: 9, s: 'y', a: 3 }),
      transaction({ id: 10, s: 'y', a: 4 }),
    ];
    await life(log.log, history);
    const expected = await outcome(log.log);
    expect(expected.domain).toHaveLength(6);
    expect(
      expected.parked.flatMap(([, data]) => (data as unknown as Parked).changes.map(({ reason }) => reason)),
    ).toEqual(['column-absent', 'behind-parked', 'behind-parked', 'stream-unnamed']);
    for (let call = 1; call <= 3; call++) {
      for (const when of ['before', 'after'] as const) {
        const other = tempLog();
        const killed = await life(failingAt(other.log, call, when), history).catch(() => 'killed');
        await life(other.log, history);
        expect(await outcome(other.log), `${killed} ${when} append ${call}`).toEqual(expected);
        await other.remove();
      }
    }
  });

  it('takes a transaction of two hundred thousand rows', async () => {
    const rows = Array.from(
      { length: 200_000 },
      (_, id): RowChange => ({ table: 't', op: 'c', after: { id, s: 1, a: id }, pos: 4, row: id }),
    );
    let events = 0;
    const counting: EventLog = Object.assign(Object.create(log.log), {
      cursor: (name: string) => log.log.cursor(name),
      read: (...args: Parameters<EventLog['read']>) => log.log.read(...args),
      append: async (...[, batch]: Parameters<EventLog['append']>) => {
        for (const { topic, events: added } of batch) if (topic === undefined) events += added.length;
        return [];
      },
    });
    await life(counting, [{ ...transaction(), rows }]);
    expect(events).toBe(200_000);
  });

  it('repeats transactions that another bridge on the same log took in batches of its own', async () => {
    const history = [1, 2, 3, 4].map((id) => transaction({ id, s: 1, a: id }));
    await life(log.log, history.slice(0, 2));
    await log.log.append('domain', [], { name: 'c', value: 'from the beginning' });
    await life(log.log, history);
    expect((await allEvents(log.log)).map(({ data }) => data.a)).toEqual([1, 2, 3, 4]);
  });

  it('stores a position that no event goes with', async () => {
    await life(log.log, [transaction()]);
    expect((await log.log.cursor('c'))?.value).toBe(`mariadb:0-1-${number}`);
    expect(await allEvents(log.log)).toEqual([]);
  });
});
