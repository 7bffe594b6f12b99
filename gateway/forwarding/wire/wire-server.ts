import type { Socket } from 'node:net';
import type { ConnectionServer, Peer } from '../../listening/connection.ts';
import { Deadlines } from './deadlines.ts';
import { persistingLines } from './message-text.ts';
import { UpstreamPool } from './upstream-pool.ts';
import { WireConnection, type WireLimits, type WirePorts, type WireShared } from './wire-connection.ts';

/**
 * Serves ordinary HTTP/1.1 on raw sockets, both ways, and hands over the rest. It forwards by itself: `ClientSide.forward` of its requests
 * needs no other forwarder.
 */
export class WireServer implements ConnectionServer {
  readonly #shared: WireShared;
  readonly #connections = new Set<WireConnection>();
  #draining = false;

  constructor(limits: WireLimits, ports: WirePorts) {
    const deadlines = new Deadlines();
    this.#shared = {
      ...limits,
      ...ports,
      persistingLines: persistingLines(limits.idleMs),
      deadlines,
      pool: new UpstreamPool(deadlines),
      left: (connection) => this.#connections.delete(connection),
    };
  }

  /** Takes a connection, not paused; one that is not half-open when its client ends loses answers to such clients. */
  take(socket: Socket, peer: Peer): void {
    const connection = new WireConnection(socket, peer, this.#shared);
    this.#connections.add(connection);
    if (this.#draining) connection.drain();
  }

  drain(): void {
    this.#draining = true;
    for (const connection of this.#connections) connection.drain();
  }

  closeIdle(): void {
    for (const connection of this.#connections) connection.closeIdle();
  }

  /** Cuts what is left, and closes the connections to upstreams. */
  stop(): void {
    for (const connection of this.#connections) connection.destroy();
    this.#shared.pool.stop();
  }
}
