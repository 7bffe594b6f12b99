import http, { type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { problemBody } from '../../runtime/problem.ts';
import { GatewayError, problemOf } from '../errors.ts';
import type { ClientSide } from '../forwarding/client-side.ts';
import type { Forwarder } from '../forwarding/forwarder.ts';
import { refuse } from '../forwarding/refuse.ts';
import { maxHeaderBytes } from '../forwarding/upstream-agents.ts';
import { NodeClient } from './node-client.ts';
import { Turns } from './turns.ts';

/** Longer than the idle limit of the usual load balancers, so that they close first and never send into a closed connection. */
const keepAliveMs = 65_000;
const headMs = 60_000;

/** Takes a request. Never throws. */
export type RequestHandler = (client: ClientSide) => void;

/** What a listener stands on. */
export interface ListenerPorts {
  readonly handle: RequestHandler;
  readonly forwarder: Forwarder;
  /** A request was answered with an error before it could be handled. */
  readonly refused: (error: GatewayError) => void;
}

/**
 * The server that clients talk to, not yet listening. Whatever arrives ends in `handle` or in an answer of 400 and above: nothing a client
 * sends may go unanswered or throw. There is no limit on a whole request's time: uploads may be slow, but not stand still.
 */
export function createPublicListener(ports: ListenerPorts): Server {
  const { handle, forwarder, refused } = ports;
  const server = http.createServer({
    maxHeaderSize: maxHeaderBytes,
    keepAliveTimeout: keepAliveMs,
    headersTimeout: headMs,
    requestTimeout: 0,
    requireHostHeader: false,
  });
  server.maxHeadersCount = 0;
  const turns = new Turns();
  const take = (request: IncomingMessage, response: ServerResponse) =>
    turns.take(response, () => handle(new NodeClient({ request, response }, forwarder)));
  server.on('request', take);
  server.on('checkContinue', take);
  // Else Node would answer by itself, out of turn: what to make of an unknown expectation is the application's to say.
  server.on('checkExpectation', take);
  const handedOver = (socket: Duplex, act: () => void) => {
    socket.on('error', () => {});
    // Node has let go of the socket: an answer that is still being written would never learn that it may go on.
    if (turns.waitsFor(socket)) socket.destroy();
    else act();
  };
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) =>
    handedOver(socket, () => takeUpgrade(request, socket, head, ports)),
  );
  const refuseNow = (socket: Duplex, error: GatewayError) => {
    refused(error);
    refuseRaw(socket, error);
  };
  server.on('connect', (_request, socket) =>
    handedOver(socket, () => refuseNow(socket, new GatewayError('no-tunnel', 'found method CONNECT'))),
  );
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const current = turns.waitsFor(socket);
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else if (current && !current.req.complete) breakOff(socket, current, malformed(error), refused);
    else turns.takeLast(socket, () => refuseNow(socket, malformed(error)));
  });
  return server;
}

/** The body of a request that is being served cannot be read on: it gets the refusal for an answer where it has none yet. */
function breakOff(
  socket: Duplex,
  current: ServerResponse,
  error: GatewayError,
  refused: (error: GatewayError) => void,
): void {
  refused(error);
  const itsTurn = current.socket !== null;
  if (itsTurn && !current.headersSent) refuseRaw(socket, error);
  else socket.destroy();
}

/** An upgrade has no ServerResponse: one is made, so that an ordinary answer can be given too. h2c is declined by answering in HTTP/1.1. */
function takeUpgrade(
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
  { handle, forwarder, refused }: ListenerPorts,
): void {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once('finish', () => socket.destroySoon());
  // What Node does for its own: without it an answer longer than the socket's buffer would stop there.
  socket.on('drain', () => response.emit('drain'));
  if (request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0) {
    const error = new GatewayError('upgrade-with-body', 'found Upgrade and a body, expected an upgrade without a body');
    refused(error);
    refuse({ request, response }, error);
    return;
  }
  const declined = /^h2c?$/i.test(request.headers.upgrade ?? '');
  handle(new NodeClient({ request, response }, forwarder, declined ? undefined : head));
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
