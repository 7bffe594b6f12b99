import { unwatchFile, watchFile } from 'node:fs';
import type { Socket } from 'node:net';
import tls, { type Server, type TLSSocket } from 'node:tls';
import { type Certificates, loadCertificates } from './certificates.ts';
import type { TlsConfig } from './config.ts';
import type { ListenerTelemetry } from './listener-telemetry.ts';

/** How often files of certificates are looked at. Asking again and again also sees what a notice would miss: links that are turned over. */
const watchMs = 1_000;

/** Takes a connection on which TLS stands, with the client's address that was known before. */
export type SecuredHandler = (socket: TLSSocket, remoteAddress: string) => void;

/**
 * The TLS in front of a listener: handshake, certificate by server name, HTTP/2 or HTTP/1.1 by ALPN. New certificates count for the next
 * handshake and disturb no connection; ones that cannot be used leave the old ones.
 */
export class TlsDoor {
  readonly #config: TlsConfig;
  readonly #telemetry: ListenerTelemetry;
  readonly #server: Server;
  readonly #files: readonly string[];
  /** Addresses by the port and address of the connection's other end: Node does not say from which connection a TLS socket was made. */
  readonly #waiting = new Map<string, string>();
  #certificates: Certificates;
  #reloaded: Promise<void> = Promise.resolve();

  /** Reads the certificates; rejects with a CertificateError for what cannot be used. */
  static async open(
    config: TlsConfig,
    handshakeMs: number,
    telemetry: ListenerTelemetry,
    secured: SecuredHandler,
  ): Promise<TlsDoor> {
    const certificates = await loadCertificates(config);
    return new TlsDoor(config, handshakeMs, telemetry, secured, certificates);
  }

  private constructor(
    config: TlsConfig,
    handshakeMs: number,
    telemetry: ListenerTelemetry,
    secured: SecuredHandler,
    certificates: Certificates,
  ) {
    this.#config = config;
    this.#telemetry = telemetry;
    this.#certificates = certificates;
    this.#server = tls.createServer({
      ...certificates.options,
      SNICallback: (hostName, answer) => answer(null, this.#certificates.contextFor(hostName)),
      ALPNProtocols: ['h2', 'http/1.1'],
      requestCert: config.clients !== undefined,
      rejectUnauthorized: config.clients?.required ?? false,
      handshakeTimeout: handshakeMs,
    });
    this.#server.on('secureConnection', (socket) => {
      const remoteAddress = this.#waiting.get(endpoint(socket));
      // Without an address it is closed already.
      if (remoteAddress === undefined) socket.destroy();
      else secured(socket, remoteAddress);
    });
    this.#server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      telemetry.cut('tls-handshake', `${error.code ?? error.message}`);
      socket.destroy();
    });
    this.#files = filesOf(config);
    for (const file of this.#files) watchFile(file, { interval: watchMs, persistent: false }, this.#changed);
  }

  /** Begins the handshake on a connection. */
  take(socket: Socket, remoteAddress: string): void {
    const name = endpoint(socket);
    this.#waiting.set(name, remoteAddress);
    socket.once('close', () => this.#waiting.delete(name));
    this.#server.emit('connection', socket);
  }

  /** Reads the certificates again, one reading after the other. Never rejects: what cannot be used is reported, and the old ones stay. */
  reload(): Promise<void> {
    this.#reloaded = this.#reloaded.then(() => this.#reload());
    return this.#reloaded;
  }

  stop(): void {
    for (const file of this.#files) unwatchFile(file, this.#changed);
  }

  async #reload(): Promise<void> {
    try {
      const certificates = await loadCertificates(this.#config);
      this.#server.setSecureContext(certificates.options);
      this.#certificates = certificates;
      this.#telemetry.certificatesLoaded(certificates.expires);
    } catch (error) {
      this.#telemetry.certificatesRefused(error as Error);
    }
  }

  readonly #changed = () => void this.reload();
}

function filesOf({ certificates, clients }: TlsConfig): string[] {
  const all = certificates.flatMap(({ cert, key }) => [cert, key]);
  return [...new Set(clients ? [...all, clients.ca] : all)];
}

/** `192.0.2.7 56324`: one of its kind as long as the connection is open. */
function endpoint({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
