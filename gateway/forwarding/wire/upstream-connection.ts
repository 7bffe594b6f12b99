import net, { type Socket } from 'node:net';
import type { UpstreamConfig } from '../config.ts';
import type { UpstreamAddress } from '../upstreams/upstream-address.ts';
import type { Deadlines, Timed } from './deadlines.ts';

/** Room before the bytes that were read, in which an answer's new head is written: head and body then go out as one piece, uncopied. */
const headroomBytes = 8 * 1024;
/** How much is read at once. */
const readBytes = 64 * 1024;
/** Room behind, for the line break that ends a chunk. */
const tailroomBytes = 2;

/** Who uses a connection at the moment. */
export interface UpstreamUser {
  /**
   * Bytes came: `buffer` from `from` to `to`. They are overwritten by the next read: until they are dealt with, reading must be held. Before
   * `from` there is room that may be written to.
   */
  read(buffer: Buffer, from: number, to: number): void;
  /** The upstream has closed, with an error or in order. Comes once; nothing comes after it. */
  ended(error: Error | undefined): void;
  /** Everything written has left, after `write` had said that it was too much. */
  drained(): void;
}

/** One connection to an upstream, with a buffer of its own that all reads go to. */
export class UpstreamConnection implements Timed {
  deadlineMs = Number.POSITIVE_INFINITY;
  /** Whoever gets what happens here; undefined while it is idle. */
  user: UpstreamUser | undefined;
  /** How often it was used before. */
  uses = 0;
  idleSinceMs = 0;
  readonly #socket: Socket;
  readonly #deadlines: Deadlines;
  readonly #whileIdle: (connection: UpstreamConnection) => void;
  #ended = false;
  #held = false;
  #connected = false;

  /** Begins to connect. `whileIdle` is told when it closes, or says something nobody asked for, while nobody uses it. */
  constructor(
    { address, connectTimeoutMs }: Pick<UpstreamConfig, 'address' | 'connectTimeoutMs'>,
    deadlines: Deadlines,
    whileIdle: (connection: UpstreamConnection) => void,
  ) {
    this.#deadlines = deadlines;
    this.#whileIdle = whileIdle;
    const whole = Buffer.allocUnsafeSlow(headroomBytes + readBytes + tailroomBytes);
    const buffer = whole.subarray(headroomBytes, headroomBytes + readBytes);
    const callback = (bytes: number) => this.#read(whole, bytes);
    this.#socket = net.connect({ ...placeOf(address), noDelay: true, onread: { buffer, callback } });
    this.#socket.once('connect', () => this.#stands());
    this.#socket.on('drain', () => this.user?.drained());
    this.#socket.on('error', (error) => this.#end(error));
    this.#socket.on('end', () => this.#end(undefined));
    this.#socket.on('close', () => this.#end(undefined));
    deadlines.watch(this);
    this.deadlineMs = deadlines.after(connectTimeoutMs);
  }

  get connected(): boolean {
    return this.#connected;
  }

  get usable(): boolean {
    return !this.#ended;
  }

  /** Everything written was taken by the system. */
  get flushed(): boolean {
    return this.#socket.writableLength === 0;
  }

  /** `write` has said that it was too much, and `drained` is still to come. */
  get backedUp(): boolean {
    return this.#socket.writableNeedDrain;
  }

  /** False: enough until `drained` is called. */
  write(bytes: Buffer | string): boolean {
    return this.#socket.write(bytes, 'latin1');
  }

  /** Reads no more until `resume`. */
  pause(): void {
    this.#held = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#held) return;
    this.#held = false;
    this.#socket.resume();
  }

  /** Closes it at once. Its user hears nothing any more. */
  destroy(): void {
    this.user = undefined;
    this.#socket.destroy();
  }

  onDeadline(): void {
    if (this.#connected) {
      this.#whileIdle(this);
      return;
    }
    this.#end(new UpstreamConnectTimeout('no connection in time'));
  }

  #stands(): void {
    this.#connected = true;
    this.deadlineMs = Number.POSITIVE_INFINITY;
  }

  #read(buffer: Buffer, bytes: number): boolean {
    if (this.user) this.user.read(buffer, headroomBytes, headroomBytes + bytes);
    else this.#whileIdle(this);
    return true;
  }

  #end(error: Error | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#deadlines.unwatch(this);
    const { user } = this;
    this.user = undefined;
    this.#socket.destroy();
    if (user) user.ended(error);
    else this.#whileIdle(this);
  }
}

function placeOf(address: UpstreamAddress): { host: string; port: number } | { path: string } {
  return address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port };
}

/** Says what the system would say had it waited as long. */
class UpstreamConnectTimeout extends Error {
  readonly code = 'ETIMEDOUT';
}
