import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/**
 * Keeps the requests of one connection in turn. Node reads pipelined requests ahead and hands over all of them at once: a GET would overtake
 * the POST before it, one client could have thousands of requests at the application, and a refusal would be written into the answer
 * before it (RFC 9112 section 9.3.2).
 */
export class Turns {
  /** The answer that must be out before anything else happens on its connection. The one that closes the connection stays. */
  readonly #last = new WeakMap<Duplex, ServerResponse>();

  /** Calls `act` for a request when everything before it is answered; never when the connection closes before. */
  take(response: ServerResponse, act: () => void): void {
    const { socket } = response.req;
    const before = this.#last.get(socket);
    this.#last.set(socket, response);
    response.once('close', () => this.#forget(response));
    if (before === undefined) act();
    else this.#wait(before, socket, act);
  }

  /** Calls `act`, after which nothing else comes on this connection, when everything before is answered. */
  takeLast(socket: Duplex, act: () => void): void {
    const before = this.#last.get(socket);
    if (before === undefined) act();
    else this.#after(before, socket, act);
  }

  /** The answer that the connection waits for, in whatever state it is. */
  waitsFor(socket: Duplex): ServerResponse | undefined {
    return this.#last.get(socket);
  }

  /** Meanwhile nothing is read, so that no client can make us hold any number of requests. */
  #wait(before: ServerResponse, socket: Duplex, act: () => void): void {
    socket.pause();
    this.#after(before, socket, () => {
      socket.resume();
      act();
    });
  }

  #after(before: ServerResponse, socket: Duplex, act: () => void): void {
    before.once('close', () => {
      if (before.shouldKeepAlive && !socket.destroyed) act();
    });
  }

  #forget(response: ServerResponse): void {
    const { socket } = response.req;
    if (response.shouldKeepAlive && this.#last.get(socket) === response) this.#last.delete(socket);
  }
}
