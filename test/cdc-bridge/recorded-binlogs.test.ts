import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { transactionsOf } from '../../cdc-bridge/source/binlog/transactions/transactions-of.ts';
import type { SourceTransaction } from '../../cdc-bridge/source/change-source.ts';
import { recordedEvents, recordedOptions, streamOf, transactionsIn } from './recorded.ts';

const uuid = 'f024817a-e5d4-11f1-b1eb-02fc00000001';
const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

/** `c 557.1 t {"id":2}`, a row each, then what could not be read. */
function told({ name, rows, unread, xid }: SourceTransaction): string[] {
  return [
    ...rows.map((row) => `${row.op} ${row.pos}.${row.row} ${row.table} ${JSON.stringify(row.after ?? row.before)}`),
    ...unread.map(({ reason, sql }) => `${reason} ${sql}`),
    ...(xid ? [`xid ${xid}`] : []),
    `is ${name}`,
  ];
}

const read = async (name: string) => (await transactionsIn(recordedEvents(name))).map(told);

describe('a binlog that MariaDB wrote', () => {
  it('gives transactions with their rows, those of tables that cannot roll back too', async () => {
    expect(await read('mariadb-transactions')).toEqual([
      ['c 620.0 t {"id":1,"a":"x"}', 'c 620.1 t {"id":2,"a":"y"}', 'is mariadb:0-1-19'],
      ['u 861.0 t {"id":1,"a":"z"}', 'd 1178.0 t {"id":2,"a":"y"}', 'is mariadb:0-1-20'],
      ['is mariadb:0-1-21'],
      ['c 1635.0 m {"id":1,"a":"x"}', 'is mariadb:0-1-22'],
      ['c 1910.0 m {"id":2,"a":"stays"}', 'is mariadb:0-1-23'],
      ['c 2188.0 t {"id":3,"a":"kept"}', 'c 2696.0 t {"id":5,"a":"kept too"}', 'is mariadb:0-1-24'],
      ['c 2936.0 m {"id":3,"a":"stays"}', 'is mariadb:0-1-25'],
      ['is mariadb:0-1-26'],
      ['table-cleared TRUNCATE TABLE m', 'is mariadb:0-1-27'],
    ]);
  });

  it('gives the rows of an XA transaction with its commit, and none of one that was rolled back', async () => {
    expect(await read('mariadb-xa')).toEqual([
      ['is mariadb:0-1-35'],
      ['c 548.0 t {"id":10,"a":"prepared"}', "xid X'61',X'62',7", 'is mariadb:0-1-36'],
      ['is mariadb:0-1-37'],
      ['is mariadb:0-1-38'],
      ['c 1519.0 t {"id":12,"a":"one phase"}', 'is mariadb:0-1-39'],
      ['c 1761.0 t {"id":13,"a":"after"}', 'is mariadb:0-1-40'],
    ]);
  });

  it('gives rows and statements that log_bin_compress packed', async () => {
    const [inserted, updated, deleted, created] = await transactionsIn(recordedEvents('mariadb-compressed'));
    expect(inserted!.rows.map(({ after }) => after)).toEqual([
      { id: 1, a: 'strangler '.repeat(18) },
      { id: 2, a: 'strangler '.repeat(18) },
    ]);
    expect([updated!.rows.length, deleted!.rows[0]!.before!.id]).toEqual([2, 1]);
    expect(created!.schemaChanges![0]).toMatch(/^CREATE TABLE long_name_.* TEXT\)$/);
  });

  it('reports writes that were logged as statements, with their variables', async () => {
    expect(await read('mariadb-statements')).toEqual([
      ['statement-format INSERT INTO t VALUES (30, @v)', 'is mariadb:0-1-59'],
      ['statement-format UPDATE t SET a = RAND() WHERE id = 30', 'is mariadb:0-1-60'],
      ['is mariadb:0-1-61'],
      ["statement-format INSERT INTO counted (a) VALUES ('x')", 'is mariadb:0-1-62'],
      ['c 1376.0 t {"id":31,"a":"as a row"}', 'is mariadb:0-1-63'],
    ]);
  });
});

