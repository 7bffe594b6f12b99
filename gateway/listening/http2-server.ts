import { performServerHandshake } from 'node:http2';
import type { Socket } from 'node:net';
import { maxHeaderBytes } from '../forwarding/max-header-bytes.ts';
import type { ListenerLimits } from './config.ts';
import type { ConnectionServer, Peer } from './connection.ts';
import { Http2Connection } from './http2-connection.ts';
import type { ListenerPorts } from './listener-ports.ts';

/**
 * What one connection may hold: requests at once, bytes of one head, bytes on the way of one upload. Their product bounds its memory. Fields are
 * counted too: each costs more than its bytes.
 */
const sessionOptions = {
  settings: {
    maxConcurrentStreams: 100,
    maxHeaderListSize: maxHeaderBytes,
    initialWindowSize: 128 * 1024,
    enablePush: false,
    enableConnectProtocol: false,
  },
  maxHeaderListPairs: 1_000,
};

/**
 * Bytes that all uploads of one connection may have on the way between the client and us. Without it they would share the 64 KiB of RFC 9113
 * section 6.9.2 and be slow over long distances. What we hold of each is bounded by its own window.
 */
const connectionWindowBytes = 1024 * 1024;

/** Serves HTTP/2 on connections whose client has agreed to it by ALPN. */
export class Http2Server implements ConnectionServer {
  readonly #limits: ListenerLimits;
  readonly #ports: ListenerPorts;
  readonly #connections = new Set<Http2Connection>();

  constructor(limits: ListenerLimits, ports: ListenerPorts) {
    this.#limits = limits;
    this.#ports = ports;
  }

  take(socket: Socket, peer: Peer): void {
    const session = performServerHandshake(socket, sessionOptions);
    session.setLocalWindowSize(connectionWindowBytes);
    const connection = new Http2Connection({ session, socket, peer }, this.#limits, this.#ports);
    this.#connections.add(connection);
    session.once('close', () => this.#connections.delete(connection));
  }

  drain(): void {
    for (const connection of this.#connections) connection.drain();
  }

  closeIdle(): void {
    for (const connection of this.#connections) connection.closeIfIdle();
  }
}
