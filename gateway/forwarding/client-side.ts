import type { GatewayError } from '../errors.ts';
import type { ForwardOutcome, ForwardPlan } from './forwarder.ts';
import type { RequestHead } from './request-head.ts';

/** What came of reading a request's body before forwarding it. */
export type BodyRead =
  | { readonly kind: 'whole'; readonly bytes: Buffer }
  /** It is longer than was asked for. */
  | { readonly kind: 'oversize' }
  /** The client left, or its body cannot be read on. */
  | { readonly kind: 'broken-off' }
  /** See `Ending`. */
  | { readonly kind: 'handed-over' };

/** A client's request and the way back to it. Each kind of connection has its own, and knows how it is forwarded. */
export interface ClientSide {
  /** Throws a GatewayError for a body that is framed in a way that no two systems read alike. */
  readonly head: RequestHead;
  /**
   * Reads the body up to `maxBytes`; `forward` passes it on byte for byte all the same. Tells a client that waits for it (`Expect`) to send.
   * Rejects with a GatewayError `client-stalled` when no byte comes for `stallMs`.
   */
  readBody(maxBytes: number, stallMs: number): Promise<BodyRead>;
  /** Passes the request to an upstream and its answer back; see `Forwarder` for what is guaranteed. */
  forward(plan: ForwardPlan): Promise<ForwardOutcome>;
  /** Answers with an error of the gateway's own, when nothing was written yet. `page`: HTML in place of problem details. Leftovers of the body are thrown away or the connection is closed. */
  refuse(error: GatewayError, requestId?: string, page?: string): void;
  /** The next answer is the last on this connection. */
  closeAfterAnswer(): void;
  /** Cuts the connection, so that the client can tell that something is missing. */
  destroy(): void;
}
