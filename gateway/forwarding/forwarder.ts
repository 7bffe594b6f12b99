import type { IncomingMessage, ServerResponse } from 'node:http';
import type { UpstreamConfig } from '../config.ts';
import type { GatewayError } from '../errors.ts';

/** A client's request and the way back to it. */
export interface ClientSide {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** Whether an answer is for the client: with which raw header fields (without framing), or why not. */
export type AnswerVerdict =
  | { readonly kind: 'pass'; readonly fields: string[] }
  | { readonly kind: 'decline'; readonly reason: string };

/** One request to be forwarded to one side. */
export interface ForwardPlan {
  readonly upstream: UpstreamConfig;
  /** The target to ask for, sent as it is. */
  readonly target: string;
  /** Raw header fields for the upstream, without framing. */
  readonly headers: readonly string[];
  /** Called with the answer's head before anything is written to the client. */
  readonly onAnswer: (status: number, rawHeaders: readonly string[]) => AnswerVerdict;
  /** How many bytes of the answer's body to copy; undefined: none. */
  readonly copyBytes: number | undefined;
}

/** A copy of an answer, as it came from the upstream. */
export interface AnswerCopy {
  /** The beginning of the body, still encoded. */
  readonly body: Buffer;
  /** The body was longer than the copy. */
  readonly oversize: boolean;
}

/** How forwarding ended. */
export type ForwardOutcome =
  /** The client has the whole answer. `rawHeaders` are the upstream's; `durationMs` runs until the answer's last byte. */
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly rawHeaders: readonly string[];
      readonly copy: AnswerCopy | undefined;
      readonly durationMs: number;
    }
  /** The upstream failed, or its answer was declined. Nothing was written: the caller answers. */
  | { readonly kind: 'failed'; readonly error: GatewayError; readonly durationMs: number }
  | { readonly kind: 'declined'; readonly reason: string; readonly durationMs: number }
  /** The answer broke off after its head; the client's connection was destroyed, so that it can tell. */
  | { readonly kind: 'truncated'; readonly status: number; readonly durationMs: number }
  /** The client left before its answer was complete. */
  | { readonly kind: 'abandoned'; readonly durationMs: number }
  /** The connection became a tunnel and both ends are closed again. */
  | { readonly kind: 'tunnelled'; readonly status: 101; readonly durationMs: number };

/**
 * Passes requests to upstreams and answers back. Guarantees: (1) `forward` never rejects, and exactly one of it and its caller writes the
 * answer: it when the outcome is answered, truncated, abandoned or tunnelled, the caller when it is failed or declined; (2) both bodies
 * are streamed with back-pressure; (3) an end that breaks off breaks the other at once; (4) an upstream connection is used again only when
 * its last request was sent whole and its last answer read whole; (5) a request is sent twice only when it is safe to and no byte of an answer came.
 */
export interface Forwarder {
  forward(client: ClientSide, plan: ForwardPlan): Promise<ForwardOutcome>;
  /** The request asks for an upgrade; `head` is what the client has sent after it. */
  upgrade(client: ClientSide, head: Buffer, plan: ForwardPlan): Promise<ForwardOutcome>;
  /** Closes idle upstream connections. */
  stop(): void;
}
