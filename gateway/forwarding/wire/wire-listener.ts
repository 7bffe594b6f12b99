import type { Socket } from 'node:net';
import { Deadlines } from './deadlines.ts';
import { UpstreamPool } from './upstream-pool.ts';
import type { Peer } from './wire-client.ts';
import { WireConnection, type WireShared } from './wire-connection.ts';

/** What the wire listener stands on. */
export type WirePorts = Pick<WireShared, 'handle' | 'handOver' | 'refused'>;

/**
 * Serves ordinary HTTP/1.1 on raw sockets, both ways, and hands over the rest. Sockets must come with `allowHalfOpen`, not paused, and
 * without a byte read. It forwards by itself: `ClientSide.forward` of its requests needs no other forwarder.
 */
export class WireListener {
  readonly #shared: WireShared;
  readonly #connections = new Set<WireConnection>();
  #draining = false;

  constructor(ports: WirePorts) {
    const deadlines = new Deadlines();
    this.#shared = {
      ...ports,
      deadlines,
      pool: new UpstreamPool(deadlines),
      left: (connection) => this.#connections.delete(connection),
    };
  }

  /** Connections that are served here at the moment. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Takes an accepted connection. `peer`: as TLS and a PROXY header tell, where there were any. */
  take(socket: Socket, peer: Peer = { remoteAddress: socket.remoteAddress ?? '', secure: false }): void {
    const connection = new WireConnection(socket, peer, this.#shared);
    this.#connections.add(connection);
    if (this.#draining) connection.drain();
  }

  /** Closes connections without a request now and the others when they are answered. */
  drain(): void {
    this.#draining = true;
    for (const connection of this.#connections) connection.drain();
  }

  /** Cuts what is left, and closes the connections to upstreams. */
  stop(): void {
    for (const connection of this.#connections) connection.destroy();
    this.#shared.pool.stop();
  }
}
