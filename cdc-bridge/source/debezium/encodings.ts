import { z } from 'zod';
import type { ColumnType } from './column-type.ts';

/** How a Debezium connector was told to write values: its settings, by the names of ours. */
export const encodingsSchema = z.strictObject({
  decimal: z.enum(['precise', 'string', 'double']).optional().meta({
    description: 'The connector’s decimal.handling.mode.',
  }),
  time: z
    .enum(['adaptive', 'adaptive_time_microseconds', 'connect', 'isostring', 'microseconds', 'nanoseconds'])
    .optional()
    .meta({ description: 'The connector’s time.precision.mode.' }),
  bigintUnsigned: z.enum(['long', 'precise']).optional().meta({
    description: 'The connector’s bigint.unsigned.handling.mode.',
  }),
  binary: z.enum(['bytes', 'base64', 'base64-url-safe', 'hex']).optional().meta({
    description: 'The connector’s binary.handling.mode.',
  }),
});

export type Encodings = Readonly<z.infer<typeof encodingsSchema>>;

/** What a number that stands for a time counts, or that it is a text. */
export type TimeUnit = 'days' | 'milliseconds' | 'microseconds' | 'nanoseconds' | 'text';

/** How the values of one column are written. */
export type ValueEncoding =
  | { readonly kind: 'plain' }
  | { readonly kind: 'decimal'; readonly mode: NonNullable<Encodings['decimal']> }
  | { readonly kind: 'time'; readonly unit: TimeUnit }
  | { readonly kind: 'bigintUnsigned'; readonly mode: NonNullable<Encodings['bigintUnsigned']> }
  | { readonly kind: 'binary'; readonly mode: NonNullable<Encodings['binary']> };

/** A field of a Connect schema, as far as it tells how a value is written. */
export interface ConnectField {
  readonly type: string;
  readonly field?: string | undefined;
  readonly name?: string | undefined;
  readonly fields?: readonly ConnectField[] | undefined;
}

/**
 * How a column is written: as the schema says that came with the message, else as the configuration says. A key of Encodings: neither says it.
 */
export function encodingOf(
  type: ColumnType,
  field: ConnectField | undefined,
  declared: Encodings,
): ValueEncoding | keyof Encodings {
  switch (kindOf(type)) {
    case 'plain':
      return { kind: 'plain' };
    case 'decimal':
      return found('decimal', field ? decimalMode(field) : declared.decimal);
    case 'bigintUnsigned':
      return found('bigintUnsigned', field ? (isDecimal(field) ? 'precise' : 'long') : declared.bigintUnsigned);
    case 'binary':
      // A schema tells bytes from text, not base64 from hex.
      return found('binary', field?.type === 'bytes' ? 'bytes' : declared.binary);
    case 'time': {
      const unit = field ? connectTimeUnits[field.name ?? ''] : declared.time && declaredUnit(declared.time, type);
      return unit ? { kind: 'time', unit } : 'time';
    }
  }
}

function found<K extends 'decimal' | 'bigintUnsigned' | 'binary'>(
  kind: K,
  mode: NonNullable<Encodings[K]> | undefined,
): ValueEncoding | K {
  return mode === undefined ? kind : ({ kind, mode } as ValueEncoding);
}

const binaryTypes = new Set(['binary', 'varbinary', 'tinyblob', 'blob', 'mediumblob', 'longblob']);
const timeTypes = new Set(['date', 'time', 'datetime', 'timestamp']);

function kindOf({ name, unsigned }: ColumnType): ValueEncoding['kind'] {
  if (name === 'decimal') return 'decimal';
  if (name === 'bigint' && unsigned) return 'bigintUnsigned';
  if (binaryTypes.has(name)) return 'binary';
  return timeTypes.has(name) ? 'time' : 'plain';
}

function declaredUnit(mode: NonNullable<Encodings['time']>, { name, scale }: ColumnType): TimeUnit {
  if (mode === 'isostring' || name === 'timestamp') return 'text';
  if (name === 'date') return 'days';
  if (mode === 'microseconds' || mode === 'nanoseconds') return mode;
  if (mode === 'connect') return 'milliseconds';
  if (mode === 'adaptive_time_microseconds' && name === 'time') return 'microseconds';
  return scale > 3 ? 'microseconds' : 'milliseconds';
}

const connectTimeUnits: Readonly<Record<string, TimeUnit>> = {
  'io.debezium.time.Date': 'days',
  'org.apache.kafka.connect.data.Date': 'days',
  'io.debezium.time.Time': 'milliseconds',
  'org.apache.kafka.connect.data.Time': 'milliseconds',
  'io.debezium.time.Timestamp': 'milliseconds',
  'org.apache.kafka.connect.data.Timestamp': 'milliseconds',
  'io.debezium.time.MicroTime': 'microseconds',
  'io.debezium.time.MicroTimestamp': 'microseconds',
  'io.debezium.time.NanoTime': 'nanoseconds',
  'io.debezium.time.NanoTimestamp': 'nanoseconds',
  'io.debezium.time.ZonedTimestamp': 'text',
  'io.debezium.time.IsoDate': 'text',
  'io.debezium.time.IsoTime': 'text',
  'io.debezium.time.IsoTimestamp': 'text',
};

function isDecimal({ name }: ConnectField): boolean {
  return name === 'org.apache.kafka.connect.data.Decimal';
}

function decimalMode(field: ConnectField): 'precise' | 'string' | 'double' {
  if (isDecimal(field)) return 'precise';
  return field.type === 'string' ? 'string' : 'double';
}
