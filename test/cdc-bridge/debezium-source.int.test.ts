import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import kafkajs from 'kafkajs';
import { afterAll, describe, expect, it } from 'vitest';
import type { Row, RowChange } from '../../cdc-bridge/mapping/row-change.ts';
import { binlogSource } from '../../cdc-bridge/source/binlog/binlog-source.ts';
import type { ChangeSource, SourceTransaction } from '../../cdc-bridge/source/change-source.ts';
import { connectionSettings } from '../../cdc-bridge/source/connection-settings.ts';
import { debeziumSource } from '../../cdc-bridge/source/debezium/debezium-source.ts';
import { LegacyDatabase } from '../../cdc-bridge/source/legacy-database.ts';
import { reconnecting } from '../../cdc-bridge/source/reconnecting.ts';
import { requireRealPart } from '../real-parts/real-part.ts';
import { type DebeziumRig, type RigWish, startRig } from './debezium-rig.ts';
import { bridgeConfig, type Legacy } from './legacy.ts';

/** Columns of every kind that Debezium tells whole. */
const types = `CREATE TABLE types (id BIGINT UNSIGNED PRIMARY KEY, ti TINYINT, bo TINYINT(1), bits BIT(10), bit BIT(1), si SMALLINT UNSIGNED, mi MEDIUMINT,
  i INT UNSIGNED, big BIGINT UNSIGNED, f FLOAT, d DOUBLE, de DECIMAL(20,4), wide DECIMAL(65,30), da DATE, dt DATETIME, dt3 DATETIME(3), dt6 DATETIME(6),
  ts TIMESTAMP NULL, ts6 TIMESTAMP(6) NULL, t TIME, t6 TIME(6), y YEAR, ch CHAR(5), vc VARCHAR(50), l1 VARCHAR(50) CHARACTER SET latin1,
  vb VARBINARY(20), bl BLOB, tx TEXT, e ENUM('a','b,c','d'), s SET('x','y','z'), js JSON, g POINT, dflt INT DEFAULT 7)`;

const firstRow = `INSERT INTO types VALUES (1, -128, 1, b'1000000001', b'1', 65535, -8388608, 4294967295, 18446744073709551615, 0.1, 0.1,
  '1234567890123456.7891', '1.000000000000000000000000000001', '2024-02-29', '2024-02-29 23:59:59', '2024-02-29 23:59:59.120', '9999-12-31 23:59:59.999999',
  '2024-02-29 23:59:59', '2024-02-29 23:59:59.000001', '23:59:59', '12:34:56.000007', 2024, 'ab', 'grüße 😀', 'grüße',
  x'ff00', 'blob', 'text', 'b,c', 'x,z', '{"a": 1, "b": [1, 2, "ü"]}', POINT(1, 2), NULL)`;

const secondRow =
  "INSERT INTO types (id, bo, big, de, dt, dt6, da, t, t6, y, e) VALUES (9223372036854775808, 2, 9007199254740993, '-0.0001', '1000-01-01', '1969-12-31 23:59:59.999999', '1000-01-01', '-25:00:01', '-838:59:58.5', 1901, '')";

const nothingSpecial = [
  "INSERT INTO shipments (sender, receiver, price, estimated_arrival, created_at) VALUES ('a', 'b', 1.50, '2026-01-02', '2026-01-01'), ('c', 'd', 2, '2026-01-03', '2026-01-01')",
  'BEGIN',
  "UPDATE shipments SET shipment_status = 'delayed' WHERE id = 1",
  "INSERT INTO packing_list_items (shipment_id, description) VALUES (1, 'chairs'), (1, 'tables'), (2, 'lamps')",
  'UPDATE shipments SET price = price + 1',
  "DELETE FROM packing_list_items WHERE description = 'tables'",
  'COMMIT',
  "UPDATE shipments SET id = 10 WHERE id = 2 /*traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'*/",
  "REPLACE INTO pairs VALUES (1, 2, 'new')",
  'UPDATE pairs SET b = b + 10',
  "INSERT INTO keyless VALUES (1, 'x'), (1, 'x')",
  "UPDATE keyless SET b = 'y' LIMIT 1",
  'DELETE FROM keyless',
  firstRow,
  secondRow,
  'UPDATE types SET big = big - 1, f = 3.4e38, d = -1e-300 WHERE id = 1',
  'CREATE TABLE late (id INT PRIMARY KEY, a DATETIME)',
  "INSERT INTO late VALUES (1, '2026-01-01 01:02:03')",
  'ALTER TABLE late ADD COLUMN b INT DEFAULT 5, MODIFY a DATETIME(6)',
  "INSERT INTO late VALUES (2, '2026-01-01 01:02:03.000004', NULL)",
  'TRUNCATE TABLE late',
  'DROP TABLE late',
  'DELETE FROM shipments',
];

async function prepare(legacy: Legacy): Promise<void> {
  await legacy.run(types);
  await legacy.run('CREATE TABLE pairs (a INT, b INT, c VARCHAR(10), PRIMARY KEY (a, b))');
  await legacy.run("INSERT INTO pairs VALUES (1, 2, 'old'), (3, 4, 'other')");
  await legacy.run('CREATE TABLE keyless (a INT, b VARCHAR(10))');
}

/** Where the connector is told to read a table once more, without a table for signals in the legacy database. */
const signals = join(mkdtempSync(join(tmpdir(), 'signals-')), 'signals.jsonl');
afterAll(() => rmSync(dirname(signals), { recursive: true, force: true }));

