import { createConnection } from 'mysql2/promise';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { binlogSource } from '../../cdc-bridge/source/binlog/binlog-source.ts';
import { resumePoint, type SourceTransaction } from '../../cdc-bridge/source/change-source.ts';
import { connectionSettings } from '../../cdc-bridge/source/connection-settings.ts';
import { LegacyDatabase } from '../../cdc-bridge/source/legacy-database.ts';
import { startMysql } from '../real-parts/mysql.ts';
import { requireRealPart } from '../real-parts/real-part.ts';
import { bridgeConfig, createLegacy, type Legacy, onBothServers, onMysql } from './legacy.ts';

const waitMs = 50_000;

/** What a test of the source works on: a database with an InnoDB table t and a MyISAM table m, and the source. */
class Bench {
  readonly legacy: Legacy;
  readonly database: LegacyDatabase;

  private constructor(legacy: Legacy, database: LegacyDatabase) {
    this.legacy = legacy;
    this.database = database;
  }

  static async on(legacy: Legacy): Promise<Bench> {
    await legacy.run('CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(250))');
    await legacy.run('CREATE TABLE m (id INT PRIMARY KEY, a VARCHAR(250)) ENGINE = MyISAM');
    return new Bench(legacy, await LegacyDatabase.connect(connectionSettings(legacy.url)));
  }

  async run(...statements: string[]): Promise<void> {
    for (const statement of statements) await this.legacy.run(statement);
  }

  head(): Promise<string> {
    return this.database.head();
  }

  /** Every transaction behind the position up to the head as it is now; of each what is left when its rows are gone. */
  async readOn(
    from: Parameters<ReturnType<typeof binlogSource>['follow']>[0],
    see: (transaction: SourceTransaction) => void,
  ): Promise<void> {
    const last = await this.marker();
    const source = binlogSource(this.database, bridgeConfig(this.legacy).database, () => {});
    for await (const batch of source.follow(from, AbortSignal.timeout(waitMs))) {
      for (const transaction of batch) {
        if (transaction.rows[0]?.table === 't' && transaction.rows[0].after?.id === last) return;
        see(transaction);
      }
    }
    throw new Error('the marker was not read');
  }

  async read(from: Parameters<typeof this.readOn>[0]): Promise<SourceTransaction[]> {
    const found: SourceTransaction[] = [];
    await this.readOn(from, (transaction) => found.push(transaction));
    return found;
  }

  /** A last row, by which a reader knows that it has seen all before. */
  async marker(): Promise<number> {
    const id = 1_000_000 + (Math.floor(performance.now() * 1_000) % 1_000_000_000);
    const other = await createConnection({ uri: this.legacy.url });
    await other.query('INSERT INTO t VALUES (?, ?)', [id, 'marker']);
    await other.end();
    return id;
  }

  async end(): Promise<void> {
    await this.database.close();
    await this.legacy.drop();
  }
}

const changes = (transactions: readonly SourceTransaction[]) =>
  transactions
    .filter(({ rows }) => rows.length > 0)
    .map(({ rows }) => rows.map(({ table, after }) => [table, after?.id]));

