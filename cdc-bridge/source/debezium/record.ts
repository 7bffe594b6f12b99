import { BridgeError } from '../../errors.ts';
import type { DescribedColumn } from './column-type.ts';
import type { ConnectField } from './encodings.ts';
import { parseExactJson } from './exact-json.ts';

/** A message of Kafka, as far as it is needed here. */
export interface TopicMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since 1970 at which it was sent. */
  readonly sentAt: number;
  readonly value: Buffer | null;
}

/** Where in the binlog a record comes from: Debezium's `source`. */
export interface RecordSource {
  readonly db: string;
  readonly table: string;
  /** Null in a snapshot. */
  readonly gtid: string | null;
  readonly file: string;
  readonly pos: number;
  readonly row: number;
  readonly committedAtMs: number;
  readonly query: string | null;
  readonly fromSnapshot: boolean;
  /** Read by an incremental snapshot, which runs beside the stream. */
  readonly isIncremental: boolean;
}

export type ImageValues = Readonly<Record<string, unknown>>;

export interface RowRecord {
  readonly kind: 'row';
  readonly op: 'c' | 'u' | 'd' | 'r' | 't';
  readonly source: RecordSource;
  readonly before: ImageValues | null;
  readonly after: ImageValues | null;
  /** The fields' schemas by column, where the message carries its schema. */
  readonly fields: ReadonlyMap<string, ConnectField> | undefined;
  /** Place among all rows of its transaction, from 1, where Debezium publishes transactions; begins anew when the connector was restarted inside. */
  readonly totalOrder: number | undefined;
  readonly bytes: number;
}

export interface BoundaryRecord {
  readonly kind: 'begin' | 'end';
  readonly gtid: string;
  readonly atMs: number;
  /** How many rows were published since the begin, of an end. */
  readonly rows: number;
}

export interface SchemaRecord {
  readonly kind: 'schema';
  readonly source: RecordSource;
  readonly ddl: string;
  readonly tables: readonly { readonly id: string; readonly columns: readonly DescribedColumn[] }[];
}

export type DebeziumRecord = RowRecord | BoundaryRecord | SchemaRecord | { readonly kind: 'heartbeat' | 'tombstone' };

/** The topics of one connector, by what is in them. */
export interface TopicNames {
  /** The connector's topic.prefix: begins every topic of rows, and is the topic of schema changes. */
  readonly prefix: string;
  readonly transaction: string;
  readonly heartbeat: string;
}

/** Whether the connector writes there. */
export function isOurs(topic: string, { prefix, transaction, heartbeat }: TopicNames): boolean {
  return topic === prefix || topic === transaction || topic === heartbeat || topic.startsWith(`${prefix}.`);
}

/** Understands a message by its topic and its form. Throws BridgeError `debezium-unusable` saying where and what was found. */
export function readRecord(message: TopicMessage, names: TopicNames): DebeziumRecord {
  if (message.value === null) return { kind: 'tombstone' };
  if (message.topic === names.heartbeat) return { kind: 'heartbeat' };
  const { payload, schema } = unwrapped(message);
  if (message.topic === names.transaction) return boundary(message, payload);
  if (message.topic === names.prefix) return schemaChange(message, payload);
  return rowRecord(message, payload, schema);
}

type Fields = Readonly<Record<string, unknown>>;

function unwrapped(message: TopicMessage): { payload: Fields; schema: ConnectField | undefined } {
  let parsed: unknown;
  try {
    parsed = parseExactJson(message.value!.toString('utf8'));
  } catch (cause) {
    throw unusable(message, 'a value that is not JSON (Avro and Protobuf are not read: use the JsonConverter)', cause);
  }
  if (typeof parsed !== 'object' || parsed === null) throw unusable(message, 'a value that is no JSON object');
  const value = parsed as Fields;
  const carriesSchema = 'schema' in value && 'payload' in value;
  return carriesSchema
    ? { payload: value.payload as Fields, schema: value.schema as ConnectField }
    : { payload: value, schema: undefined };
}

function boundary(message: TopicMessage, payload: Fields): BoundaryRecord {
  const { status, id, ts_ms: atMs, event_count: count } = payload;
  if ((status !== 'BEGIN' && status !== 'END') || typeof id !== 'string')
    throw unusable(message, 'no BEGIN or END of a transaction');
  return {
    kind: status === 'BEGIN' ? 'begin' : 'end',
    gtid: id,
    atMs: Number(atMs),
    rows: Number(count ?? 0),
  };
}

function schemaChange(message: TopicMessage, payload: Fields): SchemaRecord {
  const changes = (payload.tableChanges ?? []) as { id: string; table: { columns: DescribedColumn[] } | null }[];
  return {
    kind: 'schema',
    source: sourceOf(message, payload),
    ddl: String(payload.ddl ?? ''),
    tables: changes.flatMap(({ id, table }) =>
      table ? [{ id: id.replace(/^"|"$/g, '').replace('"."', '.'), columns: table.columns }] : [],
    ),
  };
}

const ops = new Set(['c', 'u', 'd', 'r', 't']);

function rowRecord(message: TopicMessage, payload: Fields, schema: ConnectField | undefined): RowRecord {
  const { op, before, after, transaction } = payload;
  if (typeof op !== 'string' || !ops.has(op))
    throw unusable(
      message,
      'no envelope of Debezium (before, after, source, op): take the transform that flattens it (ExtractNewRecordState) out of the connector',
    );
  return {
    kind: 'row',
    op: op as RowRecord['op'],
    source: sourceOf(message, payload),
    before: (before ?? null) as ImageValues | null,
    after: (after ?? null) as ImageValues | null,
    fields: schema && fieldsOf(schema),
    totalOrder: totalOrderOf(transaction),
    bytes: message.value!.length,
  };
}

function totalOrderOf(transaction: unknown): number | undefined {
  return transaction ? Number((transaction as Fields).total_order) : undefined;
}

function fieldsOf(schema: ConnectField): ReadonlyMap<string, ConnectField> {
  const image = schema.fields?.find(({ field }) => field === 'after');
  return new Map(image?.fields?.map((each) => [each.field!, each]));
}

function sourceOf(message: TopicMessage, payload: Fields): RecordSource {
  const source = payload.source as Fields | undefined;
  if (!source || typeof source.file !== 'string')
    throw unusable(message, 'a source without a binlog file (expected Debezium’s MariaDB or MySQL connector)');
  const fromSnapshot = !(source.snapshot === null || source.snapshot === undefined || source.snapshot === 'false');
  return {
    db: String(source.db),
    table: String(source.table ?? ''),
    gtid: typeof source.gtid === 'string' ? source.gtid : null,
    file: source.file,
    pos: Number(source.pos),
    row: Number(source.row ?? 0),
    committedAtMs: Number(source.ts_ms),
    query: typeof source.query === 'string' ? source.query : null,
    fromSnapshot,
    isIncremental: source.snapshot === 'incremental',
  };
}

function unusable({ topic, partition, offset }: TopicMessage, found: string, cause?: unknown): BridgeError {
  return new BridgeError(
    'debezium-unusable',
    `topic ${topic}, partition ${partition}, offset ${offset}: found ${found}`,
    {
      cause,
    },
  );
}
