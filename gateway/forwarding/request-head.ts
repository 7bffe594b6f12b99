import type { Framing } from './framing.ts';

/** A request's head as its listener read it. */
export interface RequestHead {
  readonly method: string;
  /** The request target as received. */
  readonly url: string;
  /** `[name, value, name, value, …]` in the order, case and number received; HTTP/2's pseudo-header fields as HTTP/1.1 says them. */
  readonly rawHeaders: readonly string[];
  readonly httpVersion: '1.0' | '1.1' | '2.0';
  /** How the body is delimited, from what was received and never from the method. */
  readonly framing: Framing;
  /** The address of the other end of the connection, or the one that a PROXY header names. */
  readonly remoteAddress: string;
  /** The client speaks TLS with this listener. */
  readonly secure: boolean;
  /** Client-Cert among the fields is this listener's own word, and not the client's. */
  readonly certificateVerified: boolean;
}