onBothServers((create) => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await Bench.on(await create());
  });
  afterEach(() => bench?.end());

  describe('an XA transaction', () => {
    const prepared = (xid: string, id: number) => [
      `XA START '${xid}'`,
      `INSERT INTO t VALUES (${id}, 'x')`,
      `XA END '${xid}'`,
      `XA PREPARE '${xid}'`,
    ];
    // A second of the same name would be refused by a server that other tests use too.
    const name = () => `${bench.legacy.name}-${performance.now()}`;

    it('counts when it is committed, by another session too, and not when it is rolled back', async () => {
      const position = await bench.head();
      const [kept, dropped] = [name(), name()];
      await bench.run(...prepared(kept, 1));
      const other = await createConnection({ uri: bench.legacy.url });
      await other.query("INSERT INTO t VALUES (2, 'between')");
      await bench.run(`XA COMMIT '${kept}'`, ...prepared(dropped, 3), `XA ROLLBACK '${dropped}'`);
      await other.query("INSERT INTO t VALUES (4, 'after')");
      await other.end();
      const found = await bench.read({ position });
      expect(changes(found)).toEqual([[['t', 2]], [['t', 1]], [['t', 4]]]);
      expect(found.find(({ xid }) => xid)?.xid).toContain(Buffer.from(kept).toString('hex'));
    });

    it('is given whole when the bridge starts again while it is prepared', async () => {
      const position = await bench.head();
      const xid = name();
      await bench.run(...prepared(xid, 1));
      const first = await bench.read({ position });
      expect(changes(first)).toEqual([]);
      const point = resumePoint(first.at(-1)!);
      expect(point.resume).toBeDefined();
      await bench.run(`XA COMMIT '${xid}'`);
      const second = await bench.read(point);
      expect(changes(second)[1]).toEqual([['t', 1]]);
    });
  });

  it('takes back what a savepoint or a rollback took back, and leaves what MyISAM has kept', async () => {
    const position = await bench.head();
    const mixed = bench.legacy.flavour === 'mariadb';
    await bench.run(
      'BEGIN',
      "INSERT INTO t VALUES (1, 'kept')",
      'SAVEPOINT here',
      "INSERT INTO t VALUES (2, 'gone')",
      ...(mixed ? ["INSERT INTO m SELECT id + 100, 'stays' FROM t"] : []),
      'ROLLBACK TO here',
      "INSERT INTO t VALUES (3, 'kept')",
      'COMMIT',
      'BEGIN',
      "INSERT INTO t VALUES (4, 'gone')",
      ...(mixed ? ["INSERT INTO m VALUES (200, 'stays')"] : []),
      'ROLLBACK',
    );
    const found = await bench.read({ position });
    expect(changes(found).flat()).toEqual(
      mixed
        ? [
            ['m', 101],
            ['m', 102],
            ['t', 1],
            ['t', 3],
            ['m', 200],
          ]
        : [
            ['t', 1],
            ['t', 3],
          ],
    );
    expect(found.some(({ unsettled }) => unsettled)).toBe(false);
  });

  it('gives back one transaction of 200,000 rows in pieces, in bounded memory', async () => {
    const position = await bench.head();
    await bench.run('CREATE TABLE digits (d INT)', 'INSERT INTO digits VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)');
    const { connection } = bench.legacy;
    await connection.query(
      `INSERT INTO t SELECT a.d + b.d * 10 + c.d * 100 + e.d * 1000 + f.d * 10000 + g.d * 100000, REPEAT('x', 100)
       FROM digits a, digits b, digits c, digits e, digits f, digits g WHERE g.d < 2`,
    );
    let rows = 0;
    let pieces = 0;
    let held = 0;
    const names = new Set<string>();
    await bench.readOn({ position }, ({ rows: batch, piece, name, position: reached }) => {
      if (!piece) return;
      expect(piece.index).toBe(pieces);
      if (!piece.last) names.add(`${name} before ${reached}`);
      pieces += 1;
      rows += batch.length;
      held = Math.max(held, batch.length);
    });
    expect(rows).toBe(200_000);
    expect(names.size).toBe(1);
    expect(held).toBeLessThan(10_000);
    expect(process.memoryUsage.rss()).toBeLessThan(1_500_000_000);
  });

  it('reports a write that was logged as a statement', async () => {
    const position = await bench.head();
    const statement = "INSERT INTO t VALUES (5, 'as text')";
    await bench.run("SET SESSION binlog_format = 'STATEMENT'", statement, "SET SESSION binlog_format = 'ROW'");
    const found = await bench.read({ position });
    expect(found.flatMap(({ unread }) => unread)).toEqual([{ reason: 'statement-format', sql: statement }]);
  });

  it('reads what the server compresses', async () => {
    const position = await bench.head();
    const mariadb = bench.legacy.flavour === 'mariadb';
    const global = (value: string) => bench.run(`SET GLOBAL log_bin_compress = ${value}`);
    if (mariadb) await global('ON');
    else await bench.run('SET SESSION binlog_transaction_compression = ON');
    try {
      await bench.run(
        "INSERT INTO t VALUES (1, REPEAT('long ', 45)), (2, REPEAT('text ', 45))",
        "UPDATE t SET a = REPEAT('other', 45)",
      );
      const found = await bench.read({ position });
      expect(found.flatMap(({ rows }) => rows.map(({ op, after }) => [op, after!.a]))).toEqual([
        ['c', 'long '.repeat(45)],
        ['c', 'text '.repeat(45)],
        ['u', 'other'.repeat(45)],
        ['u', 'other'.repeat(45)],
      ]);
    } finally {
      if (mariadb) await global('OFF');
    }
  });
});

