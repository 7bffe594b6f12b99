import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { GatewayError } from '../errors.ts';
import type { BodyRead, ClientSide } from '../forwarding/client-side.ts';
import type { Forwarder, ForwardOutcome, ForwardPlan } from '../forwarding/forwarder.ts';
import { ownAnswer } from '../forwarding/own-answer.ts';
import type { RequestHead } from '../forwarding/request-head.ts';
import type { Peer } from './connection.ts';
import { readHttp2Head } from './http2-head.ts';
import { Http2Request } from './http2-request.ts';
import { Http2Response } from './http2-response.ts';
import { readBody } from './read-body.ts';

/** One stream of a connection that speaks HTTP/2, as `stream` events tell of it. */
export interface ReceivedStream {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
}

/** A client whose request came on an HTTP/2 stream. */
export class Http2Client implements ClientSide {
  readonly response: Http2Response;
  readonly #received: ReceivedStream;
  readonly #peer: Peer;
  readonly #forwarder: Forwarder;
  readonly #closeConnection: () => void;
  #head: RequestHead | undefined;
  #request: Http2Request | undefined;

  /** `closeConnection`: lets the streams of this connection finish and takes no others. */
  constructor(received: ReceivedStream, peer: Peer, forwarder: Forwarder, closeConnection: () => void) {
    this.response = new Http2Response(received.stream);
    this.#received = received;
    this.#peer = peer;
    this.#forwarder = forwarder;
    this.#closeConnection = closeConnection;
  }

  get head(): RequestHead {
    const { rawHeaders, stream } = this.#received;
    this.#head ??= readHttp2Head(rawHeaders, !stream.endAfterHeaders, this.#peer);
    return this.#head;
  }

  readBody(maxBytes: number, stallMs: number): Promise<BodyRead> {
    return readBody(this.#exchange(), maxBytes, stallMs);
  }

  forward(plan: ForwardPlan): Promise<ForwardOutcome> {
    return this.#forwarder.forward(this.#exchange(), plan);
  }

  refuse(error: GatewayError, requestId?: string, page?: string): void {
    const { status, contentType, body } = ownAnswer(error, requestId, page);
    this.response.writeHead(status, undefined, [
      'content-type',
      contentType,
      'content-length',
      String(body.length),
      'cache-control',
      'no-store',
    ]);
    this.response.end(body);
  }

  closeAfterAnswer(): void {
    this.#closeConnection();
  }

  destroy(): void {
    this.response.destroy();
  }

  #exchange() {
    const { stream, headers } = this.#received;
    this.#request ??= new Http2Request(stream, headers, this.head);
    return { request: this.#request, response: this.response };
  }
}
