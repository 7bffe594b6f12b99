import http, { type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { problemBody } from '../runtime/problem.ts';
import { GatewayError, problemOf } from './errors.ts';
import type { ClientSide } from './forwarding/forwarder.ts';
import { refuse } from './forwarding/refuse.ts';
import { maxHeaderBytes } from './forwarding/upstream-agents.ts';

/** Longer than the idle limit of the usual load balancers, so that they close first and never send into a closed connection. */
const keepAliveMs = 65_000;
const headMs = 60_000;

/** Takes a request; `upgradeHead` is given when it asks for an upgrade. Never throws. */
export type RequestHandler = (client: ClientSide, upgradeHead?: Buffer) => void;

/**
 * The server that clients talk to, not yet listening. Whatever arrives ends in `handle` or in an answer of 400 and above: nothing a client
 * sends may go unanswered or throw. There is no limit on a whole request's time: uploads may be slow, but not stand still.
 */
export function createPublicListener(handle: RequestHandler, refused: (error: GatewayError) => void): Server {
  const server = http.createServer({
    maxHeaderSize: maxHeaderBytes,
    keepAliveTimeout: keepAliveMs,
    headersTimeout: headMs,
    requestTimeout: 0,
    requireHostHeader: false,
  });
  server.maxHeadersCount = 0;
  const answering = new WeakMap<Duplex, ServerResponse>();
  const take = (request: IncomingMessage, response: ServerResponse) => {
    if (isClosing(answering.get(request.socket))) return;
    answering.set(request.socket, response);
    handle({ request, response });
  };
  server.on('request', take);
  server.on('checkContinue', take);
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    if (!isClosing(answering.get(socket))) takeUpgrade(request, socket, head, handle, refused);
  });
  server.on('connect', (_request, socket) => {
    const error = new GatewayError('no-tunnel', 'found method CONNECT');
    refused(error);
    refuseRaw(socket, error);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const response = answering.get(socket);
    const answered = response === undefined || response.writableFinished;
    if (error.code === 'ECONNRESET' || !socket.writable || (!answered && response.headersSent)) {
      socket.destroy();
      return;
    }
    const refusal = malformed(error);
    refused(refusal);
    refuseRaw(socket, refusal);
  });
  return server;
}

/**
 * The connection's last answer said that it closes: a request behind it, which Node has read already, must not be served (RFC 9112
 * section 9.6). It may be what a refused request was to smuggle.
 */
function isClosing(last: ServerResponse | undefined): boolean {
  return last?.headersSent === true && !last.shouldKeepAlive;
}

/** An upgrade has no ServerResponse: one is made, so that an ordinary answer can be given too. h2c is declined by answering in HTTP/1.1. */
function takeUpgrade(
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
  handle: RequestHandler,
  refused: (error: GatewayError) => void,
): void {
  socket.on('error', () => {});
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once('finish', () => socket.destroySoon());
  const client = { request, response };
  if (request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0) {
    const error = new GatewayError('upgrade-with-body', 'found Upgrade and a body, expected an upgrade without a body');
    refused(error);
    refuse(client, error);
    return;
  }
  handle(client, /^h2c?$/i.test(request.headers.upgrade ?? '') ? undefined : head);
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
