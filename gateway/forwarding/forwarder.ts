import type { Transform } from 'node:stream';
import type { GatewayError } from '../errors.ts';
import type { UpstreamConfig } from './config.ts';
import type { HttpExchange, NodeExchange } from './http-exchange.ts';

/** Whether an answer is for the client: with which raw header fields (without framing), or why not. */
export type AnswerVerdict =
  | {
      readonly kind: 'pass';
      readonly fields: string[];
      /** Makes what the body goes through on its way, so that its length is not known before; undefined: it goes as it comes. */
      readonly transforms: (() => Transform[]) | undefined;
    }
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
  /** The verdict may bring transforms: only a forwarder that decodes bodies can carry this out. */
  readonly rewritesBodies: boolean;
}

/** A copy of an answer, as it came from the upstream. */
export interface AnswerCopy {
  /** The beginning of the body, still encoded. */
  readonly body: Buffer;
  /** The body was longer than the copy. */
  readonly oversize: boolean;
}

/** What forwarding one request took. */
export interface Effort {
  /** From the call to the answer's last byte, or to where it ended otherwise. */
  readonly durationMs: number;
  /** From the call to the answer's head; undefined when none came. */
  readonly firstByteMs: number | undefined;
  /** Bytes of the request's body that were read from the client. */
  readonly requestBytes: number;
  /** Bytes of the answer's body that came from the upstream. */
  readonly answerBytes: number;
  /** How often the request was sent: 2 when a kept connection turned out to be stale. */
  readonly attempts: number;
}

/** How forwarding ended. */
export type Ending =
  /** The client has the whole answer. `rawHeaders` are the upstream's. */
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly rawHeaders: readonly string[];
      readonly copy: AnswerCopy | undefined;
    }
  /** The upstream failed, or its answer was declined. Nothing was written: the caller answers. */
  | { readonly kind: 'failed'; readonly error: GatewayError }
  | { readonly kind: 'declined'; readonly reason: string }
  /** The answer broke off after its head; the client's connection was destroyed, so that it can tell. */
  | { readonly kind: 'truncated'; readonly status: number }
  /** The client left before its answer was complete. */
  | { readonly kind: 'abandoned' }
  /** The connection became a tunnel and both ends are closed again. */
  | { readonly kind: 'tunnelled'; readonly status: 101 }
  /** The connection went, with this request unread, to a listener that can do what this one cannot. It will be received again there. */
  | { readonly kind: 'handed-over' };

/** How forwarding ended and what it took. */
export type ForwardOutcome = Ending & Effort;

/**
 * Passes requests to upstreams and answers back. Guarantees: (1) `forward` never rejects, and exactly one of it and its caller writes the
 * answer: it when the outcome is answered, truncated, abandoned or tunnelled, the caller when it is failed or declined; (2) both bodies
 * are streamed with back-pressure; (3) an end that breaks off breaks the other at once; (4) an upstream connection is used again only when
 * its last request was sent whole and its last answer read whole; (5) a request is sent twice only when it is safe to and no byte of an answer came.
 */
export interface Forwarder {
  forward(exchange: HttpExchange, plan: ForwardPlan): Promise<ForwardOutcome>;
  /** The request asks for an upgrade; `head` is what the client has sent after it. */
  upgrade(exchange: NodeExchange, head: Buffer, plan: ForwardPlan): Promise<ForwardOutcome>;
  /** Closes idle upstream connections. */
  stop(): void;
}
