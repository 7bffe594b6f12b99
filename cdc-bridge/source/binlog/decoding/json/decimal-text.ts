/** Bytes that hold so many digits left over from groups of nine: dig2bytes, strings/decimal.cc of MySQL. */
const bytesForDigits = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4] as const;
const groupDigits = 9;
/** DECIMAL_MAX_POSSIBLE_PRECISION: more than a column may have, since JSON keeps numbers as they were computed. */
const maxPrecision = 81;

/**
 * The exact text of a DECIMAL(precision, scale) in its binary form at `at`: digits before and after the point in groups of nine, four bytes each,
 * big-endian, a shorter group at either end; the first bit is set for what is not negative, and all bits of a negative number are
 * inverted. `-0012.50` is written without the leading zeros: `-12.50`. Throws a RangeError.
 */
export function decimalText(bytes: Buffer, at: number, precision: number, scale: number): string {
  if (precision < 1 || precision > maxPrecision || scale > precision)
    throw new RangeError(`DECIMAL(${precision}, ${scale}) does not exist`);
  const negative = (bytes[at]! & 0x80) === 0;
  const reader = new GroupReader(bytes, at, negative);
  const whole = precision - scale;
  let integer = reader.group(whole % groupDigits);
  for (let left = Math.trunc(whole / groupDigits); left > 0; left--) integer += reader.group(groupDigits);
  let fraction = '';
  for (let left = Math.trunc(scale / groupDigits); left > 0; left--) fraction += reader.group(groupDigits);
  fraction += reader.group(scale % groupDigits);
  const digits = integer.replace(/^0+(?=\d)/, '') || '0';
  return `${negative ? '-' : ''}${digits}${fraction === '' ? '' : `.${fraction}`}`;
}

class GroupReader {
  readonly #bytes: Buffer;
  readonly #first: number;
  readonly #invert: number;
  #at: number;

  constructor(bytes: Buffer, at: number, negative: boolean) {
    this.#bytes = bytes;
    this.#first = at;
    this.#at = at;
    this.#invert = negative ? 0xff : 0;
  }

  group(digits: number): string {
    const length = bytesForDigits[digits]!;
    if (this.#at + length > this.#bytes.length) throw new RangeError('DECIMAL: it ends before its digits do');
    let value = 0;
    for (let index = 0; index < length; index++, this.#at++) {
      const sign = this.#at === this.#first ? 0x80 : 0;
      value = value * 256 + (this.#bytes[this.#at]! ^ sign ^ this.#invert);
    }
    const text = String(value);
    if (text.length > digits && digits > 0) throw new RangeError(`DECIMAL: ${text} where ${digits} digits are`);
    return digits === 0 ? '' : text.padStart(digits, '0');
  }
}
