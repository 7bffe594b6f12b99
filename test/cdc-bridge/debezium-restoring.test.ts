import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseGtidSet } from '../../cdc-bridge/positions/gtid.ts';
import { type RowRecord, readRecord, type TopicMessage } from '../../cdc-bridge/source/debezium/record.ts';
import { type Restored, TransactionRestoring } from '../../cdc-bridge/source/debezium/transaction-restoring.ts';

const names = { prefix: 'leg', transaction: 'leg.transaction', heartbeat: '__debezium-heartbeat.leg' };

interface Row {
  readonly table: string;
  readonly pos: number;
  readonly row?: number;
  readonly op?: string;
}

/** A connector's life on a binlog: what it publishes, with the partition that each message goes to. */
class Connector {
  readonly topics = new Map<string, TopicMessage[]>();
  #clock = 1_000;

  begin(gtid: string): void {
    this.#send('leg.transaction', { status: 'BEGIN', id: gtid, event_count: null, data_collections: null, ts_ms: 1 });
  }
  end(gtid: string, rows: number): void {
    this.#send('leg.transaction', { status: 'END', id: gtid, event_count: rows, data_collections: [], ts_ms: 5_000 });
  }
  row(gtid: string, { table, pos, row = 0, op = 'c' }: Row, totalOrder?: number): void {
    const source = {
      db: 'shop',
      table,
      gtid,
      file: 'binlog.000001',
      pos,
      row,
      ts_ms: 5_000,
      snapshot: null,
      query: null,
    };
    const transaction = totalOrder === undefined ? null : { id: gtid, total_order: totalOrder };
    this.#send(`leg.shop.${table}`, {
      before: op === 'c' ? null : {},
      after: op === 'd' ? null : {},
      source,
      transaction,
      op,
    });
  }
  snapshotRow(snapshot: string): void {
    const source = { db: 'shop', table: 't', gtid: null, file: 'binlog.000001', pos: 9, row: 0, ts_ms: 1, snapshot };
    this.#send('leg.shop.t', { before: null, after: {}, source, transaction: null, op: 'r' });
  }
  ddl(gtid: string, ddl: string, pos = 1): void {
    const source = {
      db: 'shop',
      table: 't',
      gtid,
      file: 'binlog.000001',
      pos,
      row: 0,
      ts_ms: 5_000,
      snapshot: null,
    };
    this.#send('leg', { source, ddl, tableChanges: [] });
  }
  /** A whole transaction, as far as it comes: a connector that is killed inside says no more. */
  transaction(gtid: string, rows: readonly Row[], killedAfter = Number.POSITIVE_INFINITY, from = 0): void {
    this.begin(gtid);
    for (const [index, row] of rows.slice(from, killedAfter).entries()) this.row(gtid, row, index + 1);
    if (killedAfter >= rows.length) this.end(gtid, rows.length - from);
  }
  /** Time passes while it starts again. */
  restart(): void {
    this.#clock += 10_000;
  }
  #send(topic: string, payload: object): void {
    const messages = this.topics.get(topic) ?? [];
    this.topics.set(topic, messages);
    const value = Buffer.from(JSON.stringify(payload));
    messages.push({ topic, partition: 0, offset: messages.length, sentAt: this.#clock++, value });
  }
}

function restoring(passed = '0-1-9'): TransactionRestoring {
  return new TransactionRestoring(parseGtidSet('mariadb', passed));
}

/** Reads the topics in the order that `pick` chooses, each in its own order; then all that is there counts as read. */
function readAll(connector: Connector, restored: TransactionRestoring, pick: (topics: number) => number): Restored[] {
  const left = [...connector.topics.values()].map((messages) => [...messages]);
  const found: Restored[] = [];
  for (
    let open = left.filter(({ length }) => length > 0);
    open.length > 0;
    open = left.filter(({ length }) => length > 0)
  ) {
    const message = open[pick(open.length) % open.length]!.shift()!;
    restored.take(readRecord(message, names), message, 0);
    found.push(...restored.ready());
  }
  for (let open = restored.unconfirmed; open; open = restored.unconfirmed) {
    open.confirmedVersion = open.version;
    const more = restored.ready();
    if (more.length === 0) break;
    found.push(...more);
  }
  return found;
}

const placesOf = ({ gtid, rows }: Restored) => [
  gtid,
  rows.map(({ source, op }: RowRecord) => `${source.pos}:${source.row}:${op}`),
];
const inTurn = () => {
  let turn = 0;
  return () => turn++;
};
const two: readonly Row[] = [
  { table: 'a', pos: 100 },
  { table: 'b', pos: 200, row: 0 },
  { table: 'b', pos: 200, row: 1 },
];

