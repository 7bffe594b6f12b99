import type { Predicate } from './flag-context.ts';

/** A block of IPv4 addresses: those whose bits under the mask are `base`. */
interface Block {
  readonly base: number;
  readonly mask: number;
}

/**
 * Whether the client's address is in a comma-separated list of addresses and IPv4 blocks, `10.0.0.0/8, 192.0.2.7`. As in Unleash's strategy
 * `remoteAddress`, other things than IPv4 are compared as they are written, and what cannot be read matches nothing.
 */
export function compileAddressList(list: string): Predicate {
  const entries = list.split(/\s*,\s*/);
  const written = new Set(entries);
  const blocks = entries.flatMap((entry) => blockOf(entry) ?? []);
  return ({ clientAddress }) => {
    if (written.has(clientAddress)) return true;
    const address = blocks.length === 0 ? undefined : addressOf(clientAddress);
    return address !== undefined && blocks.some(({ base, mask }) => (address & mask) === base);
  };
}

function blockOf(entry: string): Block | undefined {
  const [, text = '', length = '32'] = /^(.*?)(?:\/(\d{1,2}))?$/s.exec(entry)!;
  const address = addressOf(text);
  const bits = Number(length);
  if (address === undefined || bits > 32) return undefined;
  // A shift by 32 is a shift by 0.
  const mask = bits === 0 ? 0 : -1 << (32 - bits);
  return { base: address & mask, mask };
}

/** The 32 bits of a dotted address; undefined for anything else, such as an octet with a leading zero. */
function addressOf(text: string): number | undefined {
  const octets = text.split('.');
  if (octets.length !== 4 || !octets.every((octet) => /^(?:0|[1-9]\d{0,2})$/.test(octet) && Number(octet) <= 255)) {
    return undefined;
  }
  return octets.reduce((bits, octet) => (bits << 8) | Number(octet), 0);
}
