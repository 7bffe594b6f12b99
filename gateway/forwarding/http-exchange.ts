import { type IncomingHttpHeaders, IncomingMessage, type ServerResponse } from 'node:http';
import type { Readable, Writable } from 'node:stream';
import type { Framing } from './framing.ts';

/**
 * A request as the general forwarder reads it: head and body. `node:http` gives it as it is, HTTP/2 in the same shape. Destroying it before
 * its end stops the client from sending.
 */
export interface InboundRequest extends Readable {
  readonly method?: string | undefined;
  readonly httpVersion: string;
  readonly headers: IncomingHttpHeaders;
  /** How the body is delimited where its protocol says so otherwise than by fields. */
  readonly framing?: Framing;
  /** `[name, value, name, value, …]`, known when the body has ended. */
  readonly rawTrailers: string[];
  /** The body came whole, to its declared end. */
  readonly complete: boolean;
}

/** The way back of a request. Destroyed before its end it is seen by the client as broken off. */
export interface OutboundResponse extends Writable {
  readonly headersSent: boolean;
  /** The body's end is not declared in the head, so that trailers may follow. */
  readonly chunkedEncoding: boolean;
  shouldKeepAlive: boolean;
  sendDate: boolean;
  statusMessage: string;
  /** `fields`: `[name, value, name, value, …]`. Throws, with nothing written, for what may not be sent. */
  writeHead(status: number, statusMessage: string | undefined, fields: string[]): unknown;
  addTrailers(fields: [name: string, value: string][]): void;
  writeContinue(): void;
  writeEarlyHints(hints: { link: string | string[] }): void;
}

/** A request and its way back. */
export interface HttpExchange {
  readonly request: InboundRequest;
  readonly response: OutboundResponse;
}

/** A request that a `node:http` server read and that may become a tunnel. */
export interface NodeExchange extends HttpExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** Whether an exchange is `node:http`'s own. */
export function isNodeExchange(exchange: HttpExchange): exchange is NodeExchange {
  return exchange.request instanceof IncomingMessage;
}
