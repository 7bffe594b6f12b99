import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { formatLogAddress, historyOf, type LogAddress } from '../../contract/log-address.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import type { Exchange } from './exchange.ts';
import type { Route } from './router.ts';
import type { UpdatePorts } from './update-ports.ts';
import { readUpdateRequest, type UpdateRequest } from './update-request.ts';

/**
 * `GET /update` as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): each event once, in the order of
 * the log, `id` its address, `data` the event with its meta. A client that was cut resumes by Last-Event-ID or `?after=` without gap or double.
 * Heartbeats carry the id of the last place looked at, so that a filtered feed resumes there too.
 */
export function updateRoutes(ports: UpdatePorts): Route[] {
  return [{ method: 'GET', path: '/update', handle: (exchange) => serveUpdates(ports, exchange) }];
}

async function serveUpdates(ports: UpdatePorts, { request, response, url }: Exchange): Promise<void> {
  const wanted = await readUpdateRequest(ports.log, request, url);
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    connection: 'close',
  });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  ports.telemetry.updateOpened('sse');
  try {
    await new SseFeed(ports, response).send(wanted);
  } catch (error) {
    ports.telemetry.updateFailed('sse', error);
  } finally {
    ports.telemetry.updateClosed('sse');
    // A client that does not read would hold up the stopping; whoever is cut resumes where it was.
    if (ports.stopping.aborted) response.destroy();
    else response.end();
  }
}

class SseFeed {
  readonly #ports: UpdatePorts;
  readonly #response: ServerResponse;
  readonly #gone = new AbortController();
  #seen: LogAddress | undefined;

  constructor(ports: UpdatePorts, response: ServerResponse) {
    this.#ports = ports;
    this.#response = response;
    response.once('close', () => this.#gone.abort());
  }

  async send({ after, wants }: UpdateRequest): Promise<void> {
    const { log, upcast, stopping, pace } = this.#ports;
    const signal = AbortSignal.any([stopping, this.#gone.signal]);
    this.#seen = after;
    this.#beat();
    const heartbeat = setInterval(() => this.#beat(), pace.heartbeatMs);
    try {
      for await (const batch of log.follow(historyOf(after), after.offset, signal)) {
        for (const event of batch) {
          if (signal.aborted) return;
          if (wants(event)) await this.#write(eventText(upcast(event)));
          this.#seen = event.meta.address;
        }
      }
    } finally {
      clearInterval(heartbeat);
    }
  }

  /** Not while the client has yet to read what it was sent. */
  #beat(): void {
    if (!this.#seen || this.#response.writableNeedDrain) return;
    this.#response.write(`id: ${formatLogAddress(this.#seen)}\n: heartbeat\n\n`);
  }

  async #write(text: string): Promise<void> {
    if (this.#response.write(text) || this.#gone.signal.aborted) return;
    const stalled = AbortSignal.timeout(this.#ports.pace.stallMs);
    try {
      await once(this.#response, 'drain', {
        signal: AbortSignal.any([stalled, this.#gone.signal, this.#ports.stopping]),
      });
    } catch {
      if (stalled.aborted) this.#cut();
    }
  }

  #cut(): void {
    this.#ports.telemetry.updateCut('sse', `left its events unread for ${this.#ports.pace.stallMs} ms`);
    this.#gone.abort();
    this.#response.destroy();
  }
}

function eventText(event: RecordedEvent): string {
  return `id: ${formatLogAddress(event.meta.address)}\ndata: ${JSON.stringify(event)}\n\n`;
}
