import type { Socket } from 'node:net';
import { GatewayError, type GatewayErrorCode } from '../../errors.ts';
import type { Peer } from '../../listening/connection.ts';
import type { ClientSide } from '../client-side.ts';
import type { ForwardOutcome, ForwardPlan } from '../forwarder.ts';
import { ownAnswer } from '../own-answer.ts';
import type { Deadlines, Timed } from './deadlines.ts';
import { Inbox } from './inbox.ts';
import { closingLines, refusalText } from './message-text.ts';
import { maxOrdinaryHeadBytes, readRequestHead, type Unusual } from './request-grammar.ts';
import type { UpstreamPool } from './upstream-pool.ts';
import { type ClientTurns, WireClient } from './wire-client.ts';
import { type ClientEnd, WireExchange } from './wire-exchange.ts';

/**
 * Why a connection went to the general listener: what is unusual in a request's head; `slow`: a head that does not come to its end; `body`:
 * a route looks into the body; `upstream`: the request is for one that wire cannot speak to.
 */
export type HandOverReason = Unusual | 'slow' | 'body' | 'upstream';

/** How long clients may take. */
export interface WireLimits {
  /** Until the first byte of a connection's first request. */
  readonly headMs: number;
  /** Until the first byte of a later one. */
  readonly idleMs: number;
  /** Without reading anything of what waits for them. */
  readonly stallMs: number;
}

/** What a wire server stands on. */
export interface WirePorts {
  /** Takes a request. Never throws. */
  readonly handle: (client: ClientSide) => void;
  /** Takes a connection for good, with bytes to be read. Must listen to it before it returns. */
  readonly handOver: (socket: Socket, peer: Peer, why: HandOverReason) => void;
  /** A request was answered with an error before it could be handled. */
  readonly refused: (error: GatewayError, peer: Peer) => void;
  /** A client is cut that did not read. `waitingBytes`: of what was sent to it. */
  readonly stalled: (waitingBytes: number) => void;
}

/** What connections share. */
export interface WireShared extends WireLimits, WirePorts {
  readonly pool: UpstreamPool;
  readonly deadlines: Deadlines;
  /** The end of an answer's head behind which the connection goes on. */
  readonly persistingLines: string;
  /** The connection is no longer this server's. */
  readonly left: (connection: WireConnection) => void;
}

/** How long a head may take until the general listener has to look after it, which has a limit of its own. */
const slowHeadMs = 1_000;
/** How many pieces a head may come in until the same: reading it again with each piece costs. */
const maxHeadPieces = 16;
/** How long a client may go on sending a body that nobody waits for any more. */
const leftoverUploadMs = 30_000;
/** How long we wait for a client to close after its last answer: closing first, with bytes unread, could take the answer from it. */
const lingerMs = 5_000;
/** How much is read ahead of the request that is being served. */
const maxAheadBytes = 64 * 1024;
/** Enough for nearly every head. */
const firstLookBytes = 4 * 1024;

/** Where others could see the request's end elsewhere: nothing more is read from such a connection. */
const endInDoubt: ReadonlySet<GatewayErrorCode> = new Set([
  'bad-request',
  'unsupported-transfer-coding',
  'client-stalled',
]);

/**
 * A client's connection while its requests are ordinary, one after the other:
 *
 *     idle ──► serving ──► (discarding) ──► idle …
 *      │          │             └► closing
 *      └► gone ◄──┘    (handed over, or closed)
 *
 * idle: waiting for a head, perhaps with its beginning. serving: a request is at its handler or upstream; what comes is its body or kept.
 * discarding: its answer is out, its body is not all in. closing: the last answer is out. A connection is handed over only when every
 * earlier answer on it is out, and with all bytes of the request that it is handed over for.
 */
export class WireConnection implements ClientEnd, ClientTurns, Timed {
  deadlineMs = Number.POSITIVE_INFINITY;
  bodyLeft = 0;
  readonly peer: Peer;
  readonly #socket: Socket;
  readonly #shared: WireShared;
  readonly #inbox = new Inbox();
  #state: 'idle' | 'serving' | 'discarding' | 'closing' | 'gone' = 'idle';
  #client: WireClient | undefined;
  #exchange: WireExchange | undefined;
  /** The head of the request that is being served, as it came. */
  #head: Buffer | undefined;
  #headPieces = 0;
  #lastAnswer = false;
  #draining = false;
  #paused = false;
  #readingOn = false;

