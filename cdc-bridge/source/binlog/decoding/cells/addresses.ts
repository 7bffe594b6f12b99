/** What MariaDB stores as fixed bytes and shows as text. Trailing zero bytes are not in the binlog. */
export const addressTexts: Readonly<Record<'uuid' | 'inet4' | 'inet6', (bytes: Buffer) => string>> = {
  uuid: (bytes) =>
    padded(bytes, 16)
      .toString('hex')
      .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
  inet4: (bytes) => padded(bytes, 4).join('.'),
  inet6: (bytes) => inet6(padded(bytes, 16)),
};

function padded(bytes: Buffer, length: number): Buffer {
  const whole = Buffer.alloc(length);
  bytes.copy(whole);
  return whole;
}

/**
 * As the server writes it: RFC 5952, except that a single zero is shortened too. The last 32 bits are dotted where the address is mapped
 * from IPv4 or compatible with it.
 */
function inet6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2));
  const zeros = longestZeros(groups);
  const dotted = bytes.subarray(12).join('.');
  if (zeros.from === 0 && zeros.length === 6) return `::${dotted}`;
  if (zeros.from === 0 && zeros.length === 5 && groups[5] === 0xffff) return `::ffff:${dotted}`;
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':');
  if (zeros.length === 0) return hex(groups);
  return `${hex(groups.slice(0, zeros.from))}::${hex(groups.slice(zeros.from + zeros.length))}`;
}

function longestZeros(groups: readonly number[]): { from: number; length: number } {
  let longest = { from: 0, length: 0 };
  for (let from = 0; from < groups.length; from += 1) {
    let to = from;
    while (to < groups.length && groups[to] === 0) to += 1;
    if (to - from > longest.length) longest = { from, length: to - from };
  }
  return longest;
}
