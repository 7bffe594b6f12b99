/** A decimal number as its value only: `digits` without zeros at either end, times ten to the power of `exponent`. Zero has no digits. */
interface Decimal {
  readonly negative: boolean;
  readonly digits: string;
  readonly exponent: number;
}

const shape = /^([+-]?)(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:e([+-]?\d{1,6}))?$/i;

/** Whether a text is a decimal number: `-12.50`, `.5`, `1e-7`. */
export function isDecimal(text: string): boolean {
  return shape.test(text);
}

/**
 * Compares two numbers by value, each a number or its text, without rounding either: below 0 when `a` is less. A number stands for the shortest
 * decimal that is it. Undefined when one of them is no number.
 */
export function compareNumbers(a: unknown, b: unknown): number | undefined {
  if (typeof a === 'number' && typeof b === 'number') return a < b ? -1 : Number(a > b);
  const [left, right] = [parse(a), parse(b)];
  return left && right && compare(left, right);
}

function parse(value: unknown): Decimal | undefined {
  if (typeof value !== 'number' && typeof value !== 'string') return undefined;
  const match = shape.exec(String(value));
  if (!match) return undefined;
  const [, sign, whole = '', fraction = match[4] ?? '', , power = '0'] = match;
  const leading = (whole + fraction).replace(/^0+/, '');
  const digits = leading.replace(/0+$/, '');
  const exponent = Number(power) - fraction.length + (leading.length - digits.length);
  return { negative: sign === '-' && digits !== '', digits, exponent };
}

function compare(a: Decimal, b: Decimal): number {
  if (a.negative !== b.negative) return a.negative ? -1 : 1;
  const size = compareSizes(a, b);
  return a.negative ? 0 - size : size;
}

/** Digits begin with the highest that is not 0, so the larger number is the one that begins higher; then digits decide from the left. */
function compareSizes(a: Decimal, b: Decimal): number {
  if (a.digits === '' || b.digits === '') return Math.sign(a.digits.length - b.digits.length);
  const height = a.exponent + a.digits.length - (b.exponent + b.digits.length);
  if (height !== 0) return Math.sign(height);
  return a.digits < b.digits ? -1 : Number(a.digits > b.digits);
}
