import { validateHeaderName, validateHeaderValue } from 'node:http';
import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { Writable } from 'node:stream';
import { eachField } from '../forwarding/header-fields.ts';
import type { OutboundResponse } from '../forwarding/http-exchange.ts';

const { NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;

/** Fields of HTTP/1.1 connections, which a message of HTTP/2 must not have (RFC 9113 section 8.2.2). */
const ofConnections: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Fields of which Node sends one line only, whatever the application said: their values are joined to one, which means the same (RFC 9110
 * section 5.3).
 */
const single: ReadonlySet<string> = new Set([
  'access-control-allow-credentials',
  'access-control-max-age',
  'access-control-request-method',
  'age',
  'authorization',
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-md5',
  'content-range',
  'content-type',
  'date',
  'dnt',
  'etag',
  'expires',
  'from',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'proxy-authorization',
  'range',
  'referer',
  'retry-after',
  'tk',
  'upgrade-insecure-requests',
  'user-agent',
  'x-content-type-options',
]);

/**
 * The way back on one HTTP/2 stream in the shape that the general forwarder writes. It is finished when the whole answer is on its way;
 * destroyed before that it resets the stream, so that the client can tell that something is missing.
 */
export class Http2Response extends Writable implements OutboundResponse {
  headersSent = false;
  chunkedEncoding = false;
  shouldKeepAlive = true;
  sendDate = true;
  statusMessage = '';
  /** The answer was broken off from this side. */
  brokenOff = false;
  readonly #stream: ServerHttp2Stream;
  #trailers: OutgoingHttpHeaders = {};

  constructor(stream: ServerHttp2Stream) {
    super();
    this.#stream = stream;
    // Its close tells that it was not finished.
    this.on('error', () => {});
    for (const event of ['aborted', 'close']) stream.once(event, () => this.destroy());
  }

  writeHead(status: number, _statusMessage: string | undefined, fields: string[]): void {
    const headers = { ':status': status, ...outgoing(fields) };
    this.chunkedEncoding = fields.some((name, index) => index % 2 === 0 && name.toLowerCase() === 'transfer-encoding');
    if (this.#stream.closed) return;
    // The body's end is said by trailers, be there any or not: Node would end the stream before it resets one that is broken off.
    this.#stream.once('wantTrailers', () => this.#stream.sendTrailers(this.#trailers));
    const options = { waitForTrailers: true, sendDate: this.sendDate };
    this.#stream.respond(headers, options);
    this.headersSent = true;
  }

  addTrailers(fields: [name: string, value: string][]): void {
    this.#trailers = outgoing(fields.flat());
  }

  writeContinue(): void {
    this.#inform({ ':status': 100 });
  }

  writeEarlyHints({ link }: { link: string | string[] }): void {
    this.#inform({ ':status': 103, link });
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    // Node has ended the stream itself when the answer can have no body (HEAD, 204, 304).
    if (this.#stream.writableEnded) done();
    else this.#stream.write(chunk, encoding, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#stream.writableFinished) done();
    else this.#stream.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (this.writableFinished) this.#stopUpload();
    else if (!this.#stream.closed) {
      this.brokenOff = true;
      this.#stream.close(NGHTTP2_INTERNAL_ERROR);
    }
    done(error);
  }

  /**
   * Nobody waits for the rest of the request when the answer is complete: the client is told to stop (RFC 9113 section 8.1), but not before
   * the answer's end has left, which a reset would overtake.
   */
  #stopUpload(): void {
    const stream = this.#stream;
    if (stream.closed || stream.destroyed) return;
    if (stream.state.localClose === 1) stream.close(NGHTTP2_NO_ERROR);
    else setImmediate(() => this.#stopUpload());
  }

  #inform(headers: OutgoingHttpHeaders): void {
    if (!this.headersSent && !this.#stream.closed) this.#stream.additionalHeaders(headers);
  }
}

/** `['A', '1', 'a', '2', 'B', '3']` → `{a: ['1', '2'], b: '3'}`, without what is of connections. Throws for names and values that may not be sent. */
function outgoing(fields: readonly string[]): OutgoingHttpHeaders {
  const values = new Map<string, string[]>();
  eachField(fields, (name, value, lower) => {
    if (ofConnections.has(lower)) return;
    validateHeaderName(name);
    validateHeaderValue(name, value);
    const before = values.get(lower);
    if (before) before.push(value);
    else values.set(lower, [value]);
  });
  return Object.fromEntries(
    [...values].map(([name, all]) => [name, single.has(name) ? [...new Set(all)].join(', ') : all]),
  );
}
