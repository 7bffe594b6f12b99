import { bigEndian, date, datetime, fractionBytes, timestamp } from './temporal.ts';

const dayMs = 86_400_000;

/** Days since 1970-01-01 of a day by its packed number, NaN for what is in no calendar. Optimization: the last ones are kept, as in temporal.ts. */
class DayNumbers {
  readonly #packed = new Int32Array(256).fill(-1);
  readonly #days = new Float64Array(256);
  readonly #unpack: (packed: number) => readonly [year: number, month: number, day: number];
  constructor(unpack: (packed: number) => readonly [year: number, month: number, day: number]) {
    this.#unpack = unpack;
  }
  of(packed: number): number {
    const place = packed & 255;
    if (this.#packed[place] !== packed) {
      this.#days[place] = calendarDays(...this.#unpack(packed));
      this.#packed[place] = packed;
    }
    return this.#days[place]!;
  }
}

function calendarDays(year: number, month: number, day: number): number {
  const at = new Date(0);
  at.setUTCFullYear(year, month - 1, day);
  const isThatDay = at.getUTCMonth() === month - 1 && at.getUTCDate() === day;
  return isThatDay && year > 0 ? at.getTime() / dayMs : Number.NaN;
}

const dates = new DayNumbers((packed) => [packed >> 9, (packed >> 5) & 15, packed & 31]);
const packedDays = new DayNumbers((packed) => [Math.floor((packed >> 5) / 13), (packed >> 5) % 13, packed & 31]);

/** DATE as JSON: days since 1970, or the text of a zero, partial or impossible date. */
export function dateDays(bytes: Uint8Array, at: number): string {
  const days = dates.of(bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16));
  return Number.isNaN(days) ? `"${date(bytes, at)}"` : `${days}`;
}

/** DATETIME as JSON: milliseconds since 1970, with more than three digits microseconds; or the text as for DATE. */
export function datetimeCount(bytes: Uint8Array, at: number, digits: number): string {
  const upper = ((bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!) - 0x80_0000;
  const days = packedDays.of(upper >> 1);
  if (Number.isNaN(days)) return `"${datetime(bytes, at, digits)}"`;
  const clock = ((upper & 1) << 16) | (bytes[at + 3]! << 8) | bytes[at + 4]!;
  const seconds = days * 86_400 + secondsOf(clock);
  return countText(seconds, fractionMicros(bytes, at + 5, digits), digits <= 3 ? 3 : 6);
}

/** Optimization: seconds and their fraction are put together as text, which is cheaper than writing so large a number, and exact. */
function countText(seconds: number, micros: number, digits: 3 | 6): string {
  const fraction = digits === 3 ? micros / 1_000 : micros;
  if (seconds > 0) return `${seconds}${`${fraction}`.padStart(digits, '0')}`;
  return `${BigInt(seconds) * 10n ** BigInt(digits) + BigInt(fraction)}`;
}

/** TIME as JSON: microseconds, negative ones and those of more than a day too. */
export function timeMicros(bytes: Uint8Array, at: number, digits: number): string {
  const scale = 256 ** fractionBytes(digits);
  const value = bigEndian(bytes, at, 3 + fractionBytes(digits)) - 0x80_0000 * scale;
  const magnitude = Math.abs(value);
  const fraction = (magnitude % scale) * 100 ** (3 - fractionBytes(digits));
  const micros = secondsOf(Math.floor(magnitude / scale)) * 1_000_000 + fraction;
  return `${value < 0 ? -micros : micros}`;
}

/** TIMESTAMP as JSON: `"2025-06-01T12:00:00.5Z"`; the zero one as its text. */
export function zonedTimestamp(bytes: Uint8Array, at: number, digits: number): string {
  const text = timestamp(bytes, at, digits);
  return text.startsWith('0000') ? `"${text}"` : `"${text.slice(0, 10)}T${text.slice(11)}Z"`;
}

/** Hours, six bits of minutes, six bits of seconds. */
const secondsOf = (clock: number) => ((clock >> 12) & 0x3ff) * 3_600 + ((clock >> 6) & 63) * 60 + (clock & 63);

function fractionMicros(bytes: Uint8Array, at: number, digits: number): number {
  const length = fractionBytes(digits);
  return digits === 0 ? 0 : bigEndian(bytes, at, length) * 100 ** (3 - length);
}
