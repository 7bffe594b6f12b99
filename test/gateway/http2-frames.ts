import { once } from 'node:events';
import tls, { type TLSSocket } from 'node:tls';
import { eventually } from './wire.ts';

/** Types of frames (RFC 9113 section 6). */
export const type = {
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const endStream = 0x1;
export const endHeaders = 0x4;

/** Error codes (RFC 9113 section 7). */
export const code = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  enhanceYourCalm: 11,
} as const;

/** A frame as it was on the wire. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** A connection that speaks HTTP/2 frame by frame, so that it can say what no client library would. */
export class FrameClient {
  readonly socket: TLSSocket;
  readonly frames: Frame[] = [];
  readonly closed: Promise<void>;
  readonly #taken = new Set<Frame>();
  #rest: Buffer = Buffer.alloc(0);

  static async connect(port: number): Promise<FrameClient> {
    const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] });
    await once(socket, 'secureConnect');
    return new FrameClient(socket);
  }

  /** A connection on which both ends have said their settings. */
  static async open(port: number): Promise<FrameClient> {
    const client = await FrameClient.connect(port);
    client.raw('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    client.frame(type.settings, 0, 0);
    await client.first((frame) => frame.type === type.settings);
    client.frame(type.settings, 1, 0);
    return client;
  }

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
  }

  raw(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  frame(kind: number, flags: number, stream: number, payload: Buffer | string = Buffer.alloc(0)): void {
    this.raw(frameBytes(kind, flags, stream, payload));
  }

  /** A whole request without a body, or the beginning of one that goes on. */
  request(
    stream: number,
    fields: readonly (readonly [string, string])[] = get(),
    flags = endStream | endHeaders,
  ): void {
    this.frame(type.headers, flags, stream, block(fields));
  }

  /** The first frame that is as asked for; rejects when none comes. */
  first(matches: (frame: Frame) => boolean): Promise<Frame> {
    return eventually(() => this.frames.find(matches));
  }

  /** The next frame that is as asked for and was not looked at by this before. */
  async next(matches: (frame: Frame) => boolean): Promise<Frame> {
    const frame = await this.first((candidate) => !this.#taken.has(candidate) && matches(candidate));
    this.#taken.add(frame);
    return frame;
  }

  /** The code with which a stream was reset. */
  async reset(stream: number): Promise<number> {
    const { payload } = await this.first((frame) => frame.type === type.rstStream && frame.stream === stream);
    return payload.readUInt32BE(0);
  }

  /** The code with which the connection was ended. */
  async goneAway(): Promise<number> {
    const { payload } = await this.first((frame) => frame.type === type.goaway);
    return payload.readUInt32BE(4);
  }

  /** Frames of one stream. */
  of(stream: number): Frame[] {
    return this.frames.filter((frame) => frame.stream === stream);
  }

  #read(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 9 && this.#rest.length >= 9 + this.#rest.readUIntBE(0, 3)) {
      const length = this.#rest.readUIntBE(0, 3);
      this.frames.push({
        type: this.#rest[3]!,
        flags: this.#rest[4]!,
        stream: this.#rest.readUInt32BE(5) & 0x7fffffff,
        payload: Buffer.from(this.#rest.subarray(9, 9 + length)),
      });
      this.#rest = this.#rest.subarray(9 + length);
    }
  }
}

/** A frame's bytes: length (24 bits), type (8), flags (8), stream (31), payload. */
export function frameBytes(kind: number, flags: number, stream: number, payload: Buffer | string): Buffer {
  const body = Buffer.from(payload as string);
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head[3] = kind;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, body]);
}

/** A field block of literals that are not indexed and not Huffman-coded (RFC 7541 section 6.2.2). */
export function block(fields: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  return Buffer.concat([integer(bytes.length), bytes]);
}

/** An integer with a prefix of 7 bits (RFC 7541 section 5.1). */
function integer(value: number): Buffer {
  if (value < 127) return Buffer.from([value]);
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest >>>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}

/** The fields of a GET. */
export function get(path = '/', more: readonly (readonly [string, string])[] = []): (readonly [string, string])[] {
  return [[':method', 'GET'], [':scheme', 'https'], [':authority', 'shop.test'], [':path', path], ...more];
}

/** A number of 32 bits as a payload: an error code, a window's increment. */
export function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