describe('transactions out of many topics', () => {
  it('come whole and in order, however the topics are read, although the connector is killed inside and repeats', () => {
    const rowsOf = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 6 });
    const life = fc.record({ killedAt: fc.nat(30), goesBack: fc.nat(3), again: fc.nat(6) });
    fc.assert(
      fc.property(
        fc.array(rowsOf, { minLength: 1, maxLength: 6 }),
        fc.array(life, { maxLength: 3 }),
        fc.infiniteStream(fc.nat(10)),
        (tables, lives, picks) => {
          const binlog = tables.map((each, number) => ({
            gtid: `0-1-${10 + number}`,
            rows: each.map((table, index) => ({ table, pos: 1_000 * (number + 1) + index })),
          }));
          const connector = new Connector();
          let at = { transaction: 0, row: 0 };
          for (const { killedAt, goesBack, again } of lives) {
            const reached = run(connector, binlog, at, killedAt);
            const back = Math.max(0, reached.transaction - goesBack);
            at = { transaction: back, row: Math.min(again, back === reached.transaction ? reached.row : 0) };
            connector.restart();
          }
          run(connector, binlog, at, Number.POSITIVE_INFINITY);
          const read = readAll(connector, restoring(), () => picks.next().value as number);
          expect(read.map(placesOf)).toEqual(
            binlog.map(({ gtid, rows }) => [gtid, rows.map(({ pos }) => `${pos}:0:c`)]),
          );
        },
      ),
      { numRuns: 500 },
    );
  });

  it('wait for rows that the end counts, in whichever topic', () => {
    const connector = new Connector();
    connector.transaction('0-1-10', two);
    const late = connector.topics.get('leg.shop.a')!;
    connector.topics.delete('leg.shop.a');
    const restored = restoring();
    expect(readAll(connector, restored, inTurn())).toEqual([]);
    expect(restored.unconfirmed?.missing).toBe(1);
    connector.topics.clear();
    connector.topics.set('leg.shop.a', late);
    expect(readAll(connector, restored, inTurn()).map(placesOf)).toEqual([
      ['0-1-10', ['100:0:c', '200:0:c', '200:1:c']],
    ]);
  });

  it('order the two halves of a key change: the deletion first', () => {
    const connector = new Connector();
    connector.transaction('0-1-10', [
      { table: 'a', pos: 100, op: 'd' },
      { table: 'a', pos: 100, op: 'c' },
    ]);
    expect(readAll(connector, restoring(), inTurn()).map(placesOf)).toEqual([['0-1-10', ['100:0:d', '100:0:c']]]);
  });

  it('are no settled ones when rows were published and no end, as those of XA', () => {
    const connector = new Connector();
    connector.begin('0-1-10');
    connector.row('0-1-10', { table: 'a', pos: 100 }, 1);
    connector.transaction('0-1-11', two);
    const read = readAll(connector, restoring(), inTurn());
    expect(read.map(({ gtid, endless }) => [gtid, endless])).toEqual([
      ['0-1-10', true],
      ['0-1-11', false],
    ]);
  });

  it('are known as DDL by their statement, without waiting for the next', () => {
    const connector = new Connector();
    connector.begin('0-1-10');
    connector.ddl('0-1-10', 'DROP TABLE t');
    const [only] = readAll(connector, restoring(), inTurn());
    expect([only?.gtid, only?.endless, only?.schemaChanges.map(({ ddl }) => ddl)]).toEqual([
      '0-1-10',
      false,
      ['DROP TABLE t'],
    ]);
  });

  it('have their place by their number when MySQL’s connector publishes no BEGIN, and silent numbers are covered', () => {
    const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
    const connector = new Connector();
    connector.transaction(`${uuid}:3`, two);
    connector.ddl(`${uuid}:4`, 'DROP TABLE t');
    connector.transaction(`${uuid}:6`, two);
    const restored = new TransactionRestoring(parseGtidSet('mysql', `${uuid}:1-2`));
    const read = readAll(connector, restored, () => 0);
    expect(read.map(({ covers }) => covers.map((gtid) => gtid.slice(37)))).toEqual([['3'], ['4'], ['5', '6']]);
  });

  it('are inferred from their GTID, and marked, where nobody publishes them', () => {
    const connector = new Connector();
    for (const row of two) connector.row('0-1-10', row);
    connector.row('0-1-11', { table: 'a', pos: 300 });
    const restored = restoring();
    expect(readAll(connector, restored, inTurn())).toEqual([]);
    expect(restored.quietSince).toBe(0);
    const inferred = restored.infer(0);
    expect(inferred.map(placesOf)).toEqual([
      ['0-1-10', ['100:0:c', '200:0:c', '200:1:c']],
      ['0-1-11', ['300:0:c']],
    ]);
    expect(inferred.every((each) => each.inferred)).toBe(true);
  });

  it('are inferred while later ones still come, and DDL keeps its place among them', () => {
    const connector = new Connector();
    const restored = restoring();
    const publish = (now: number, write: () => void) => {
      connector.topics.clear();
      write();
      for (const message of [...connector.topics.values()].flat())
        restored.take(readRecord(message, names), message, now);
      expect(restored.ready()).toEqual([]);
    };
    publish(1_000, () => connector.row('0-1-11', { table: 't', pos: 300 }));
    publish(1_000, () => connector.ddl('0-1-12', 'DROP TABLE t', 400));
    publish(1_001, () => connector.row('0-1-10', { table: 'a', pos: 100 }));
    publish(2_000, () => connector.row('0-1-13', { table: 'a', pos: 500 }));
    expect(restored.unconfirmed).toBeUndefined();
    expect(restored.infer(1_000)).toEqual([]);
    expect(restored.infer(1_500).map(({ gtid }) => gtid)).toEqual(['0-1-10', '0-1-11', '0-1-12']);
    expect(restored.quietSince).toBe(2_000);
  });

  it('come in pieces when they are large, each row once, although the connector is killed inside', () => {
    const wide = Array.from({ length: 40 }, (_, index) => ({ table: 'a', pos: 100 + index }));
    const connector = new Connector();
    connector.transaction('0-1-10', wide, 30);
    const restored = restoring();
    for (const messages of connector.topics.values())
      for (const message of messages) {
        const record = readRecord(message, names);
        restored.take(record.kind === 'row' ? { ...record, bytes: 1024 * 1024 } : record, message, 0);
      }
    const first = restored.ready();
    expect(first.map(({ piece }) => piece)).toEqual([{ index: 0, last: false }]);
    connector.topics.clear();
    connector.restart();
    connector.transaction('0-1-10', wide, undefined, 20);
    const rest = readAll(connector, restored, inTurn());
    expect(rest.at(-1)?.piece).toEqual({ index: 1, last: true });
    const places = [...first, ...rest].flatMap(({ rows }) => rows.map(({ source }) => source.pos));
    expect(places).toEqual(wide.map(({ pos }) => pos));
  });

  it('are read again from the first message of whatever was not given on', () => {
    const connector = new Connector();
    connector.transaction('0-1-10', two);
    connector.transaction('0-1-11', two, 2);
    const restored = restoring();
    readAll(connector, restored, inTurn());
    const next = new Map([...connector.topics].map(([topic, messages]) => [`${topic}/0`, messages.length]));
    expect(restored.resumeFrom(next)).toEqual({ 'leg.transaction/0': 2, 'leg.shop.a/0': 1, 'leg.shop.b/0': 2 });
  });
});

