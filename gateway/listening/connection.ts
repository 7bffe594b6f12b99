import type { Socket } from 'node:net';

/** What is known of the client at the other end of a connection. */
export interface Peer {
  /** `203.0.113.7`: the other end, or the client that a PROXY header names. */
  readonly remoteAddress: string;
  /** The client speaks TLS with this listener. */
  readonly secure: boolean;
  /** Its verified certificate, DER; `none` when it was asked for one and gave none that could be verified. */
  readonly clientCertificate: Buffer | 'none' | 'not-asked';
}

/**
 * Serves connections that are accepted, counted and decrypted. A connection given to it never comes back; nothing has been read from it,
 * or what was read is put back.
 */
export interface ConnectionServer {
  take(socket: Socket, peer: Peer): void;
  /** From now on each answer that begins is its connection's last. */
  drain(): void;
  /** Closes what waits for a request. Called again and again while draining. */
  closeIdle(): void;
}
