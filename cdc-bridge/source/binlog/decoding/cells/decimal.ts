import { two } from './two-digits.ts';

/** Bytes that so many digits of a group take. */
const groupBytes = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4] as const;

/** Length and reading of DECIMAL(precision, scale): its exact text, all digits of the scale included. */
export interface DecimalFormat {
  readonly bytes: number;
  read(bytes: Uint8Array, at: number): string;
}

/**
 * Nine digits are four bytes, the high one first; the digits left over before the first group and behind the last take as many bytes as
 * they need. The first bit is inverted, and all bits of a negative number are.
 * https://dev.mysql.com/doc/dev/mysql-server/latest/decimal_8cc.html (decimal2bin)
 */
export function decimalFormat(precision: number, scale: number): DecimalFormat {
  const whole = groups(precision - scale, true);
  const fraction = groups(scale, false);
  const bytes = [...whole, ...fraction].reduce((sum, digits) => sum + groupBytes[digits]!, 0);
  const read = (from: Uint8Array, at: number) => decimalText(from, at, whole, fraction);
  return { bytes, read };
}

/** Digits of each group, in order. */
function groups(digits: number, before: boolean): number[] {
  const full = Array.from({ length: Math.floor(digits / 9) }, () => 9);
  const rest = digits % 9 === 0 ? [] : [digits % 9];
  return before ? [...rest, ...full] : [...full, ...rest];
}

function decimalText(bytes: Uint8Array, at: number, whole: readonly number[], fraction: readonly number[]): string {
  const mask = (bytes[at]! & 0x80) === 0 ? 0xff : 0;
  let position = at;
  let text = '';
  for (let index = 0; index < whole.length; index += 1) {
    const value = groupValue(bytes, at, position, whole[index]!, mask);
    if (text !== '') text += padded(value, 9);
    else if (value !== 0) text = `${value}`;
    position += groupBytes[whole[index]!]!;
  }
  if (text === '') text = '0';
  for (let index = 0; index < fraction.length; index += 1) {
    const digits = padded(groupValue(bytes, at, position, fraction[index]!, mask), fraction[index]!);
    text += index === 0 ? `.${digits}` : digits;
    position += groupBytes[fraction[index]!]!;
  }
  return mask === 0 ? text : `-${text}`;
}

/** The number whose group stands at `from`; the first bit of the whole, at `first`, is inverted once more. */
function groupValue(bytes: Uint8Array, first: number, from: number, digits: number, mask: number): number {
  let value = 0;
  for (let at = from; at < from + groupBytes[digits]!; at += 1)
    value = value * 256 + (bytes[at]! ^ mask ^ (at === first ? 0x80 : 0));
  return value;
}

/** Optimization: amounts of money have two digits behind the point, and a text looked up is cheaper than one made. */
const padded = (value: number, digits: number) =>
  digits === 2 && value < 100 ? two[value]! : `${value}`.padStart(digits, '0');
