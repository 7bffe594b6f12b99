/** Hashes `PREFIX` followed by an id to an unsigned 32-bit number. */
export type PrefixedHash = (id: string) => number;

/**
 * MurmurHash3 x86 32 as Unleash's SDKs for Node compute it: over the low byte of each UTF-16 code unit.
 * https://github.com/aappleby/smhasher/blob/master/src/MurmurHash3.cpp
 *
 * Optimization: what the prefix contributes is computed once, and the prefix and the id are never joined to a string of their own.
 */
export function murmur32(prefix: string, seed: number): PrefixedHash {
  const start = absorb({ hash: seed, block: 0, bits: 0 }, prefix);
  return (id) => {
    const { hash, block } = absorb({ ...start }, id);
    return finish(hash ^ scramble(block) ^ (prefix.length + id.length));
  };
}

/** The hash of whole blocks so far, and the bytes of a block that is not full yet. */
interface Progress {
  hash: number;
  block: number;
  /** 0, 8, 16 or 24. */
  bits: number;
}

function absorb(progress: Progress, text: string): Progress {
  let { hash, block, bits } = progress;
  for (let index = 0; index < text.length; index += 1) {
    block |= (text.charCodeAt(index) & 0xff) << bits;
    bits += 8;
    if (bits === 32) {
      hash ^= scramble(block);
      hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
      block = 0;
      bits = 0;
    }
  }
  progress.hash = hash;
  progress.block = block;
  progress.bits = bits;
  return progress;
}

function scramble(block: number): number {
  const mixed = Math.imul(block, 0xcc9e2d51);
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
}

function finish(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
