import { createHmac } from 'node:crypto';
import { BoundedCache } from '../identity/bounded-cache.ts';

const twoDigits = Array.from({ length: 0x100 }, (_, number) => number.toString(16).padStart(2, '0'));
const threeDigits = Array.from({ length: 0x1000 }, (_, number) => number.toString(16).padStart(3, '0'));

/**
 * 16 hexadecimal digits that stand for an assignment key, by which records of one client are found. No key can be made from it: keys are
 * 128 random or keyed bits, of which 64 are left.
 *
 * Optimization: two multiplicative hashes (FNV-1a with two starts, mixed as in MurmurHash3) rather than SHA-256, which costs ten times as
 * much and would protect nothing more.
 */
export function unitHash(assignmentKey: string): string {
  let one = 0x811c9dc5;
  let other = 0x9747b28c;
  for (let index = 0; index < assignmentKey.length; index += 1) {
    const code = assignmentKey.charCodeAt(index);
    one = Math.imul(one ^ code, 0x01000193);
    other = Math.imul(other ^ code, 0x85ebca6b);
    other = (other << 13) | (other >>> 19);
  }
  return hexOf(mixed(one)) + hexOf(mixed(other));
}

function mixed(hash: number): number {
  let bits = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}

function hexOf(word: number): string {
  return threeDigits[word >>> 20]! + threeDigits[(word >>> 8) & 0xfff]! + twoDigits[word & 0xff]!;
}

/** How many users are remembered, so that one who sends many requests is hashed once. */
const rememberedUsers = 10_000;

/**
 * 16 hexadecimal digits that stand for a user. Names can be guessed, so the hash is keyed: without `secret` nobody can try them.
 */
export function createUserHash(secret: string): (user: string) => string {
  const known = new BoundedCache<string>(rememberedUsers);
  return (user) => {
    const found = known.get(user);
    if (found !== undefined) return found;
    const hash = createHmac('sha256', secret).update(`access log user ${user}`).digest('hex').slice(0, 16);
    known.set(user, hash);
    return hash;
  };
}
