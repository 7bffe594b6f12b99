/** A block of addresses: `10.0.0.0/8`, `2001:db8::/32`, or a single address. */
export interface Cidr {
  /** As written in the configuration. */
  readonly text: string;
  contains(address: string): boolean;
  /** Whether one address lies in both. */
  meets(other: Cidr): boolean;
  /** The address before the slash, within the block. */
  readonly base: string;
}

interface Address {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

/** Reads a CIDR block. Throws a RangeError that says what was found and what was expected. */
export function parseCidr(text: string): Cidr {
  const [base = '', length, ...more] = text.split('/');
  const address = parseAddress(base);
  const prefix = length === undefined ? address?.bits : /^\d{1,3}$/.test(length) ? Number(length) : undefined;
  if (!address || prefix === undefined || prefix > address.bits || more.length > 0) {
    throw new RangeError(
      `found ${JSON.stringify(text)}, expected an address or a block of addresses such as 10.0.0.0/8 or 2001:db8::/32`,
    );
  }
  const shift = BigInt(address.bits - prefix);
  const block = address.value >> shift;
  const contains = (contender: string) => {
    const other = parseAddress(contender);
    return other !== undefined && other.bits === address.bits && other.value >> shift === block;
  };
  // Of two blocks that meet one lies within the other.
  return { text, base, contains, meets: (other) => contains(other.base) || other.contains(base) };
}

/** Whether a text is an IPv4 or IPv6 address. */
export function isAddress(text: string): boolean {
  return parseAddress(text) !== undefined;
}

/** An IPv4 address written as IPv6 (`::ffff:10.0.0.1`), as dual-stack sockets report it, becomes plain IPv4; a zone id is cut off. */
export function plainAddress(address: string): string {
  return address.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}

function parseAddress(text: string): Address | undefined {
  const plain = plainAddress(text);
  return plain.includes(':') ? parseIpv6(plain) : parseIpv4(plain);
}

function parseIpv4(text: string): Address | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
  if (!parts || parts.some((part) => part > 255)) return undefined;
  return { bits: 32, value: parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n) };
}

function parseIpv6(text: string): Address | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head!.length - (tail?.length ?? 0);
  if (tail ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head!, ...Array<string>(missing).fill('0'), ...(tail ?? [])];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return { bits: 128, value: BigInt(`0x${groups.map((group) => group.padStart(4, '0')).join('')}`) };
}
