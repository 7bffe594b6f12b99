import { createHash } from 'node:crypto';

/**
 * Where an assignment key stands on the scale of a salt: 0 (inclusive) to 100 (exclusive), evenly spread, the same for ever. A key is on
 * the new side when its place is below the percentage, so raising a percentage keeps everybody who was there. Routes of one capability
 * share the salt, so a journey over several of them stays on one side.
 */
export function bucketOf(salt: string, assignmentKey: string): number {
  const digest = createHash('sha256').update(`${salt.length}:${salt}:${assignmentKey}`).digest();
  return (digest.readUInt32BE(0) / 2 ** 32) * 100;
}
