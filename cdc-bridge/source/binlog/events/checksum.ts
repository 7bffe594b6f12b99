import { crc32 } from 'node:zlib';

/** How many bytes a CRC32 takes at the end of an event. */
export const checksumBytes = 4;

/** Of one byte each, for the reflected polynomial of zlib's crc32. */
const table = Int32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1;
  return remainder;
});

/** Up to this length a loop is faster than the way into zlib and back. */
const shortBytes = 96;

/** Whether the last four bytes of an event are the CRC32 of those before. */
export function endsInChecksum(event: Buffer): boolean {
  const end = event.length - checksumBytes;
  return end >= 0 && checksumOf(event, end) === event.readUInt32LE(end);
}

/** CRC32 of the first `end` bytes. Optimization: half of all events are so short that the call of zlib would cost more than its work. */
function checksumOf(bytes: Buffer, end: number): number {
  if (end > shortBytes) return crc32(bytes.subarray(0, end));
  let remainder = -1;
  for (let at = 0; at < end; at++) remainder = (remainder >>> 8) ^ table[(remainder ^ bytes[at]!) & 0xff]!;
  return ~remainder >>> 0;
}
