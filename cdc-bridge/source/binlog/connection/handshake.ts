import { malformed } from './packet-reader.ts';
import { PayloadCursor } from './payload-cursor.ts';

/** The server's first packet (protocol version 10). */
export interface Greeting {
  readonly serverVersion: string;
  readonly capabilities: number;
  /** 20 random bytes that the proof of the password goes with. */
  readonly scramble: Buffer;
  readonly plugin: string;
}

/** Capability flags, by the protocol's own names. */
export const capability = {
  longPassword: 0x1,
  longFlag: 0x4,
  protocol41: 0x200,
  ssl: 0x800,
  transactions: 0x2000,
  secureConnection: 0x8000,
  pluginAuth: 0x8_0000,
  pluginAuthLengthEncoded: 0x20_0000,
} as const;

const ours =
  capability.longPassword |
  capability.longFlag |
  capability.protocol41 |
  capability.transactions |
  capability.secureConnection |
  capability.pluginAuth |
  capability.pluginAuthLengthEncoded;
const maxPacketBytes = 2 ** 30;
/** utf8mb4_general_ci, known to every server. */
const charset = 45;
const scrambleBytes = 20;

/**
 * Layout: version (1), server version (to zero), connection id (4), scramble part 1 (8), zero, capabilities low (2), charset (1), status (2),
 * capabilities high (2), scramble length (1), reserved (10), scramble part 2 (to its length, at least 13 with a zero), plugin (to zero).
 */
export function parseGreeting(payload: Buffer): Greeting {
  const fields = new PayloadCursor(payload);
  const version = fields.uint(1);
  if (version !== 10) throw malformed(`found a greeting of version ${version}, expected 10`);
  const serverVersion = fields.untilZero().toString('latin1');
  fields.take(4);
  const first = fields.take(8);
  fields.take(1);
  const low = fields.uint(2);
  fields.take(3);
  const capabilities = (low | (fields.uint(2) << 16)) >>> 0;
  if ((capabilities & capability.pluginAuth) === 0)
    throw malformed(`found server ${serverVersion}, expected one of 5.7 or later`);
  const length = fields.uint(1);
  fields.take(10);
  const second = fields.take(Math.max(13, length - 8));
  const scramble = Buffer.concat([first, second]).subarray(0, scrambleBytes);
  return { serverVersion, capabilities, scramble, plugin: fields.untilZero().toString('latin1') };
}

/** Asks for TLS; everything after it is encrypted. */
export function tlsRequest(): Buffer {
  return preamble(ours | capability.ssl);
}

/** Who we are, with the proof that the plugin gave. */
export function handshakeResponse(user: string, proof: Buffer, plugin: string, overTls: boolean): Buffer {
  return Buffer.concat([
    preamble(overTls ? ours | capability.ssl : ours),
    Buffer.from(`${user}\0`),
    lengthBefore(proof),
    Buffer.from(`${plugin}\0`),
  ]);
}

/** Capabilities (4), largest packet (4), charset (1), reserved (23). */
function preamble(capabilities: number): Buffer {
  const bytes = Buffer.alloc(32);
  bytes.writeUInt32LE(capabilities >>> 0, 0);
  bytes.writeUInt32LE(maxPacketBytes, 4);
  bytes[8] = charset;
  return bytes;
}

/** A password of 255 bytes or more, sent as it is over TLS, needs the longer form of length. */
function lengthBefore(bytes: Buffer): Buffer {
  if (bytes.length < 0xfb) return Buffer.concat([Buffer.of(bytes.length), bytes]);
  return Buffer.concat([Buffer.of(0xfc, bytes.length & 0xff, bytes.length >> 8), bytes]);
}
