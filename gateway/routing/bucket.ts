import { murmur32, type PrefixedHash } from './murmur.ts';

/** Not one of Unleash's seeds: who is early in a flag's rollout is not therefore early in a route's. */
const seed = 0x73_74_72_61;

/** Optimization: a salt is a capability's name, so there are few, and each one's part of the hash is computed once. */
const hashes = new Map<string, PrefixedHash>();

/**
 * Where an assignment key stands on the scale of a salt: 0 (inclusive) to 100 (exclusive), evenly spread, the same for ever. A key is on
 * the new side when its place is below the percentage, so raising a percentage keeps everybody who was there. Routes of one capability
 * share the salt, so a journey over several of them stays on one side.
 */
export function bucketOf(salt: string, assignmentKey: string): number {
  return (hashOf(salt)(assignmentKey) / 2 ** 32) * 100;
}

function hashOf(salt: string): PrefixedHash {
  let hash = hashes.get(salt);
  if (!hash) {
    hash = murmur32(`${salt.length}:${salt}:`, seed);
    hashes.set(salt, hash);
  }
  return hash;
}
