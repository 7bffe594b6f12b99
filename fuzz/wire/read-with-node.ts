import http, { type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { MemorySocket } from './memory-socket.ts';

/** A message as a parser reads it. */
export interface ReadMessage {
  /** `GET /a` or `200 OK`. */
  readonly start: string;
  readonly fields: readonly string[];
  readonly body: string;
  /** It was read to its end. */
  readonly whole: boolean;
}

/** Reads requests with Node's own server, strict as it is by default, each input on a connection of its own. */
export class NodeServerReader {
  readonly #server = http.createServer({ requireHostHeader: false, maxHeaderSize: 64 * 1024 });
  readonly #bySocket = new WeakMap<object, Reading[]>();

  constructor() {
    this.#server.maxHeadersCount = 0;
    const record = (request: IncomingMessage) =>
      this.#bySocket.get(request.socket)?.push(new Reading(request, `${request.method} ${request.url}`));
    this.#server.on('request', record);
    this.#server.on('checkContinue', record);
    this.#server.on('checkExpectation', record);
    this.#server.on('upgrade', record);
    this.#server.on('connect', record);
    this.#server.on('clientError', (_error, socket) => socket.destroy());
  }

  /** What is read of each input, in order. */
  async read(inputs: readonly string[]): Promise<ReadMessage[][]> {
    const read = inputs.map((input) => {
      const socket = new MemorySocket();
      const messages: Reading[] = [];
      this.#bySocket.set(socket, messages);
      socket.on('error', () => {});
      this.#server.emit('connection', socket as unknown as Socket);
      socket.push(Buffer.from(input, 'latin1'));
      return { socket, messages };
    });
    await settled();
    for (const { socket } of read) socket.destroy();
    return read.map(({ messages }) => messages.map((message) => message.taken()));
  }
}

/** Reads answers with Node's own client, each on a connection of its own that ends behind it; undefined where it refuses. */
export async function readAnswersWithNode(
  inputs: readonly { readonly method: string; readonly bytes: string }[],
): Promise<(ReadMessage | undefined)[]> {
  const read = inputs.map(({ method, bytes }) => {
    const socket = new MemorySocket();
    const found: { answer?: Reading } = {};
    const request = http.request({ method, host: 'a', createConnection: () => socket as unknown as Socket });
    request.maxHeadersCount = 0;
    request.on('error', () => {});
    request.on('response', (answer) => {
      answer.on('error', () => {});
      found.answer = new Reading(answer, `${answer.statusCode} ${answer.statusMessage}`);
    });
    request.on('upgrade', () => {});
    request.end();
    socket.push(Buffer.from(bytes, 'latin1'));
    socket.push(null);
    return { socket, found };
  });
  await settled();
  for (const { socket } of read) socket.destroy();
  return read.map(({ found }) => found.answer?.taken());
}

/** A few turns of the loop: nothing here waits for more than the ticks between streams. */
async function settled(): Promise<void> {
  for (let turns = 0; turns < 3; turns += 1) await turn();
}

class Reading {
  readonly #message: IncomingMessage;
  readonly #start: string;
  readonly #body: Buffer[] = [];

  constructor(message: IncomingMessage, start: string) {
    this.#message = message;
    this.#start = start;
    message.on('data', (piece: Buffer) => this.#body.push(piece));
  }

  taken(): ReadMessage {
    const { rawHeaders, complete } = this.#message;
    return {
      start: this.#start,
      fields: rawHeaders,
      body: Buffer.concat(this.#body).toString('latin1'),
      whole: complete,
    };
  }
}
