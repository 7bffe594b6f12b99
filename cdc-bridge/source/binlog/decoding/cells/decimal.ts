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
  const group = (digits: number) => {
    let value = 0;
    for (const end = position + groupBytes[digits]!; position < end; position += 1)
      value = value * 256 + (bytes[position]! ^ mask ^ (position === at ? 0x80 : 0));
    return value;
  };
  let text = '';
  for (const digits of whole) {
    const value = group(digits);
    if (text !== '') text += padded(value, 9);
    else if (value !== 0) text = `${value}`;
  }
  if (text === '') text = '0';
  for (let index = 0; index < fraction.length; index += 1)
    text += `${index === 0 ? '.' : ''}${padded(group(fraction[index]!), fraction[index]!)}`;
  return mask === 0 ? text : `-${text}`;
}

const padded = (value: number, digits: number) => `${value}`.padStart(digits, '0');
