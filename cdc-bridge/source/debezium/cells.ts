import { type Cell, Unreadable } from '../../mapping/row-change.ts';
import type { ColumnType } from './column-type.ts';
import type { TimeUnit, ValueEncoding } from './encodings.ts';

/** A value out of parseExactJson that is not null, with all that tells how to read it. */
interface Encoded {
  readonly value: unknown;
  readonly type: ColumnType;
  readonly encoding: ValueEncoding;
}

/**
 * Undoes Debezium's encoding of one value: the cell that our own reader would give. What Debezium wrote for two different values is Unreadable where
 * it cannot be told which one it was; docs/debezium.md has the list.
 */
export function decodeCell(value: unknown, type: ColumnType, encoding: ValueEncoding): Cell {
  if (value === null) return null;
  const decoder = decoders.get(type.name);
  if (!decoder) return new Unreadable(`a value of type ${type.name} as Debezium writes it`);
  const decoded = decoder({ value, type, encoding });
  return (
    decoded ??
    new Unreadable(`${type.name}: found ${JSON.stringify(value).slice(0, 80)}, which its encoding does not allow`)
  );
}

/** Undefined: the value is not of the form that the encoding says. */
type Decoder = (encoded: Encoded) => Cell | undefined;

const decoders = new Map<string, Decoder>([
  ...named(['tinyint', 'smallint', 'mediumint', 'int', 'bigint'], integer),
  ...named(['float'], ({ value }) => float32(value)),
  ...named(['double'], ({ value }) => finite(value)),
  ...named(['decimal'], decimal),
  ...named(['bit'], bit),
  ...named(['year'], year),
  ...named(['date'], date),
  ...named(['datetime'], datetime),
  ...named(['timestamp'], timestamp),
  ...named(['time'], time),
  ...named(['enum'], enumMember),
  ...named(['uuid'], uuid),
  ...named(['char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext', 'set', 'json', 'inet4', 'inet6'], text),
  ...named(['binary', 'varbinary', 'tinyblob', 'blob', 'mediumblob', 'longblob'], bytes),
  ...named(['geometry', 'point', 'linestring', 'polygon', 'multipoint', 'multilinestring', 'multipolygon'], geometry),
  ...named(['geometrycollection', 'geomcollection'], geometry),
  ...named(['vector'], vector),
]);

function named(types: readonly string[], decoder: Decoder): [string, Decoder][] {
  return types.map((type) => [type, decoder]);
}

function wholeNumber(value: unknown): bigint | undefined {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value === 'string' && /^-?\d+$/.test(value)) return BigInt(value);
  return undefined;
}

