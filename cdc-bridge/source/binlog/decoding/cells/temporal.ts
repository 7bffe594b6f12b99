import { two } from './two-digits.ts';

const minuteOfDay = Array.from({ length: 32 * 64 }, (_, at) => ` ${two[at >> 6]}:${two[at & 63]}`);
const second = Array.from({ length: 64 }, (_, value) => `:${two[value]}`);

/** Bytes of the fraction of a second in the formats since MySQL 5.6: two decimal digits a byte. */
export const fractionBytes = (digits: number) => (digits + 1) >> 1;

function fractionText(value: number, digits: number): string {
  if (digits === 0) return '';
  return `.${`${value}`.padStart(fractionBytes(digits) * 2, '0').slice(0, digits)}`;
}

/** A whole number of so many bytes, the high one first. */
export function bigEndian(bytes: Uint8Array, from: number, length: number): number {
  let value = 0;
  for (let at = from; at < from + length; at += 1) value = value * 256 + bytes[at]!;
  return value;
}

const dayText = (year: number, month: number, day: number) =>
  `${two[Math.floor(year / 100)] ?? Math.floor(year / 100)}${two[year % 100]}-${two[month]}-${two[day]}`;

/**
 * Optimization: rows that stand together have few days among them, so the texts of some days are kept, each in the place that its number
 * names. Sized to stay in the processor's cache.
 */
class Days {
  readonly #numbers = new Int32Array(256).fill(-1);
  readonly #texts: string[] = Array.from({ length: 256 }, () => '');
  readonly #write: (number: number) => string;
  constructor(write: (number: number) => string) {
    this.#write = write;
  }
  text(number: number): string {
    const place = number & 255;
    if (this.#numbers[place] !== number) {
      this.#texts[place] = this.#write(number);
      this.#numbers[place] = number;
    }
    return this.#texts[place]!;
  }
}

/** Year, four bits of month, five of day. */
const dates = new Days((packed) => dayText(packed >> 9, (packed >> 5) & 15, packed & 31));
/** Year times 13 plus month, five bits of day. */
const packedDays = new Days((packed) => dayText(Math.floor((packed >> 5) / 13), (packed >> 5) % 13, packed & 31));
/** Days since 1970-01-01. */
const epochDays = new Days((days) => new Date(days * 86_400_000).toISOString().slice(0, 10));

/** DATE: three bytes, the low one first. */
export function date(bytes: Uint8Array, at: number): string {
  return dates.text(bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16));
}

/** DATETIME since MySQL 5.6: 1 sign, 17 year and month, 5 day, 5 hour, 6 minute, 6 second; then the fraction. */
export function datetime(bytes: Uint8Array, at: number, digits: number): string {
  const upper = ((bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!) - 0x80_0000;
  const time = ((upper & 1) << 16) | (bytes[at + 3]! << 8) | bytes[at + 4]!;
  const text = packedDays.text(upper >> 1) + minuteOfDay[time >> 6]! + second[time & 63]!;
  return digits === 0 ? text : text + fractionText(bigEndian(bytes, at + 5, fractionBytes(digits)), digits);
}

/** TIMESTAMP since MySQL 5.6: seconds since 1970, the high byte first; then the fraction. In UTC. */
export function timestamp(bytes: Uint8Array, at: number, digits: number): string {
  const fraction = digits === 0 ? 0 : bigEndian(bytes, at + 4, fractionBytes(digits));
  const seconds = ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
  return instant(seconds, seconds === 0 && fraction === 0) + fractionText(fraction, digits);
}

function instant(seconds: number, zero: boolean): string {
  if (zero) return '0000-00-00 00:00:00';
  const days = Math.floor(seconds / 86_400);
  const rest = seconds - days * 86_400;
  const minutes = Math.floor(rest / 60);
  return (
    epochDays.text(days) + minuteOfDay[(Math.floor(minutes / 60) << 6) | (minutes % 60)]! + second[rest - minutes * 60]!
  );
}

/** TIME since MySQL 5.6: 1 sign, 1 unused, 10 hour, 6 minute, 6 second; then the fraction. All of it is negated as one number. */
export function time(bytes: Uint8Array, at: number, digits: number): string {
  const scale = 256 ** fractionBytes(digits);
  const value = bigEndian(bytes, at, 3 + fractionBytes(digits)) - 0x80_0000 * scale;
  const magnitude = Math.abs(value);
  const whole = Math.floor(magnitude / scale);
  const hours = (whole >> 12) & 0x3ff;
  const clock = `${two[hours] ?? hours}:${two[(whole >> 6) & 63]}:${two[whole & 63]}`;
  return `${value < 0 ? '-' : ''}${clock}${fractionText(magnitude % scale, digits)}`;
}

/** YEAR: years since 1900, 0 for 0000. */
export function year(byte: number): number {
  return byte === 0 ? 0 : 1900 + byte;
}

/** YEAR(2). */
export function shortYear(byte: number): number {
  return byte % 100;
}
