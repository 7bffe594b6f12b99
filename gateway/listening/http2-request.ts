import type { IncomingHttpHeaders } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';
import { Readable } from 'node:stream';
import type { Framing } from '../forwarding/framing.ts';
import type { InboundRequest } from '../forwarding/http-exchange.ts';
import type { RequestHead } from '../forwarding/request-head.ts';

/** A request of one HTTP/2 stream in the shape that the general forwarder reads. The client may send as fast as it is read. */
export class Http2Request extends Readable implements InboundRequest {
  readonly method: string;
  readonly httpVersion = '2.0';
  readonly headers: IncomingHttpHeaders;
  readonly framing: Framing;
  rawTrailers: string[] = [];
  complete: boolean;
  readonly #stream: ServerHttp2Stream;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, { method, framing }: RequestHead) {
    super();
    this.method = method;
    this.headers = headers;
    this.framing = framing;
    this.complete = stream.endAfterHeaders;
    this.#stream = stream;
    this.on('error', () => {});
    if (this.complete) this.push(null);
    else this.#listen();
  }

  override _read(): void {
    this.#stream.resume();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.complete && !this.#stream.closed) this.#stream.close(constants.NGHTTP2_CANCEL);
    done(error);
  }

  #listen(): void {
    const stream = this.#stream;
    stream.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) stream.pause();
    });
    stream.pause();
    stream.on('trailers', (_headers: IncomingHttpHeaders, _flags: number, raw: string[]) => {
      this.rawTrailers = raw;
    });
    // A client that resets its stream also ends it, as far as Node tells.
    stream.once('end', () => {
      if (stream.closed) return;
      this.complete = true;
      this.push(null);
    });
    for (const event of ['aborted', 'close']) {
      stream.once(event, () => {
        if (!this.complete) this.destroy();
      });
    }
  }
}
