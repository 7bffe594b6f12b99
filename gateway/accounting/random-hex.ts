import { randomFillSync } from 'node:crypto';

/** Gives this many hexadecimal digits, at most 64, that nobody can guess. */
export type RandomHex = (digits: number) => string;

const poolBytes = 8 * 1024;

/**
 * Optimization: ids are cut from one text of random digits that is made anew when it is used up. A request needs three ids; asking the
 * system for each costs more than matching and deciding together.
 */
export function createRandomHex(fill: (bytes: Buffer) => void = (bytes) => void randomFillSync(bytes)): RandomHex {
  const bytes = Buffer.alloc(poolBytes);
  let pool = '';
  let next = 0;
  return (digits) => {
    if (next + digits > pool.length) {
      fill(bytes);
      pool = bytes.toString('hex');
      next = 0;
    }
    next += digits;
    return pool.slice(next - digits, next);
  };
}
