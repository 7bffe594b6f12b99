import http, { type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { problemBody } from '../../runtime/problem.ts';
import { GatewayError, problemOf } from '../errors.ts';
import { maxHeaderBytes } from '../forwarding/max-header-bytes.ts';
import { refuse } from '../forwarding/refuse.ts';
import type { ListenerLimits } from './config.ts';
import type { ConnectionServer, Peer } from './connection.ts';
import type { ListenerPorts } from './listener-ports.ts';
import { NodeClient } from './node-client.ts';
import { Turns } from './turns.ts';

/** How often Node looks for heads that are late. */
const lookForLateHeadsMs = 1_000;

/**
 * Serves HTTP/1.x with `node:http`, whatever is asked. Whatever arrives ends in `handle`, in an answer of 400 and above, or, where nothing
 * was asked in time, in silence: nothing a client sends may go unanswered or throw. There is no limit on a whole request's time: uploads may
 * be slow, but not stand still.
 */
export class Http1Server implements ConnectionServer {
  readonly #ports: ListenerPorts;
  readonly #server: Server;
  readonly #turns = new Turns();
  readonly #peers = new WeakMap<Duplex, Peer>();
  readonly #open = new Set<ServerResponse>();
  /** Connections on which nothing was asked yet. */
  readonly #unused = new Set<Duplex>();

  constructor(limits: ListenerLimits, ports: ListenerPorts) {
    this.#ports = ports;
    this.#server = createServer(limits);
    const take = (request: IncomingMessage, response: ServerResponse) => this.#take(request, response);
    this.#server.on('request', take);
    this.#server.on('checkContinue', take);
    // Else Node would answer by itself, out of turn: what to make of an unknown expectation is the application's to say.
    this.#server.on('checkExpectation', take);
    this.#server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) =>
      this.#handedOver(socket, () => this.#takeUpgrade(request, socket, head)),
    );
    this.#server.on('connect', (_request, socket) =>
      this.#handedOver(socket, () => this.#refuseNow(socket, new GatewayError('no-tunnel', 'found method CONNECT'))),
    );
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => this.#broken(error, socket));
    this.#server.on('timeout', (socket) => this.#silent(socket));
  }

  take(socket: Socket, peer: Peer): void {
    this.#peers.set(socket, peer);
    this.#unused.add(socket);
    socket.once('close', () => this.#unused.delete(socket));
    this.#server.emit('connection', socket);
  }

  drain(): void {
    // A head that is out has said that the connection goes on: the next answer says that it does not.
    for (const response of this.#open) if (!response.headersSent) response.shouldKeepAlive = false;
  }

  closeIdle(): void {
    // It listens nowhere: this closes idle connections and ends the search for late heads.
    this.#server.close();
    for (const socket of this.#unused) socket.destroy();
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    this.#unused.delete(request.socket);
    this.#open.add(response);
    response.once('close', () => this.#open.delete(response));
    this.#turns.take(response, () => this.#ports.handle(this.#client(request, response)));
  }

  #client(request: IncomingMessage, response: ServerResponse, upgradeHead?: Buffer): NodeClient {
    return new NodeClient({ request, response }, this.#peerOf(request.socket), this.#ports.forwarder, upgradeHead);
  }

  #peerOf(socket: Duplex): Peer {
    return this.#peers.get(socket)!;
  }

  #handedOver(socket: Duplex, act: () => void): void {
    this.#unused.delete(socket);
    socket.on('error', () => {});
    // Node has let go of the socket: an answer that is still being written would never learn that it may go on.
    if (this.#turns.waitsFor(socket)) socket.destroy();
    else act();
  }

  /** An upgrade has no ServerResponse: one is made, so that an ordinary answer can be given too. h2c is declined by answering in HTTP/1.1. */
  #takeUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.once('finish', () => socket.destroySoon());
    // What Node does for its own: without it an answer longer than the socket's buffer would stop there.
    socket.on('drain', () => response.emit('drain'));
    if (request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0) {
      const error = new GatewayError('upgrade-with-body', 'found Upgrade and a body, expected an upgrade without one');
      this.#ports.refused(error, this.#peerOf(socket));
      refuse({ request, response }, error);
      return;
    }
    const declined = /^h2c?$/i.test(request.headers.upgrade ?? '');
    this.#ports.handle(this.#client(request, response, declined ? undefined : head));
  }

  /** What the client sends cannot be read, or did not come. Who connects and never asks is not told: nobody would expect an answer. */
  #broken(error: NodeJS.ErrnoException, socket: Duplex): void {
    const current = this.#turns.waitsFor(socket);
    const nothingCame = (socket as Socket).bytesRead === 0;
    if (error.code === 'ECONNRESET' || !socket.writable || nothingCame) socket.destroy();
    else if (current && !current.req.complete) this.#breakOff(socket, current, malformed(error));
    else this.#turns.takeLast(socket, () => this.#refuseNow(socket, malformed(error)));
  }

  /** The body of a request that is being served cannot be read on: it gets the refusal for an answer where it has none yet. */
  #breakOff(socket: Duplex, current: ServerResponse, error: GatewayError): void {
    const itsTurn = current.socket !== null;
    if (itsTurn && !current.headersSent) {
      this.#refuseNow(socket, error);
      return;
    }
    this.#ports.refused(error, this.#peerOf(socket));
    socket.destroy();
  }

  #refuseNow(socket: Duplex, error: GatewayError): void {
    this.#ports.refused(error, this.#peerOf(socket));
    refuseRaw(socket, error);
  }

  /** Nothing was read or written for a while: idle connections are closed, and clients that do not read what they asked for cut. */
  #silent(socket: Socket): void {
    if (socket.writableLength > 0) {
      this.#ports.telemetry.clientNotReading(socket.writableLength);
      socket.destroy();
    } else if (!this.#turns.waitsFor(socket)) {
      socket.destroy();
    }
  }
}

/** It listens nowhere: connections are given to it. Saying that it listens makes Node look for late heads. */
function createServer({ headMs, idleMs, stallMs }: ListenerLimits): Server {
  const server = http.createServer({
    maxHeaderSize: maxHeaderBytes,
    keepAliveTimeout: idleMs,
    headersTimeout: headMs,
    requestTimeout: 0,
    connectionsCheckingInterval: lookForLateHeadsMs,
    requireHostHeader: false,
  });
  server.maxHeadersCount = 0;
  server.timeout = stallMs;
  server.emit('listening');
  return server;
}

function malformed(error: NodeJS.ErrnoException): GatewayError {
  if (error.code === 'HPE_HEADER_OVERFLOW')
    return new GatewayError('headers-too-large', 'found a head of more than 64 KiB', { cause: error });
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new GatewayError('client-stalled', 'the request head did not arrive in time', { cause: error });
  return new GatewayError('bad-request', `the request cannot be read (${error.code ?? error.message})`, {
    cause: error,
  });
}

/** Answers where Node has no response object: the bytes are written and the connection closed. */
function refuseRaw(socket: Duplex, error: GatewayError): void {
  socket.on('error', () => {});
  const problem = problemOf(error);
  const body = problemBody(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${http.STATUS_CODES[problem.status]}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${body.length}`,
    'Cache-Control: no-store',
    'Connection: close',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  socket.end(body, () => socket.destroy());
}
