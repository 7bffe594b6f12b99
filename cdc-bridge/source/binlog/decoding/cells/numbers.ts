import { type Cell, Unreadable } from '../../../../mapping/row-change.ts';

/** 64 bits, low byte first, signed: a number while that is exact, else decimal text. */
export function int64(bytes: Uint8Array, at: number): number | string {
  const high = bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24);
  const value = high * 0x1_0000_0000 + uint32(bytes, at);
  return Number.isSafeInteger(value) ? value : exact(high, uint32(bytes, at));
}

/** The same, unsigned. */
export function uint64(bytes: Uint8Array, at: number): number | string {
  const value = uint32(bytes, at + 4) * 0x1_0000_0000 + uint32(bytes, at);
  return Number.isSafeInteger(value) ? value : exact(uint32(bytes, at + 4), uint32(bytes, at));
}

/** 32 bits, low byte first, unsigned. */
export function uint32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

const exact = (high: number, low: number) => ((BigInt(high) << 32n) | BigInt(low)).toString();

/** BIT(n): up to eight bytes, the high one first; a number while that is exact, else decimal text. */
export function bits(bytes: Uint8Array, from: number, to: number): number | string {
  let value = 0;
  let whole = 0n;
  for (let at = from; at < to; at += 1) {
    value = value * 256 + bytes[at]!;
    if (to - from > 6) whole = (whole << 8n) | BigInt(bytes[at]!);
  }
  return Number.isSafeInteger(value) ? value : whole.toString();
}

const scratch = new DataView(new ArrayBuffer(8));

function ofScratch(bytes: Uint8Array, at: number, length: number): void {
  for (let index = 0; index < length; index += 1) scratch.setUint8(index, bytes[at + index]!);
}

/** DOUBLE. Servers store no NaN and no infinity, so such bytes are damaged. */
export function double(bytes: Uint8Array, at: number): Cell {
  ofScratch(bytes, at, 8);
  const value = scratch.getFloat64(0, true);
  return Number.isFinite(value) ? value : new Unreadable('a DOUBLE that is no number');
}

/** FLOAT, as `shortestFloat`. */
export function float(bytes: Uint8Array, at: number): Cell {
  ofScratch(bytes, at, 4);
  const value = scratch.getFloat32(0, true);
  return Number.isFinite(value) ? shortestFloat(value) : new Unreadable('a FLOAT that is no number');
}

/** Below this floats lose digits. */
const smallestNormal = 2 ** -126;

/** The number with the fewest digits among those nearest to this 32-bit float: 1.1 for 1.10000002384. */
export function shortestFloat(value: number): number {
  if (Number.isInteger(value) && Math.abs(value) < 2 ** 24) return value;
  // Six digits survive in every normal float, so shorter numbers are found with six too.
  for (let digits = Math.abs(value) < smallestNormal ? 1 : 6; digits < 9; digits += 1) {
    const shorter = Number(value.toPrecision(digits));
    if (Math.fround(shorter) === value) return shorter;
  }
  return Number(value.toPrecision(9));
}

/** VECTOR: 32-bit floats, low byte first. */
export function vector(bytes: Buffer, from: number, to: number): Cell {
  if ((to - from) % 4 !== 0) return new Unreadable(`a VECTOR of ${to - from} bytes`);
  const numbers: number[] = [];
  for (let at = from; at < to; at += 4) {
    const value = float(bytes, at);
    if (typeof value !== 'number') return value;
    numbers.push(value);
  }
  return numbers;
}