const wishes: readonly [string, string, RigWish & { amid?: (rig: DebeziumRig) => Promise<void> }][] = [
  [
    'Debezium (MariaDB, plain JSON)',
    'plain JSON, with an incremental snapshot amid the changes',
    {
      connector: 'mariadb',
      prepare,
      options: {
        'read.only': 'true',
        'signal.enabled.channels': 'file',
        'signal.file': signals,
        'signal.poll.interval.ms': '200',
      },
      amid: readPairsAgain,
    },
  ],
  [
    'Debezium (MariaDB, with schemas, other encodings)',
    'messages with their schemas, and the connector’s own encodings',
    {
      connector: 'mariadb',
      prepare,
      schemas: true,
      encodings: {},
      options: {
        'decimal.handling.mode': 'precise',
        'bigint.unsigned.handling.mode': 'precise',
        'time.precision.mode': 'microseconds',
        'binary.handling.mode': 'bytes',
      },
    },
  ],
  [
    'Debezium (MariaDB, no transaction topic)',
    'no transaction topic, microseconds and hexadecimal bytes',
    {
      connector: 'mariadb',
      prepare,
      encodings: { decimal: 'string', time: 'microseconds', bigintUnsigned: 'long', binary: 'hex' },
      options: {
        'provide.transaction.metadata': 'false',
        'time.precision.mode': 'microseconds',
        'binary.handling.mode': 'hex',
      },
    },
  ],
  [
    'Debezium (MySQL, several partitions)',
    'MySQL, the topics of rows in several partitions',
    {
      connector: 'mysql',
      prepare,
      options: {
        'topic.creation.default.partitions': '1',
        'topic.creation.default.replication.factor': '1',
        'topic.creation.groups': 'rows',
        'topic.creation.rows.include': 'leg\\..*\\..*',
        'topic.creation.rows.partitions': '3',
        'topic.creation.rows.replication.factor': '1',
      },
    },
  ],
];

describe.each(wishes)('%s', (name, _, wish) => {
  const rig = requireRealPart(name, () => startRig(wish));
  let database: LegacyDatabase | undefined;
  afterAll(() => database?.close());

  it('gives the same changes at the same places as the binlog, however little may be held', async () => {
    const { legacy } = rig();
    database = await LegacyDatabase.connect(connectionSettings(legacy.url));
    const from = await legacy.position();
    for (const statement of nothingSpecial) await legacy.run(statement);
    await wish.amid?.(rig());
    const last = "INSERT INTO pairs VALUES (99, 99, 'last')";
    await legacy.run(last);
    const own = await untilLast(
      binlogSource(database, bridgeConfig(legacy).database, () => {}),
      from,
    );
    for (const maxHeldBytes of [bridgeConfig(legacy).database.maxHeld, 1]) {
      const theirs = await untilLast(topicsOf(rig(), database, maxHeldBytes), from);
      expect(theirs.flatMap(comparable)).toEqual(own.flatMap(comparable));
    }
    expect(own.flatMap(({ rows }) => rows).length).toBeGreaterThan(25);
  }, 120_000);
});

async function readPairsAgain({ legacy, kafka }: DebeziumRig): Promise<void> {
  const data = { 'data-collections': [`${legacy.name}.pairs`], type: 'INCREMENTAL' };
  writeFileSync(signals, `${JSON.stringify({ id: 'again', type: 'execute-snapshot', data })}\n`);
  const client = new kafkajs.Kafka({ brokers: [kafka.broker], logLevel: kafkajs.logLevel.NOTHING });
  const consumer = client.consumer({ groupId: 'again', maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topics: [`leg.${legacy.name}.pairs`], fromBeginning: true });
  await new Promise<void>((resolve) => {
    const eachMessage = async ({ message }: kafkajs.EachMessagePayload) => {
      if (message.value?.includes('"snapshot":"incremental"')) resolve();
    };
    void consumer.run({ eachMessage });
  });
  await consumer.disconnect();
}

function topicsOf({ topics }: DebeziumRig, database: LegacyDatabase, maxHeldBytes: number): ChangeSource {
  const deaf = { connected: () => {}, altered: () => {}, silent: () => {} };
  return reconnecting(debeziumSource(topics, database, maxHeldBytes, deaf), () => {});
}

/** Everything up to the row that was written last. */
async function untilLast(source: ChangeSource, position: string): Promise<SourceTransaction[]> {
  const stop = new AbortController();
  const read: SourceTransaction[] = [];
  const isLast = ({ table, after }: RowChange) => table === 'pairs' && after?.a === 99;
  for await (const batch of source.follow({ position }, AbortSignal.any([stop.signal, AbortSignal.timeout(60_000)]))) {
    read.push(...batch);
    if (batch.some(({ rows }) => rows.some(isLast))) break;
  }
  stop.abort();
  return read;
}

/** Of JSON the document: Debezium spells that of MySQL in another way. */
function withDocument(row: Row | undefined): Row | undefined {
  return typeof row?.js === 'string' ? { ...row, js: JSON.parse(row.js) } : row;
}

/** What both must tell alike; transactions that tell nothing are left out by either as it likes. */
function comparable({ gtid, name, unsettled, unread, rows }: SourceTransaction) {
  if (rows.length === 0 && unread.length === 0) return [];
  const changes = rows.map(({ table, op, before, after, pos, row, traceparent }) => ({
    place: `${table} ${op} ${pos}:${row}`,
    before: withDocument(before),
    after: withDocument(after),
    traceparent,
  }));
  return [{ gtid, name, unsettled, unread: unread.map(({ reason, tables }) => ({ reason, tables })), changes }];
}