/** Numbers while they are safe, beyond as text. */
function spelled(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

function finite(value: unknown): number | undefined {
  if (typeof value === 'boolean' || value === '') return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** The shortest decimal that is the same float32; Debezium may have widened it to a double. */
function float32(value: unknown): number | undefined {
  const number = finite(value);
  if (number === undefined) return undefined;
  const single = Math.fround(number);
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(single.toPrecision(digits));
    if (Math.fround(short) === single) return short;
  }
  return Number(single.toPrecision(9));
}

/** BIGINT UNSIGNED written as a signed `long` has wrapped around from 2^63 on; `precise` makes it a decimal without a fraction. */
function integer({ value, encoding }: Encoded): Cell | undefined {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (encoding.kind === 'bigintUnsigned' && encoding.mode === 'precise') {
    const unscaled = twosComplement(value);
    return unscaled === undefined ? undefined : spelled(unscaled);
  }
  const number = wholeNumber(value);
  if (number === undefined) return undefined;
  return spelled(encoding.kind === 'bigintUnsigned' ? BigInt.asUintN(64, number) : number);
}

/** As many significant digits as a double keeps of any decimal. */
const doubleDigits = 15;

function decimal({ value, type, encoding }: Encoded): Cell | undefined {
  const { length, scale } = type;
  const mode = encoding.kind === 'decimal' ? encoding.mode : 'string';
  if (mode === 'double') {
    const number = finite(value);
    if (number === undefined) return undefined;
    return length <= doubleDigits
      ? number.toFixed(scale)
      : new Unreadable('a DECIMAL that Debezium rounded to a double');
  }
  if (mode === 'precise') {
    const unscaled = twosComplement(value);
    return unscaled === undefined ? undefined : pointed(unscaled, scale);
  }
  return typeof value === 'string' ? plainDecimal(value, scale) : undefined;
}

/** Java writes very small and some zero values with an exponent: `0E-30`. */
function plainDecimal(text: string, scale: number): string | undefined {
  const [, sign = '', whole, fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:E([+-]?\d+))?$/.exec(text) ?? [];
  if (whole === undefined) return undefined;
  if (exponent === '0' && fraction.length === scale) return text;
  const shift = scale - fraction.length + Number(exponent);
  if (shift < 0) return undefined;
  return pointed(BigInt(`${sign}${whole}${fraction}`) * 10n ** BigInt(shift), scale);
}

/** An unscaled number with its decimal point: -1 of scale 4 is `-0.0001`. */
function pointed(unscaled: bigint, scale: number): string {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const sign = unscaled < 0n ? '-' : '';
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function fromBase64(value: unknown): Buffer | undefined {
  return typeof value === 'string' && base64.test(value) ? Buffer.from(value, 'base64') : undefined;
}

/** Connect's Decimal: the unscaled number in big-endian two's complement. */
function twosComplement(value: unknown): bigint | undefined {
  const read = fromBase64(value);
  if (!read || read.length === 0) return undefined;
  return BigInt.asIntN(read.length * 8, BigInt(`0x${read.toString('hex')}`));
}

/** Debezium's Bits: little-endian; BIT(1) is a boolean. */
function bit({ value }: Encoded): Cell | undefined {
  if (typeof value === 'boolean') return value ? 1 : 0;
  const read = fromBase64(value);
  return read && spelled(BigInt(`0x0${read.reverse().toString('hex')}`));
}

/** YEAR begins at 1901: what is streamed as 1900 was 0000. */
function year({ value }: Encoded): Cell | undefined {
  const number = wholeNumber(value);
  return number === undefined ? undefined : number === 1900n ? 0 : Number(number);
}

const microsPerUnit: Readonly<Record<Exclude<TimeUnit, 'nanoseconds' | 'text'>, bigint>> = {
  days: 86_400_000_000n,
  milliseconds: 1_000n,
  microseconds: 1n,
};

function micros(value: unknown, unit: TimeUnit): bigint | undefined {
  const count = wholeNumber(value);
  if (count === undefined || unit === 'text') return undefined;
  return unit === 'nanoseconds' ? count / 1_000n : count * microsPerUnit[unit];
}

/** 64 bits of nanoseconds hold 584 years, a DATETIME 9000. */
const wrapped = new Unreadable('a DATETIME in nanoseconds, which Debezium also writes for other dates 584 years apart');

/** In a column without NULL a zero or partial date is written as the first day of 1970, as that day itself is. */
const epochOrZero = new Unreadable(
  '1970-01-01, which Debezium also writes for a zero or partial date where NULL is not allowed',
);

function unitOf(encoding: ValueEncoding): TimeUnit {
  return encoding.kind === 'time' ? encoding.unit : 'text';
}

function date({ value, type, encoding }: Encoded): Cell | undefined {
  if (unitOf(encoding) === 'text') return withoutZone(value, /^\d{4}-\d\d-\d\d$/);
  const since = micros(value, unitOf(encoding));
  if (since === undefined) return undefined;
  return since === 0n && !type.nullable ? epochOrZero : dayText(since);
}

function datetime({ value, type, encoding }: Encoded): Cell | undefined {
  if (unitOf(encoding) === 'text') return isoDatetime(value, type.scale);
  const since = micros(value, unitOf(encoding));
  if (since === undefined) return undefined;
  if (since === 0n && !type.nullable) return epochOrZero;
  if (isCut(type, encoding)) return new Unreadable('a DATETIME whose microseconds the connector cut off');
  if (unitOf(encoding) === 'nanoseconds') return wrapped;
  return `${dayText(since)} ${clockText(modulo(since, microsPerUnit.days), type.scale)}`;
}

function isCut({ scale }: ColumnType, encoding: ValueEncoding): boolean {
  return unitOf(encoding) === 'milliseconds' && scale > 3;
}

/** TIMESTAMP begins a second after 1970 does: what is streamed as its first instant was zero. */
function timestamp({ value, type }: Encoded): Cell | undefined {
  const shown = isoDatetime(value, type.scale);
  return shown?.startsWith('1970-01-01 00:00:00') ? shown.replace('1970-01-01', '0000-00-00') : shown;
}

function isoDatetime(value: unknown, scale: number): string | undefined {
  const match = withoutZone(value, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?$/);
  return match && withFraction(match.replace('T', ' '), scale);
}

function time({ value, type, encoding }: Encoded): Cell | undefined {
  if (unitOf(encoding) === 'text') {
    const match = withoutZone(value, /^\d\d:\d\d:\d\d(?:\.\d+)?$/);
    return match && withFraction(match, type.scale);
  }
  const since = micros(value, unitOf(encoding));
  if (since === undefined) return undefined;
  if (isCut(type, encoding)) return new Unreadable('a TIME whose microseconds the connector cut off');
  return since < 0n ? `-${clockText(-since, type.scale)}` : clockText(since, type.scale);
}

/** ISO text less its final Z, if it has the form. */
function withoutZone(value: unknown, form: RegExp): string | undefined {
  const found = typeof value === 'string' ? value.replace(/Z$/, '') : '';
  return form.test(found) ? found : undefined;
}

/** All digits of the fraction that are declared: Java leaves out those at the end that are zero. */
function withFraction(shown: string, scale: number): string {
  const [whole, fraction = ''] = shown.split('.');
  return scale === 0 ? whole! : `${whole}.${fraction.slice(0, scale).padEnd(scale, '0')}`;
}

function modulo(value: bigint, by: bigint): bigint {
  return ((value % by) + by) % by;
}

function dayText(sinceEpochMicros: bigint): string {
  const days = (sinceEpochMicros - modulo(sinceEpochMicros, microsPerUnit.days)) / microsPerUnit.days;
  return new Date(Number(days) * 86_400_000).toISOString().slice(0, 10);
}

function clockText(sinceMidnightMicros: bigint, scale: number): string {
  const two = (part: bigint) => String(part).padStart(2, '0');
  const seconds = sinceMidnightMicros / 1_000_000n;
  const clock = `${two(seconds / 3_600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}`;
  return withFraction(`${clock}.${String(sinceMidnightMicros % 1_000_000n).padStart(6, '0')}`, scale);
}

/** A streamed member has its comma behind a backslash, one of a snapshot has not. */
function enumMember({ value, type }: Encoded): Cell | undefined {
  if (typeof value !== 'string') return undefined;
  if (value === '' || type.members.includes(value)) return value;
  const bare = value.replace(/\\(.)/gs, '$1');
  return type.members.includes(bare) ? bare : undefined;
}

/** MariaDB stores a UUID with its first bytes last; one whose stored bytes end in zero comes shifted, with the zeros in front. */
function uuid({ value }: Encoded): Cell | undefined {
  if (typeof value !== 'string') return undefined;
  return value.startsWith('00')
    ? new Unreadable('a UUID that begins with 00, as Debezium writes one that it has shifted')
    : value;
}

function text({ value }: Encoded): Cell | undefined {
  return typeof value === 'string' ? value : undefined;
}

function bytes({ value, encoding }: Encoded): Cell | undefined {
  if (typeof value !== 'string') return undefined;
  const mode = encoding.kind === 'binary' ? encoding.mode : 'bytes';
  if (mode === 'hex')
    return /^(?:[0-9a-f]{2})*$/i.test(value) ? Buffer.from(value, 'hex').toString('base64') : undefined;
  if (mode === 'base64-url-safe') return Buffer.from(value, 'base64url').toString('base64');
  return base64.test(value) ? value : undefined;
}

function geometry({ value }: Encoded): Cell | undefined {
  const { wkb, srid } = value as { wkb?: unknown; srid?: unknown };
  if (typeof wkb !== 'string' || !base64.test(wkb)) return undefined;
  return { srid: Number(srid ?? 0), wkb };
}

function vector({ value }: Encoded): Cell | undefined {
  if (!Array.isArray(value)) return undefined;
  const numbers = value.map(float32);
  return numbers.every((number) => number !== undefined) ? numbers : undefined;
}
