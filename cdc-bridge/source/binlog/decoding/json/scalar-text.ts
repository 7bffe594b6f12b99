import { decimalFormat } from '../cells/decimal.ts';

/** Beyond these the server turns to the exponent: MAX_DECPT_FOR_F_FORMAT, strings/dtoa.cc. */
const maxFixedDigits = 15;

/**
 * A DOUBLE in JSON as MySQL prints it: the shortest digits that are this number, without exponent as long as that needs few zeros, and always
 * recognisable as no integer. `1.0`, `-0.0`, `0.1`, `123456789012345.0`, `1e100`, `1.5e-20`.
 */
export function doubleText(value: number): string {
  if (!Number.isFinite(value)) throw new RangeError('JSON: a DOUBLE that is no number');
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const [mantissa = '', exponent = ''] = Math.abs(value).toExponential().split('e');
  const digits = mantissa.replace('.', '');
  const sign = value < 0 ? '-' : '';
  const point = Number(exponent) + 1;
  const isFixed = point > -maxFixedDigits && (point <= maxFixedDigits || digits.length > point);
  if (!isFixed) return `${sign}${mantissa}e${point - 1}`;
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  const whole = digits.slice(0, point).padEnd(point, '0');
  return `${sign}${whole}.${digits.slice(point) || '0'}`;
}

const short: Readonly<Record<string, string>> = {
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r',
  '"': '\\"',
  '\\': '\\\\',
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what has to be escaped.
const special = /["\\\u0000-\u001f]/g;

/** Text in quotes: with a backslash what JSON demands, nothing else. */
export function quotedText(text: string): string {
  const escaped = text.replace(
    special,
    (one) => short[one] ?? `\\u00${one.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return `"${escaped}"`;
}

/** Column types of MySQL (enum_field_types) whose values JSON knows by more than their bytes. */
const timestamp = 7;
const date = 10;
const time = 11;
const datetime = 12;
const decimal = 246;

/** A value of a type that JSON does not have, from a column of that type. Throws a RangeError. */
export function opaqueText(columnType: number, bytes: Buffer): string {
  switch (columnType) {
    case decimal:
      return decimalText(bytes);
    case date:
      return `"${dateText(packed(bytes))}"`;
    case datetime:
    case timestamp:
      return `"${dateText(packed(bytes))} ${timeText(packed(bytes) & timeOfDay)}"`;
    case time:
      return `"${packed(bytes) < 0n ? '-' : ''}${timeText(absolute(packed(bytes)))}"`;
    default:
      return `"base64:type${columnType}:${base64Lines(bytes)}"`;
  }
}

/** DECIMAL_MAX_POSSIBLE_PRECISION: more than a column may have, since JSON keeps numbers as they were computed. */
const maxPrecision = 81;

/** Precision and scale, a byte each, then the number as in a column. */
function decimalText(bytes: Buffer): string {
  const [precision = 0, scale = 0] = bytes;
  if (precision < 1 || precision > maxPrecision || scale > precision)
    throw new RangeError(`JSON: DECIMAL(${precision}, ${scale}) does not exist`);
  const format = decimalFormat(precision, scale);
  if (bytes.length !== 2 + format.bytes)
    throw new RangeError(`JSON: a DECIMAL(${precision}, ${scale}) of ${bytes.length - 2} bytes`);
  return format.read(bytes, 2);
}

/** The server breaks its base64 after 76 characters, and escapes the break. */
function base64Lines(bytes: Buffer): string {
  return bytes.toString('base64').replace(/.{76}(?=.)/g, '$&\\n');
}

/**
 * 64 bits, from the top: sign, year × 13 + month, day (5 bits), hour (5; of a TIME 10 and nothing above), minute (6), second (6),
 * microseconds (24). Source: TIME_to_longlong_datetime_packed, sql-common/my_time.cc.
 */
function packed(bytes: Buffer): bigint {
  if (bytes.length !== 8) throw new RangeError(`JSON: a date or time of ${bytes.length} bytes, expected 8`);
  return bytes.readBigInt64LE(0);
}

const dayAt = 41n;
const secondAt = 24n;
const timeOfDay = (1n << dayAt) - 1n;

function dateText(value: bigint): string {
  const months = value >> (dayAt + 5n);
  return `${padded(months / 13n, 4)}-${padded(months % 13n, 2)}-${padded((value >> dayAt) & 31n, 2)}`;
}

function timeText(value: bigint): string {
  const seconds = value >> secondAt;
  const fraction = padded(value & ((1n << secondAt) - 1n), 6);
  return `${padded(seconds >> 12n, 2)}:${padded((seconds >> 6n) & 63n, 2)}:${padded(seconds & 63n, 2)}.${fraction}`;
}

function absolute(value: bigint): bigint {
  return value < 0n ? -value : value;
}

function padded(value: bigint, digits: number): string {
  return String(value).padStart(digits, '0');
}
