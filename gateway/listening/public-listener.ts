import { once } from 'node:events';
import net, { type AddressInfo, type Server, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { RunningPart } from '../../runtime/part.ts';
import { urlOf } from '../../runtime/serve.ts';
import { WireServer } from '../forwarding/wire/wire-server.ts';
import { type Cidr, plainAddress } from '../routing/cidr.ts';
import type { PublicListenerConfig } from './config.ts';
import type { ConnectionServer, Peer } from './connection.ts';
import { ConnectionCount } from './connection-count.ts';
import { Http1Server } from './http1-server.ts';
import { Http2Server } from './http2-server.ts';
import type { ListenerPorts } from './listener-ports.ts';
import type { CutReason } from './listener-telemetry.ts';
import { takeProxyHeader } from './take-proxy-header.ts';
import { TlsDoor } from './tls-door.ts';

/** When draining: how long a connection that waits may still send a request, which is then answered as its last. */
const lastRequestMs = 500;
const closeIdleEveryMs = 20;

/** What the public listener stands on. */
export interface PublicListenerPorts extends ListenerPorts {
  /** Ordinary HTTP/1.1 goes to wire first: some upstream is reached by it. */
  readonly wire: boolean;
}

/**
 * Where clients connect. A connection's way: (1) it is counted, or cut when there are too many; (2) its PROXY header is read, where one is
 * declared; (3) it is counted to its address; (4) TLS, where declared; (5) HTTP/2, wire or HTTP/1.x serves it to
 * its end; wire hands over to HTTP/1.x what it does not take.
 */
export class PublicListener implements RunningPart {
  readonly #config: PublicListenerConfig;
  readonly #ports: PublicListenerPorts;
  readonly #count: ConnectionCount;
  readonly #sockets = new Set<Socket>();
  readonly #wire: WireServer | undefined;
  readonly #http1: ConnectionServer;
  readonly #http2: ConnectionServer;
  readonly #server: Server;
  #tls: TlsDoor | undefined;
  #trustedProxies: readonly Cidr[];
  #onAllClosed: (() => void) | undefined;

  /**
   * Opens it. Rejects with the system's error when the port cannot be opened (EADDRINUSE, EACCES), and with a CertificateError for
   * certificates that cannot be used. Port 0 takes any free one.
   */
  static async start(config: PublicListenerConfig, ports: PublicListenerPorts): Promise<PublicListener> {
    const listener = await PublicListener.startWithoutPort(config, ports);
    await listener.#listen();
    return listener;
  }

  /** One that is given its connections by `take`. Rejects with a CertificateError for certificates that cannot be used. */
  static async startWithoutPort(config: PublicListenerConfig, ports: PublicListenerPorts): Promise<PublicListener> {
    const listener = new PublicListener(config, ports);
    await listener.#openTls();
    return listener;
  }

  private constructor(config: PublicListenerConfig, ports: PublicListenerPorts) {
    this.#config = config;
    this.#trustedProxies = config.trustedProxies;
    this.#ports = ports;
    this.#count = new ConnectionCount(config.limits.connections, config.limits.connectionsPerAddress);
    this.#http1 = new Http1Server(config.limits, ports);
    this.#http2 = new Http2Server(config.limits, ports);
    this.#wire = ports.wire ? this.#openWire() : undefined;
    this.#server = net.createServer({ allowHalfOpen: this.#allowHalfOpen, noDelay: true }, (socket) => {
      void this.#take(socket);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** `https://127.0.0.1:8443` */
  get url(): string {
    return urlOf(this.#config.tls ? 'https' : 'http', this.#config.host, this.port);
  }

  /** From now on these are the trusted proxies, of connections that begin. */
  trust(proxies: readonly Cidr[]): void {
    this.#trustedProxies = proxies;
  }

  /** Reads the certificates again; see `TlsDoor.reload`. */
  async reloadCertificates(): Promise<void> {
    await this.#tls?.reload();
  }

  /** A connection that another process has accepted and not read of. */
  take(socket: Socket): void {
    socket.allowHalfOpen = this.#allowHalfOpen;
    socket.setNoDelay(true);
    void this.#take(socket);
  }

  /**
   * Stops accepting, answers what is in flight and what still arrives within half a second as the last on its connection, and cuts after
   * `drainMs` what is left: tunnels, streams, slow clients. Resolves when every connection is closed.
   */
  async stop(drainMs = 5_000): Promise<void> {
    if (this.#server.listening) this.#server.close();
    const closed = this.#allClosed();
    this.#tls?.stop();
    this.#wire?.drain();
    this.#http1.drain();
    this.#http2.drain();
    let idle: NodeJS.Timeout | undefined;
    const patience = setTimeout(() => {
      idle = setInterval(() => this.#closeIdle(), closeIdleEveryMs);
    }, lastRequestMs);
    const cut = setTimeout(() => this.#cutAll(), drainMs);
    await closed;
    for (const timer of [patience, idle, cut]) clearTimeout(timer);
    this.#wire?.stop();
  }

  async #openTls(): Promise<void> {
    const { tls, limits } = this.#config;
    if (!tls) return;
    this.#tls = await TlsDoor.open(tls, limits.handshakeMs, this.#ports.telemetry, (socket, remoteAddress) =>
      this.#secured(socket, remoteAddress),
    );
  }

  async #listen(): Promise<void> {
    const { port, host } = this.#config;
    try {
      this.#server.listen(port, host);
      await once(this.#server, 'listening');
    } catch (error) {
      this.#tls?.stop();
      throw error;
    }
  }

  /** A client may end its half of the connection and still wait for the answer; below TLS Node would leave such a connection open for ever. */
  get #allowHalfOpen(): boolean {
    return this.#config.tls === undefined;
  }

  #allClosed(): Promise<void> {
    if (this.#sockets.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onAllClosed = resolve;
    });
  }

  async #take(socket: Socket): Promise<void> {
    if (!this.#admit(socket)) return;
    const remoteAddress = await this.#identify(socket);
    if (remoteAddress === undefined || !this.#admitFrom(remoteAddress, socket)) return;
    if (this.#tls) this.#tls.take(socket, remoteAddress);
    else this.#serveHttp1(socket, { remoteAddress, secure: false, clientCertificate: 'not-asked' });
  }

  #secured(socket: TLSSocket, remoteAddress: string): void {
    const peer: Peer = { remoteAddress, secure: true, clientCertificate: this.#clientCertificate(socket) };
    if (socket.alpnProtocol === 'h2') this.#http2.take(socket, peer);
    else this.#serveHttp1(socket, peer);
  }

  #serveHttp1(socket: Socket, peer: Peer): void {
    (this.#wire ?? this.#http1).take(socket, peer);
  }

  #openWire(): WireServer {
    const { handle, refused, telemetry } = this.#ports;
    return new WireServer(this.#config.limits, {
      handle,
      refused,
      handOver: (socket, peer, why) => {
        telemetry.handedOver(why);
        this.#http1.take(socket, peer);
      },
      stalled: (waitingBytes) => telemetry.clientNotReading(waitingBytes),
    });
  }

  /** Node calls a client authorized that resumes a TLS 1.3 session in which it gave no certificate. */
  #clientCertificate(socket: TLSSocket): Peer['clientCertificate'] {
    if (!this.#config.tls?.clients) return 'not-asked';
    const verified = socket.authorized ? socket.getPeerX509Certificate() : undefined;
    return verified?.raw ?? 'none';
  }

  #admit(socket: Socket): boolean {
    // Nobody listens yet: an error is followed by the close that is listened to.
    socket.on('error', () => {});
    if (!this.#count.enter()) {
      this.#cut(socket, 'too-many-connections', `${this.#count.total} are open`);
      return false;
    }
    this.#sockets.add(socket);
    this.#ports.telemetry.opened(this.#count.total);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) this.#onAllClosed?.();
      this.#count.leave();
      this.#ports.telemetry.closed(this.#count.total);
    });
    return true;
  }

  /** The client's address; undefined when the connection is cut or gone. */
  async #identify(socket: Socket): Promise<string | undefined> {
    const { proxyProtocol, limits } = this.#config;
    const peer = plainAddress(socket.remoteAddress ?? '');
    if (proxyProtocol === 'off') return peer;
    if (!this.#isTrusted(peer)) {
      if (proxyProtocol === 'trusted') return peer;
      this.#cut(socket, 'untrusted-peer', `${peer} is no trusted proxy, and only those may connect`);
      return undefined;
    }
    const taken = await takeProxyHeader(socket, limits.handshakeMs);
    if (taken.kind === 'malformed') this.#cut(socket, 'proxy-header', taken.found);
    if (socket.destroyed || taken.kind === 'malformed') return undefined;
    return taken.source === undefined ? peer : plainAddress(taken.source);
  }

  /** Trusted proxies bring the connections of many clients. */
  #admitFrom(address: string, socket: Socket): boolean {
    if (this.#isTrusted(address)) return true;
    if (!this.#count.enterFrom(address)) {
      this.#cut(socket, 'too-many-from-address', `${address} holds as many as it may`);
      return false;
    }
    socket.once('close', () => this.#count.leaveFrom(address));
    return true;
  }

  #isTrusted(address: string): boolean {
    return this.#trustedProxies.some((block) => block.contains(address));
  }

  #cut(socket: Socket, reason: CutReason, detail: string): void {
    this.#ports.telemetry.cut(reason, detail);
    socket.resetAndDestroy();
  }

  #closeIdle(): void {
    this.#wire?.closeIdle();
    this.#http1.closeIdle();
    this.#http2.closeIdle();
  }

  #cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