describe('a binlog that MySQL wrote', () => {
  it('gives transactions with their rows, the trace of the statement and the session that wrote them', async () => {
    const found = await transactionsIn(recordedEvents('mysql-transactions'));
    expect(found.map(told)).toEqual([
      ['c 557.0 t {"id":1,"a":"x"}', 'c 557.1 t {"id":2,"a":"y"}', `is mysql:${uuid}:8`],
      ['u 927.0 t {"id":1,"a":"z"}', 'd 1258.0 t {"id":2,"a":"y"}', `is mysql:${uuid}:9`],
      [`is mysql:${uuid}:10`],
      ['c 1956.0 t {"id":3,"a":"kept"}', 'c 2216.0 t {"id":5,"a":"kept too"}', `is mysql:${uuid}:11`],
      [`is mysql:${uuid}:12`],
      ['table-cleared TRUNCATE TABLE m', `is mysql:${uuid}:13`],
    ]);
    expect(found.map(({ rows }) => rows[0]?.traceparent).slice(0, 2)).toEqual([trace, undefined]);
    expect(new Set(found.map(({ connection }) => connection))).toEqual(new Set([10]));
    expect(found.at(-1)!.position).toBe(`mysql:${uuid}:1-13`);
  });

  it('gives the rows of an XA transaction with its commit, and none of one that was rolled back', async () => {
    const found = await transactionsIn(recordedEvents('mysql-xa'));
    expect(found.map(told)).toEqual([
      [`is mysql:${uuid}:22`],
      ['c 498.0 t {"id":10,"a":"prepared"}', "xid X'61',X'62',7", `is mysql:${uuid}:23`],
      [`is mysql:${uuid}:24`],
      [`is mysql:${uuid}:25`],
      ['c 1825.0 t {"id":12,"a":"one phase"}', `is mysql:${uuid}:26`],
      ['c 2296.0 t {"id":13,"a":"after"}', `is mysql:${uuid}:27`],
    ]);
    expect(found.map(({ resume }) => resume)).toEqual([
      `mysql:${uuid}:1-21`,
      undefined,
      `mysql:${uuid}:1-23`,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('gives the rows of compressed transactions, each at a place of its own', async () => {
    const found = await transactionsIn(recordedEvents('mysql-compressed'));
    expect(found.map(({ rows }) => rows.map(({ op, pos, row }) => `${op} ${pos}.${row}`))).toEqual([
      ['c 513.0', 'c 513.1'],
      ['u 825.0', 'u 825.1'],
      ['d 1156.0'],
      [],
    ]);
    expect(found[1]!.rows[1]!.after).toEqual({ id: 2, a: 'gateway '.repeat(20) });
    expect(found[0]!.connection).toBe(12);
  });

  it('knows transactions by GTIDs with a tag', async () => {
    const found = await transactionsIn(recordedEvents('mysql-tagged'));
    expect(found.map(({ name }) => name)).toEqual([
      `mysql:${uuid}:orders:1`,
      `mysql:${uuid}:orders:2`,
      `mysql:${uuid}:48`,
    ]);
    expect(found.at(-1)!.position).toBe(`mysql:${uuid}:1-48:orders:1-2`);
  });

  it('knows transactions without GTIDs by the place where they begin, and goes on behind where they end', async () => {
    const found = await transactionsIn(recordedEvents('mysql-anonymous'));
    expect(found.slice(0, 2).map(({ name, gtid, position }) => [name, gtid, position])).toEqual([
      ['file:1@binlog.000001:246', 'binlog.000001', 'file:1@binlog.000001:687'],
      ['file:1@binlog.000001:687', 'binlog.000001', 'file:1@binlog.000001:1380'],
    ]);
    expect(found.map(({ rows }) => rows.length)).toEqual([2, 2, 0, 1, 1, 2, 1, 0, 0]);
  });

  it('gives documents whole where only their changes were logged', async () => {
    const found = await transactionsIn(recordedEvents('mysql-partial'));
    const documents = found.flatMap(({ rows }) => rows.map(({ after }) => JSON.parse(String(after!.d))));
    expect(documents.map(({ a, b }) => ({ a, b }))).toEqual([
      { a: 1, b: ['x', { c: 2 }] },
      { a: 2, b: ['x', { c: 3 }] },
      { b: ['x', { c: 3 }] },
    ]);
  });

  it('reports writes that were logged as statements', async () => {
    expect((await read('mysql-statements')).flat().filter((line) => !line.startsWith('is'))).toEqual([
      'statement-format INSERT INTO t VALUES (30, @v)',
      'statement-format UPDATE t SET a = RAND() WHERE id = 30',
      "statement-format INSERT INTO counted (a) VALUES ('x')",
      'c 1819.0 t {"id":31,"a":"as a row"}',
    ]);
  });
});

describe('the head of a binlog', () => {
  const events = recordedEvents('mysql-transactions');
  const withHead = (change: (description: Buffer) => void) => {
    const description = Buffer.from(events[0]!);
    change(description);
    return [description, ...events.slice(1)];
  };

  it('may say that its server has the file open, which its checksum does not know', async () => {
    expect(await transactionsIn(withHead((description) => description.writeUInt16LE(1, 17)))).toHaveLength(6);
  });

  it.each(['5.5.27-log', '5.6.0', '5.1.63-google', '5.2.14-MariaDB'])(
    'of a server %s is refused as such',
    async (version) => {
      const old = withHead((description) => description.fill(0, 21, 71).write(version, 21, 'latin1'));
      await expect(transactionsIn(old)).rejects.toMatchObject({
        code: 'binlog-undecodable',
        message: expect.stringMatching(`binlog\\.000001:4 .*found the binlog of a server ${version}, expected`),
      });
    },
  );

  it('is followed by transactions that say where they begin; others, as old servers wrote them, are refused and not left out', async () => {
    const nameless = events.filter((event) => event[4] !== 33);
    await expect(transactionsIn(nameless)).rejects.toMatchObject({
      code: 'binlog-undecodable',
      message: expect.stringContaining('before any event that begins a transaction'),
    });
  });
});

describe('a damaged binlog', () => {
  const events = recordedEvents('mysql-transactions');
  const damaged = (index: number, change: (event: Buffer) => void) =>
    events.map((event, at) => {
      const copy = Buffer.from(event);
      if (at === index) change(copy);
      return copy;
    });
  const flip = (event: Buffer, at: number, bit: number) => {
    event[at] = event[at]! ^ (1 << bit);
  };
  const corrected = (event: Buffer) => event.writeUInt32LE(crc32(event.subarray(0, -4)), event.length - 4);

  it('is found out by any bit that changed, in every event, with file and offset', async () => {
    let offset = 4;
    for (const [index, event] of events.entries()) {
      // The length is what the stream is cut by.
      const at = (index * 7) % (event.length - 14);
      const bytes = damaged(index, (copy) => flip(copy, at < 9 ? at : at + 4, index % 8));
      await expect(transactionsIn(bytes), `event ${index}`).rejects.toMatchObject({
        code: expect.stringMatching(/^binlog-(corrupt|undecodable)$/),
        message: expect.stringContaining(`binlog.000001:${offset}`),
      });
      offset += event.length;
    }
  });

  it('is refused where an event says another length than it has', async () => {
    await expect(transactionsIn(damaged(3, (event) => event.writeUInt32LE(17, 9)))).rejects.toMatchObject({
      code: 'binlog-corrupt',
    });
  });

  it('is refused where it holds an event of unknown type, but not where that may be ignored', async () => {
    const gtid = events.findIndex((event) => event[4] === 33);
    const unknown = (flags: number) =>
      damaged(gtid - 1, (event) => {
        event[4] = 99;
        event.writeUInt16LE(flags, 17);
        corrected(event);
      });
    await expect(transactionsIn(unknown(0))).rejects.toMatchObject({
      code: 'binlog-undecodable',
      message: expect.stringContaining('(type 99): an event that this reader does not know'),
    });
    expect(await transactionsIn(unknown(0x80))).toHaveLength(6);
  });

  it('is refused where the server says that it could not write everything', async () => {
    const incident = damaged(1, (event) => {
      event[4] = 26;
      corrected(event);
    });
    await expect(transactionsIn(incident)).rejects.toThrow('could not write all changes');
  });

  it('gives what was whole before the damage', async () => {
    const found: string[] = [];
    const broken = damaged(events.length - 2, (event) => flip(event, 20, 0));
    const reading = (async () => {
      for await (const batch of transactionsOf(streamOf(broken), recordedOptions()))
        found.push(...batch.map(({ gtid }) => gtid));
    })();
    await expect(reading).rejects.toMatchObject({ code: 'binlog-corrupt' });
    expect(found).toEqual([8, 9, 10, 11, 12].map((number) => `${uuid}:${number}`));
  });
});
