import { GatewayError } from '../errors.ts';
import type { BodyRead, ClientSide } from '../forwarding/client-side.ts';
import type { Forwarder, ForwardOutcome, ForwardPlan } from '../forwarding/forwarder.ts';
import { requestFraming } from '../forwarding/framing.ts';
import type { NodeExchange } from '../forwarding/http-exchange.ts';
import { refuse } from '../forwarding/refuse.ts';
import type { RequestHead } from '../forwarding/request-head.ts';
import { certificateVerified, withClientCertificate } from './client-certificate.ts';
import type { Peer } from './connection.ts';
import { readBody } from './read-body.ts';

/** A client whose request a `node:http` server read. */
export class NodeClient implements ClientSide {
  readonly #exchange: NodeExchange;
  readonly #peer: Peer;
  readonly #forwarder: Forwarder;
  readonly #upgradeHead: Buffer | undefined;
  #head: RequestHead | undefined;

  /** `upgradeHead`: what the client has sent after a request to upgrade; undefined for ordinary requests. */
  constructor(exchange: NodeExchange, peer: Peer, forwarder: Forwarder, upgradeHead?: Buffer) {
    this.#exchange = exchange;
    this.#peer = peer;
    this.#forwarder = forwarder;
    this.#upgradeHead = upgradeHead;
  }

  get head(): RequestHead {
    this.#head ??= headOf(this.#exchange, this.#peer);
    return this.#head;
  }

  readBody(maxBytes: number, stallMs: number): Promise<BodyRead> {
    return readBody(this.#exchange, maxBytes, stallMs);
  }

  forward(plan: ForwardPlan): Promise<ForwardOutcome> {
    return this.#upgradeHead === undefined
      ? this.#forwarder.forward(this.#exchange, plan)
      : this.#forwarder.upgrade(this.#exchange, this.#upgradeHead, plan);
  }

  refuse(error: GatewayError, requestId?: string, page?: string): void {
    refuse(this.#exchange, error, requestId, page);
  }

  closeAfterAnswer(): void {
    this.#exchange.response.shouldKeepAlive = false;
  }

  destroy(): void {
    this.#exchange.response.destroy();
  }
}

function headOf({ request }: NodeExchange, peer: Peer): RequestHead {
  return {
    method: request.method ?? '',
    url: request.url ?? '',
    rawHeaders: withClientCertificate(request.rawHeaders, peer),
    httpVersion: versionOf(request.httpVersion),
    framing: requestFraming(request),
    remoteAddress: peer.remoteAddress,
    secure: peer.secure,
    certificateVerified: certificateVerified(peer),
  };
}

/** Node's parser also takes HTTP/0.9 and HTTP/2.0 before a head of HTTP/1.1. Throws a GatewayError for what is none. */
function versionOf(version: string): '1.0' | '1.1' {
  if (version === '1.0' || version === '1.1') return version;
  throw new GatewayError('bad-request', `found HTTP/${version}, expected HTTP/1.1 or HTTP/1.0`);
}