describe('topics that go on behind what was read', () => {
  it('are not suspected of it when the first transaction follows statements that are not published', () => {
    const connector = new Connector();
    connector.transaction('0-1-12', two);
    expect(readAll(connector, restoring(), inTurn()).map(({ covers }) => covers)).toEqual([
      ['0-1-10', '0-1-11', '0-1-12'],
    ]);
  });

  it('are refused after a snapshot that the connector took anew, not after an incremental one', () => {
    const taken = (snapshot: string) => {
      const connector = new Connector();
      connector.snapshotRow(snapshot);
      connector.transaction('0-1-12', two);
      return () => readAll(connector, restoring(), () => 0);
    };
    expect(taken('true')).toThrow(expect.objectContaining({ code: 'debezium-trimmed' }));
    expect(taken('incremental')).not.toThrow();
  });

  it('are not suspected of it when the connector repeats what was read', () => {
    const connector = new Connector();
    connector.snapshotRow('true');
    connector.transaction('0-1-9', two);
    connector.transaction('0-1-12', two);
    expect(readAll(connector, restoring(), () => 0).map(({ gtid }) => gtid)).toEqual(['0-1-12']);
  });
});

describe('a message', () => {
  const read = (topic: string, value: string | null) =>
    readRecord({ topic, partition: 0, offset: 7, sentAt: 0, value: value === null ? null : Buffer.from(value) }, names);

  it('without a value is a tombstone, and one of the heartbeat topic a heartbeat', () => {
    expect(read('leg.shop.t', null)).toEqual({ kind: 'tombstone' });
    expect(read('__debezium-heartbeat.leg', '{"ts_ms":1}')).toEqual({ kind: 'heartbeat' });
  });

  it('that was flattened is refused with where it is and what to do', () => {
    expect(() => read('leg.shop.t', '{"id":1,"a":"x"}')).toThrow(
      /topic leg.shop.t, partition 0, offset 7.*ExtractNewRecordState/,
    );
  });

  it('that is not JSON is refused', () => {
    expect(() => read('leg.shop.t', '\u0000\u0001avro')).toThrow(/not JSON/);
  });
});

interface Place {
  readonly transaction: number;
  readonly row: number;
}

/** One life: from a place in the binlog on, until so many rows are published; gives where it was then. */
function run(
  connector: Connector,
  binlog: readonly { gtid: string; rows: readonly Row[] }[],
  from: Place,
  rowsUntilKilled: number,
): Place {
  let left = rowsUntilKilled;
  for (let number = from.transaction; number < binlog.length; number++) {
    const { gtid, rows } = binlog[number]!;
    const first = number === from.transaction ? Math.min(from.row, rows.length) : 0;
    const killedAfter = first + left < rows.length ? first + left : undefined;
    connector.transaction(gtid, rows, killedAfter, first);
    if (killedAfter !== undefined) return { transaction: number, row: killedAfter };
    left -= rows.length - first;
  }
  return { transaction: binlog.length - 1, row: 0 };
}
