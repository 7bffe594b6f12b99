import { BridgeError } from '../../../errors.ts';
import type { BinlogEventStream, BinlogRequest, BinlogServer } from '../event-stream.ts';
import { malformed } from './packet-reader.ts';
import type { DumpListener } from './packet-socket.ts';
import { bridgeErrorOf, parseServerError } from './server-error.ts';

/** The socket rests while this much waits to be taken. An event under way is always read to its end. */
const maxWaitingBytes = 4 * 2 ** 20;
/** Three heartbeats may be missed, and one more for a server that is busy. */
const silentPeriods = 4;

const errorMark = 0xff;
const endMark = 0xfe;
const typeAt = 4;
const endPositionAt = 13;
const rotateType = 4;
/** Behind the header (19) and the offset in the next file (8). */
const rotateNameAt = 27;
const checksumBytes = 4;

/** What the feed needs of the connection. */
export interface Tap {
  pause(): void;
  resume(): void;
  fail(failure: BridgeError): void;
  destroy(): void;
}

/** The events of a dump, between the socket, which pushes, and the reader, who pulls. */
export class EventFeed implements BinlogEventStream, DumpListener {
  readonly server: BinlogServer;
  readonly startsWithChecksums: boolean;
  readonly #tap: Tap;
  readonly #request: BinlogRequest;
  readonly #watch: NodeJS.Timeout;
  #batches: Buffer[][] = [];
  #waitingBytes = 0;
  #isPaused = false;
  #isEnded = false;
  #failure: BridgeError | undefined;
  #wake: (() => void) | undefined;
  #heard = true;
  #silent = 0;
  #file = '';
  #last: Buffer | undefined;

  constructor(server: BinlogServer, startsWithChecksums: boolean, tap: Tap, request: BinlogRequest) {
    this.server = server;
    this.startsWithChecksums = startsWithChecksums;
    this.#tap = tap;
    this.#request = request;
    this.#watch = setInterval(() => this.#listenForSilence(), request.heartbeatMs);
  }

  /** Resolves when the server has begun to send, or has nothing to send; throws what it refused the dump with. */
  async begun(): Promise<void> {
    await this.#hasMore();
  }

  async *batches(): AsyncGenerator<readonly Buffer[], void, undefined> {
    try {
      while (await this.#hasMore()) {
        yield this.#takeAll();
      }
    } finally {
      await this.close();
    }
  }

  async close(): Promise<void> {
    this.#batches = [];
    this.#end();
  }

  events(events: Buffer[]): void {
    this.#heard = true;
    if (this.#isEnded || events.length === 0) return;
    for (const event of events) {
      this.#waitingBytes += event.length;
      if (event[typeAt] === rotateType) this.#file = this.#fileIn(event);
    }
    this.#last = events.at(-1);
    this.#batches.push(events);
    if (this.#waitingBytes >= maxWaitingBytes && !this.#isPaused) {
      this.#isPaused = true;
      this.#tap.pause();
    }
    this.#wakeUp();
  }

  ended(failure: BridgeError | undefined, last: Buffer | undefined): void {
    if (this.#isEnded) return;
    this.#failure = failure ?? this.#meaningOf(last!);
    this.#end();
  }

  /** Of an event that is refused before it is taken: where it would have stood. */
  tooLarge(bytes: number): BridgeError {
    const { maxEventBytes } = this.#request;
    const after = this.#last ? ` after position ${this.#last.readUInt32LE(endPositionAt)}` : '';
    return new BridgeError(
      'event-too-large',
      `binlog ${this.#file}${after}: found an event of ${bytes} bytes, legacy.database.maxEvent allows ${maxEventBytes}`,
    );
  }

  /** Whether there is a batch, once one has come or none will; throws when it is an error that ended the dump. */
  async #hasMore(): Promise<boolean> {
    while (this.#batches.length === 0 && !this.#isEnded) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#batches.length > 0) return true;
    if (this.#failure) throw this.#failure;
    return false;
  }

  /** Optimization: all that waits at once, so that a reader who was busy catches up with few commits of its own. */
  #takeAll(): readonly Buffer[] {
    const waiting = this.#batches;
    this.#batches = [];
    this.#waitingBytes = 0;
    this.#readOn();
    return waiting.length === 1 ? waiting[0]! : waiting.flat();
  }

  #readOn(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#heard = true;
    this.#tap.resume();
  }

  #meaningOf(payload: Buffer): BridgeError | undefined {
    const doing = 'reading the binlog';
    if (payload[0] === errorMark)
      return bridgeErrorOf(parseServerError(payload), {
        doing,
        passwordFromFile: false,
        otherwise: 'binlog-undecodable',
      });
    if (payload[0] !== endMark) return malformed(`found a packet of kind ${payload[0]} between events`);
    return this.#request.until === 'end' ? undefined : unreachable('the server ended the dump');
  }

  #end(): void {
    clearInterval(this.#watch);
    this.#isEnded = true;
    this.#tap.destroy();
    this.#wakeUp();
  }

  /** Counts its own calls rather than time: while this process was busy it could not hear, and that is no silence of the server. */
  #listenForSilence(): void {
    this.#silent = this.#heard || this.#isPaused ? 0 : this.#silent + 1;
    this.#heard = false;
    if (this.#silent < silentPeriods) return;
    this.#tap.fail(unreachable(`nothing heard for ${silentPeriods} heartbeats of ${this.#request.heartbeatMs} ms`));
  }

  #fileIn(rotate: Buffer): string {
    return rotate.toString('latin1', rotateNameAt, rotate.length - (this.startsWithChecksums ? checksumBytes : 0));
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}

function unreachable(what: string): BridgeError {
  return new BridgeError('legacy-unreachable', `binlog connection: ${what}`);
}
