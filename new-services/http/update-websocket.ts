import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { LogError } from '../../contract/event-log.ts';
import { historyOf } from '../../contract/log-address.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import { problemOf, ServicesError } from '../errors.ts';
import { parseUrl } from './router.ts';
import type { UpdatePorts } from './update-ports.ts';
import { readUpdateRequest, type UpdateRequest } from './update-request.ts';

/** Close codes of RFC 6455 §7.4.1 and the IANA registry. */
const goingAway = 1001;
const unsupportedData = 1003;
const internalError = 1011;
const tryAgainLater = 1013;

/** This end's word to a client that only listens. */
const maxInboundBytes = 1024;

/**
 * `GET /update` as WebSocket: one text message per event, the event with its meta; the same filters as the SSE feed and resume by `?after=`
 * the address of the last message. Clients are pinged; one that is gone is ended, one that does not read is closed with 1013.
 */
export function serveWebSocketUpdates(server: Server, ports: UpdatePorts): void {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: maxInboundBytes, clientTracking: true });
  server.on('upgrade', async (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    try {
      const wanted = await readUpgrade(ports, request);
      sockets.handleUpgrade(request, socket, head, (client) => new WebSocketFeed(ports, client).run(wanted));
    } catch (error) {
      refuse(socket, translate(error, ports));
    }
  });
}

async function readUpgrade(ports: UpdatePorts, request: IncomingMessage): Promise<UpdateRequest> {
  const url = parseUrl(request);
  if (url.pathname !== '/update' || request.headers.upgrade?.toLowerCase() !== 'websocket') {
    throw new ServicesError('upgrade-required', `found an upgrade of ${url.pathname} to ${request.headers.upgrade}`);
  }
  return readUpdateRequest(ports.log, request, url);
}

function translate(error: unknown, { telemetry }: UpdatePorts): ServicesError {
  if (error instanceof ServicesError) return error;
  telemetry.updateFailed('websocket', error);
  const code = error instanceof LogError && error.retriable ? 'log-unavailable' : 'internal-error';
  return new ServicesError(code, 'the upgrade could not be served', { cause: error });
}

function refuse(socket: Duplex, error: ServicesError): void {
  const problem = problemOf(error);
  const body = `${JSON.stringify({ type: `urn:strangler:problem:${problem.code}`, ...problem })}\n`;
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\nUpgrade: websocket\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

const closingGraceMs = 1_000;

class WebSocketFeed {
  readonly #ports: UpdatePorts;
  readonly #client: WebSocket;
  readonly #gone = new AbortController();
  #cutAlready = false;

  constructor(ports: UpdatePorts, client: WebSocket) {
    this.#ports = ports;
    this.#client = client;
    client.once('close', () => this.#gone.abort());
    client.on('error', (error) => this.#cut(error.message));
    client.on('message', () => client.close(unsupportedData, 'this feed takes no messages'));
  }

  async run(wanted: UpdateRequest): Promise<void> {
    const { telemetry } = this.#ports;
    telemetry.updateOpened('websocket');
    const heartbeat = this.#keepAlive();
    try {
      await this.#send(wanted);
      this.#client.close(goingAway, 'the service stops');
    } catch (error) {
      telemetry.updateFailed('websocket', error);
      this.#client.close(internalError, 'resume after the last message');
    } finally {
      clearInterval(heartbeat);
      await this.#end();
      telemetry.updateClosed('websocket');
    }
  }

  async #send({ after, wants }: UpdateRequest): Promise<void> {
    const { log, upcast, stopping, pace } = this.#ports;
    const signal = AbortSignal.any([stopping, this.#gone.signal]);
    for await (const batch of log.follow(historyOf(after), after.offset, signal)) {
      for (const event of batch) {
        if (signal.aborted) return;
        if (!wants(event) || (await this.#sent(upcast(event), signal))) continue;
        if (!signal.aborted) this.#cut(`left its events unread for ${pace.stallMs} ms`);
        return;
      }
    }
  }

  /** Whether the message went out within the time: one at a time, so a slow client holds one event in memory and no more. */
  #sent(event: RecordedEvent, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (ok: boolean) => {
        clearTimeout(stalled);
        signal.removeEventListener('abort', abort);
        resolve(ok);
      };
      const abort = () => settle(false);
      const stalled = setTimeout(abort, this.#ports.pace.stallMs);
      signal.addEventListener('abort', abort, { once: true });
      this.#client.send(JSON.stringify(event), (error) => settle(!error));
    });
  }

  /** Pings; a client that has not answered the last one by the next is gone. */
  #keepAlive(): NodeJS.Timeout {
    let answered = true;
    this.#client.on('pong', () => {
      answered = true;
    });
    return setInterval(() => {
      if (!answered) this.#cut('did not answer a ping');
      answered = false;
      this.#client.ping();
    }, this.#ports.pace.heartbeatMs);
  }

  #cut(reason: string): void {
    if (this.#cutAlready) return;
    this.#cutAlready = true;
    this.#ports.telemetry.updateCut('websocket', reason);
    this.#client.close(tryAgainLater, 'too slow: resume after the last message');
    this.#gone.abort();
  }

  /** Waits for the closing handshake, but not for a client that does not take part in it. */
  async #end(): Promise<void> {
    if (this.#client.readyState === this.#client.CLOSED) return;
    const grace = setTimeout(() => this.#client.terminate(), closingGraceMs);
    await new Promise((resolve) => this.#client.once('close', resolve));
    clearTimeout(grace);
  }
}
