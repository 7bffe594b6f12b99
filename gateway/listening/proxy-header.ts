import { isIPv4, isIPv6 } from 'node:net';

/**
 * What the first bytes of a connection are, read as a PROXY protocol header (HAProxy's specification, versions 1 and 2). `length`: of the
 * header in bytes; `source`: the client's address as the proxy saw it, undefined where the proxy speaks for itself (LOCAL) or does not know.
 */
export type ProxyHeader =
  | { readonly kind: 'header'; readonly length: number; readonly source: string | undefined }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'malformed'; readonly found: string };

/** The longest header of version 1, CR LF included. */
const maxTextLength = 107;
/** More than any proxy sends: addresses of 216 bytes at most, and TLVs of a few hundred. */
const maxBinaryLength = 4096;
const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const fixedLength = 16;
const word = Buffer.from('PROXY ', 'latin1');

/** Reads a header from the first bytes of a connection. Strict: whatever a specification-conforming proxy would not send is malformed. Pure. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (beginsLike(bytes, signature)) return bytes.length < fixedLength ? incomplete : readBinary(bytes);
  if (beginsLike(bytes, word)) return readText(bytes);
  return malformed(`found ${excerpt(bytes)}, expected a PROXY header`);
}

const incomplete: ProxyHeader = { kind: 'incomplete' };

function malformed(found: string): ProxyHeader {
  return { kind: 'malformed', found };
}

function beginsLike(bytes: Buffer, expected: Buffer): boolean {
  const length = Math.min(bytes.length, expected.length);
  return bytes.subarray(0, length).equals(expected.subarray(0, length));
}

/** `PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n`, or `PROXY UNKNOWN` and anything up to the end of the line. */
function readText(bytes: Buffer): ProxyHeader {
  const line = bytes.subarray(0, maxTextLength).toString('latin1');
  const end = line.indexOf('\r\n');
  if (end === -1) {
    return bytes.length < maxTextLength ? incomplete : malformed(`found no line end in ${maxTextLength} bytes`);
  }
  const header = (source: string | undefined): ProxyHeader => ({ kind: 'header', length: end + 2, source });
  const text = line.slice(0, end);
  if (/^PROXY UNKNOWN(?: |$)/.test(text)) return header(undefined);
  const [, family, source, destination, ...ports] =
    /^PROXY TCP([46]) ([\da-fA-F:.]+) ([\da-fA-F:.]+) (\d{1,5}) (\d{1,5})$/.exec(text) ?? [];
  const isAddress = family === '4' ? isIPv4 : isIPv6;
  const valid = source !== undefined && isAddress(source) && isAddress(destination!) && ports.every(isPort);
  return valid
    ? header(source)
    : malformed(`found ${excerpt(bytes.subarray(0, end))}, expected PROXY TCP4, TCP6 or UNKNOWN`);
}

function isPort(text: string): boolean {
  return /^(?:0|[1-9]\d*)$/.test(text) && Number(text) <= 65_535;
}

/**
 * Signature (12 bytes), version 2 and command (1: LOCAL 0, PROXY 1), family and transport (1), length of the rest (2, big-endian), then
 * source address, destination address, their ports, and TLVs that are not looked at.
 */
function readBinary(bytes: Buffer): ProxyHeader {
  const versionAndCommand = bytes[12]!;
  const family = bytes[13]!;
  const rest = bytes.readUInt16BE(14);
  const length = fixedLength + rest;
  if (versionAndCommand !== 0x20 && versionAndCommand !== 0x21)
    return malformed(`found version and command 0x${versionAndCommand.toString(16)}, expected 0x20 or 0x21`);
  if (length > maxBinaryLength)
    return malformed(`found a header of ${length} bytes, expected ${maxBinaryLength} at most`);
  const needed = addressBytes.get(family);
  if (needed === undefined) return malformed(`found address family and transport 0x${family.toString(16)}`);
  if (rest < needed) return malformed(`found ${rest} bytes of addresses, expected ${needed}`);
  if (bytes.length < length) return incomplete;
  const local = versionAndCommand === 0x20;
  return { kind: 'header', length, source: local ? undefined : sourceAddress(family, bytes) };
}

const overTcp4 = 0x11;
const overTcp6 = 0x21;

/** Bytes of addresses by family and transport: unknown, TCP over IPv4, over IPv6, a Unix stream socket. Datagrams cannot be on a stream. */
const addressBytes: ReadonlyMap<number, number> = new Map([
  [0x00, 0],
  [overTcp4, 12],
  [overTcp6, 36],
  [0x31, 216],
]);

function sourceAddress(family: number, bytes: Buffer): string | undefined {
  if (family === overTcp4) return bytes.subarray(fixedLength, fixedLength + 4).join('.');
  if (family !== overTcp6) return undefined;
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(fixedLength + index * 2).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

function excerpt(bytes: Buffer): string {
  return JSON.stringify(bytes.subarray(0, 40).toString('latin1'));
}