  constructor(socket: Socket, peer: Peer, shared: WireShared) {
    this.#socket = socket;
    this.#shared = shared;
    this.peer = peer;
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
    socket.on('timeout', this.#onTimeout);
    shared.deadlines.watch(this);
    this.deadlineMs = shared.deadlines.after(shared.headMs);
  }

  /** From now on each answer that begins is the last. */
  drain(): void {
    this.#draining = true;
  }

  /** Closes it where it waits for a request. */
  closeIdle(): void {
    if (this.#state === 'idle' && this.#inbox.length === 0) this.#close();
  }

  destroy(client?: WireClient): void {
    if (client === undefined || client === this.#client) this.#socket.destroy();
  }

  connectionLines(): string {
    if (this.#draining) this.#lastAnswer = true;
    return this.#lastAnswer ? closingLines : this.#shared.persistingLines;
  }

  get flushed(): boolean {
    return this.#socket.writableLength === 0;
  }

  write(bytes: Buffer | string): void {
    this.#socket.write(bytes, 'latin1');
  }

  whenFlushed(act: () => void): void {
    this.#socket.setTimeout(this.#shared.stallMs);
    // Whatever is written is done with in order, nothing too.
    this.#socket.write('', (error) => {
      this.#socket.setTimeout(0);
      if (!error) act();
    });
  }

  takeBody(): Buffer | undefined {
    const piece = this.#inbox.take(this.bodyLeft);
    if (piece !== undefined) this.bodyLeft -= piece.length;
    return piece;
  }

  pauseBody(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resumeBody(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket.resume();
  }

  forward(client: WireClient, plan: ForwardPlan): Promise<ForwardOutcome> {
    if (client !== this.#client) return Promise.resolve({ kind: 'abandoned', ...noEffort });
    if (!isForWire(plan)) {
      this.#handOver('upstream');
      return Promise.resolve({ kind: 'handed-over', ...noEffort });
    }
    return new Promise((settle) => {
      this.#exchange = new WireExchange(this, client.request, plan, this.#shared, (outcome) => {
        this.#exchange = undefined;
        settle(outcome);
      });
      this.#exchange.start();
    });
  }

  handOver(client: WireClient, why: 'body'): void {
    if (client === this.#client) this.#handOver(why);
  }

  refuse(client: WireClient, error: GatewayError, requestId: string | undefined, page: string | undefined): void {
    if (client === this.#client) this.#refuse(error, requestId, page);
  }

  closeAfterAnswer(client: WireClient): void {
    if (client === this.#client) this.#lastAnswer = true;
  }

  answered(): void {
    this.#client = undefined;
    this.#head = undefined;
    this.resumeBody();
    if (this.#lastAnswer) this.#close();
    else if (this.bodyLeft === 0) this.#becomeIdle();
    else {
      this.#state = 'discarding';
      this.deadlineMs = this.#shared.deadlines.after(leftoverUploadMs);
      this.#discard();
    }
  }

  onDeadline(): void {
    if (this.#exchange) this.#exchange.late();
    else if (this.#state === 'idle' && this.#inbox.length > 0) this.#handOver('slow');
    else this.#socket.destroy();
  }

  readonly #onData = (piece: Buffer): void => {
    switch (this.#state) {
      case 'idle':
        this.#inbox.push(piece);
        this.#readOn();
        break;
      case 'serving':
        this.#receive(piece);
        break;
      case 'discarding':
        this.#inbox.push(piece);
        this.#discard();
        break;
      default:
    }
  };

  /** A client that has closed its half is taken for gone, as it is by node:http. */
  readonly #onEnd = (): void => {
    if (this.#state === 'idle' && this.#inbox.length > 0) {
      const error = new GatewayError('bad-request', 'found the end of the connection in the middle of a head');
      this.#shared.refused(error, this.peer);
      this.#refuse(error, undefined, undefined);
    } else if (this.#state === 'serving') this.#socket.destroy();
    else this.#socket.end();
  };

  readonly #onTimeout = (): void => {
    this.#shared.stalled(this.#socket.writableLength);
    this.#socket.destroy();
  };

  /** What there is to do is done when it closes. */
  readonly #onError = (): void => {};

  readonly #onClose = (): void => {
    this.#leave();
    this.#exchange?.abandon();
  };

  #receive(piece: Buffer): void {
    if (this.#exchange && piece.length <= this.bodyLeft) {
      // Optimization: what is all body goes on without a stay in the inbox, which then is empty.
      this.bodyLeft -= piece.length;
      this.#exchange.body(piece);
      return;
    }
    this.#inbox.push(piece);
    const rest = this.#exchange && this.takeBody();
    if (rest !== undefined) this.#exchange!.body(rest);
    if (this.#inbox.length > maxAheadBytes) this.pauseBody();
  }

  #discard(): void {
    while (this.takeBody() !== undefined);
    if (this.bodyLeft === 0) this.#becomeIdle();
  }

  #becomeIdle(): void {
    this.#state = 'idle';
    this.deadlineMs = this.#shared.deadlines.after(this.#shared.idleMs);
    this.#readOn();
  }

  /** A request that is answered at once leads back here: then the loop that is already running goes on. */
  #readOn(): void {
    if (this.#readingOn) return;
    this.#readingOn = true;
    while (this.#state === 'idle' && this.#inbox.length > 0 && this.#readRequest());
    this.#readingOn = false;
  }

  /** False: there is no whole head yet. */
  #readRequest(): boolean {
    const bytes = this.#inbox.whole();
    const reading = look(bytes);
    switch (reading.kind) {
      case 'ordinary':
        this.#head = this.#inbox.take(reading.end);
        this.#headPieces = 0;
        this.bodyLeft = reading.bodyBytes;
        this.#lastAnswer = !reading.keepAlive;
        this.#state = 'serving';
        this.deadlineMs = Number.POSITIVE_INFINITY;
        this.#client = new WireClient(this, reading);
        this.#shared.handle(this.#client);
        return true;
      case 'unusual':
        this.#handOver(reading.why);
        return false;
      case 'incomplete':
        return this.#awaitRest();
    }
  }

  #awaitRest(): false {
    this.#headPieces += 1;
    if (this.#inbox.length >= maxOrdinaryHeadBytes) this.#handOver('size');
    else if (this.#headPieces >= maxHeadPieces) this.#handOver('slow');
    else if (this.#headPieces === 1) this.deadlineMs = this.#shared.deadlines.after(slowHeadMs);
    return false;
  }

  #refuse(error: GatewayError, requestId: string | undefined, page: string | undefined): void {
    if (endInDoubt.has(error.code)) this.#lastAnswer = true;
    const headOnly = this.#client?.head.method === 'HEAD';
    this.write(refusalText(ownAnswer(error, requestId, page), headOnly, this.connectionLines()));
    this.answered();
  }

  #close(): void {
    this.#state = 'closing';
    this.deadlineMs = this.#shared.deadlines.after(lingerMs);
    this.#socket.end();
  }

  #handOver(why: HandOverReason): void {
    const unread = this.#head ? Buffer.concat([this.#head, this.#inbox.whole()]) : this.#inbox.whole();
    const socket = this.#socket;
    this.#leave();
    socket.off('data', this.#onData).off('end', this.#onEnd).off('timeout', this.#onTimeout);
    socket.off('error', this.#onError).off('close', this.#onClose);
    socket.pause();
    socket.unshift(unread);
    this.#shared.handOver(socket, this.peer, why);
    socket.resume();
  }

  #leave(): void {
    this.#state = 'gone';
    this.#client = undefined;
    this.#shared.deadlines.unwatch(this);
    this.#shared.left(this);
  }
}

const noEffort = { durationMs: 0, firstByteMs: undefined, requestBytes: 0, answerBytes: 0, attempts: 0 };

/** Whether the upstream speaks plain HTTP/1.1 and the answer is passed on as it is. */
function isForWire({ upstream, rewritesBodies }: ForwardPlan): boolean {
  return upstream.forwarder === 'wire' && upstream.tls === undefined && !rewritesBodies;
}

function look(bytes: Buffer) {
  const first = readRequestHead(bytes.toString('latin1', 0, Math.min(bytes.length, firstLookBytes)));
  if (first.kind !== 'incomplete' || bytes.length <= firstLookBytes) return first;
  return readRequestHead(bytes.toString('latin1', 0, Math.min(bytes.length, maxOrdinaryHeadBytes)));
}
