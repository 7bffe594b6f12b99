import { constants, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { GatewayError } from '../errors.ts';
import type { ListenerLimits } from './config.ts';
import type { Peer } from './connection.ts';
import { Http2Client } from './http2-client.ts';
import { watchLiveness } from './http2-liveness.ts';
import type { ListenerPorts } from './listener-ports.ts';
import { RateLimit } from './rate-limit.ts';

const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;

/**
 * How many requests a client may begin and not wait for: more than a browser does that leaves page after page, much less than an attack
 * needs (CVE-2023-44487). Also counted are those that it makes us reset (CVE-2025-8671).
 */
const resets = { burst: 300, perSecond: 30 };
/** The highest stream id: tells a client that the connection will end without refusing what is on its way (RFC 9113 section 6.8). */
const anyStream = 2 ** 31 - 1;
/** How long a closed connection may take to send what is left and see the client's end. */
const lingerMs = 5_000;

/** What a connection is made of. */
export interface ConnectionParts {
  readonly session: ServerHttp2Session;
  readonly socket: Socket;
  readonly peer: Peer;
}

/** One connection that speaks HTTP/2: its requests, how many the client gives up, and how long it may wait. */
export class Http2Connection {
  readonly #session: ServerHttp2Session;
  readonly #socket: Socket;
  readonly #peer: Peer;
  readonly #limits: ListenerLimits;
  readonly #ports: ListenerPorts;
  readonly #resets = new RateLimit(resets, performance.now());
  #open = 0;
  #draining = false;
  #closing = false;
  #waiting: NodeJS.Timeout;

  constructor({ session, socket, peer }: ConnectionParts, limits: ListenerLimits, ports: ListenerPorts) {
    this.#session = session;
    this.#socket = socket;
    this.#peer = peer;
    this.#limits = limits;
    this.#ports = ports;
    this.#waiting = setTimeout(() => this.#close(), limits.headMs);
    session.on('stream', (...received: [ServerHttp2Stream, IncomingHttpHeaders, number, string[]]) =>
      this.#take(...received),
    );
    endWell(session, socket);
    session.on('error', (error: NodeJS.ErrnoException) => this.#failed(error));
    watchLiveness(session, limits.stallMs, () => this.#gone());
    session.once('close', () => clearTimeout(this.#waiting));
  }

  /** Tells the client to send new requests elsewhere; what it sent before it could know is still answered. */
  drain(): void {
    if (this.#draining || this.#session.closed) return;
    this.#draining = true;
    this.#session.goaway(NGHTTP2_NO_ERROR, anyStream);
    // When this comes back, all that was sent before the client knew is here.
    this.#session.ping(() => this.#session.close());
  }

  closeIfIdle(): void {
    if (this.#open === 0) this.#close();
  }

  #take(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, rawHeaders: string[]): void {
    // What goes wrong with a stream is told by its close.
    stream.on('error', () => {});
    if (stream.closed) {
      this.#countReset();
      return;
    }
    this.#begin(stream);
    const { forwarder, handle } = this.#ports;
    const client = new Http2Client({ stream, headers, rawHeaders }, this.#peer, forwarder, () => this.drain());
    const { response } = client;
    stream.once('close', () => {
      if (!response.writableFinished && !response.brokenOff) this.#countReset();
    });
    stream.setTimeout(this.#limits.stallMs, () => {
      if (response.writableLength > 0) this.#stalled(client);
    });
    if (headers[':method'] === 'CONNECT') this.#refuse(client, new GatewayError('no-tunnel', 'found method CONNECT'));
    else handle(client);
  }

  #begin(stream: ServerHttp2Stream): void {
    this.#open += 1;
    clearTimeout(this.#waiting);
    stream.once('close', () => {
      this.#open -= 1;
      if (this.#open === 0 && !this.#session.destroyed)
        this.#waiting = setTimeout(() => this.#close(), this.#limits.idleMs);
    });
  }

  #refuse(client: Http2Client, error: GatewayError): void {
    this.#ports.refused(error, this.#peer);
    client.refuse(error);
  }

  #stalled(client: Http2Client): void {
    this.#ports.telemetry.clientNotReading(client.response.writableLength);
    client.destroy();
  }

  #countReset(): void {
    if (this.#session.destroyed || this.#resets.allows(performance.now())) return;
    this.#ports.telemetry.cut('too-many-resets', `${this.#peer.remoteAddress} gives up request after request`);
    this.#session.destroy(new Error('too many resets'), NGHTTP2_ENHANCE_YOUR_CALM);
  }

  /** Breaches of the protocol end the connection; Node has said why in GOAWAY. A client that just leaves is no failure. */
  #failed(error: NodeJS.ErrnoException): void {
    if (error.code === 'ERR_HTTP2_ERROR' || error.code === 'ERR_HTTP2_TOO_MANY_INVALID_FRAMES')
      this.#ports.telemetry.cut('http2-protocol', error.message);
  }

  #gone(): void {
    this.#ports.telemetry.cut('client-not-reading', `${this.#peer.remoteAddress} does not answer a PING`);
    this.#socket.destroy();
  }

  #close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#session.close();
    linger(this.#socket);
  }
}

/** What a client broke (nghttp2's error numbers) as RFC 9113 section 7 names it. */
const codeOf: ReadonlyMap<number | undefined, number> = new Map([
  [-505, constants.NGHTTP2_PROTOCOL_ERROR],
  [-510, constants.NGHTTP2_STREAM_CLOSED],
  [-522, constants.NGHTTP2_FRAME_SIZE_ERROR],
  [-523, constants.NGHTTP2_COMPRESSION_ERROR],
  [-524, constants.NGHTTP2_FLOW_CONTROL_ERROR],
  [-903, constants.NGHTTP2_PROTOCOL_ERROR],
  [-904, constants.NGHTTP2_ENHANCE_YOUR_CALM],
]);

/**
 * Makes GOAWAY name what the client broke: Node destroys its session without a code, which then says that the fault is ours. And sees to the
 * connection's end: of a client that leaves meanwhile Node may learn nothing any more, and keep it for ever.
 */
function endWell(session: ServerHttp2Session, socket: Socket): void {
  const destroy = session.destroy.bind(session);
  session.destroy = (error?: NodeJS.ErrnoException, code?: number) => {
    destroy(error, code ?? (error && (codeOf.get(error.errno) ?? NGHTTP2_INTERNAL_ERROR)));
    linger(socket);
  };
}

/** Leaves a connection that is ending some time for it. */
function linger(socket: Socket): void {
  if (socket.destroyed) return;
  const cut = setTimeout(() => socket.destroy(), lingerMs).unref();
  socket.once('close', () => clearTimeout(cut));
}