onMysql((create) => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await Bench.on(await create());
  });
  afterEach(() => bench?.end());

  it('goes on behind transactions with tags', async () => {
    const position = await bench.head();
    await bench.run(
      "SET gtid_next = 'AUTOMATIC:orders'",
      "INSERT INTO t VALUES (1, 'x')",
      "INSERT INTO t VALUES (2, 'y')",
    );
    await bench.run("SET gtid_next = 'AUTOMATIC'", "INSERT INTO t VALUES (3, 'z')");
    const found = await bench.read({ position });
    const first = found.find(({ rows }) => rows.length > 0)!;
    expect(first.name).toMatch(/:orders:\d+$/);
    const rest = await bench.read(resumePoint(first));
    expect(changes(rest).slice(0, 2)).toEqual([[['t', 2]], [['t', 3]]]);
  });

  it('tells the session that wrote a transaction', async () => {
    const position = await bench.head();
    const [row] = await bench.legacy.run('SELECT CONNECTION_ID() AS id');
    await bench.run("INSERT INTO t VALUES (1, 'x')");
    expect((await bench.read({ position })).find(({ rows }) => rows.length > 0)!.connection).toBe(row!.id);
  });
});

describe('on a MySQL without GTIDs', () => {
  const mysql = requireRealPart('MySQL without GTIDs', () =>
    startMysql(['--gtid-mode=OFF', '--enforce-gtid-consistency=OFF']),
  );
  let bench: Bench;
  beforeEach(async () => {
    bench = await Bench.on(await createLegacy(new URL(mysql().url)));
  });
  afterEach(() => bench?.end());

  it('goes by file and offset, across files, and never gives twice', async () => {
    const position = await bench.head();
    expect(position).toMatch(/^file:[0-9a-f-]{36}@.+\.\d+:\d+$/);
    await bench.run("INSERT INTO t VALUES (1, 'x')", "INSERT INTO t VALUES (2, 'y')", 'FLUSH BINARY LOGS');
    await bench.run("INSERT INTO t VALUES (3, 'z')");
    const found = await bench.read({ position });
    expect(changes(found)).toEqual([[['t', 1]], [['t', 2]], [['t', 3]]]);
    const second = found.filter(({ rows }) => rows.length > 0)[1]!;
    expect(changes(await bench.read(resumePoint(second)))[0]).toEqual([['t', 3]]);
    expect(new Set(found.map(({ name }) => name)).size).toBe(found.length);
  });

  it('takes back what MyISAM has kept in a transaction that was rolled back', async () => {
    const position = await bench.head();
    await bench.run('BEGIN', "INSERT INTO t VALUES (1, 'gone')", "INSERT INTO m VALUES (2, 'stays')", 'ROLLBACK');
    expect(changes(await bench.read({ position }))).toEqual([[['m', 2]]]);
  });
});
