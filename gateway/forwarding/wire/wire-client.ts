import type { GatewayError } from '../../errors.ts';
import { certificateVerified, withClientCertificate } from '../../listening/client-certificate.ts';
import type { Peer } from '../../listening/connection.ts';
import type { ClientSide } from '../client-side.ts';
import type { ForwardOutcome, ForwardPlan } from '../forwarder.ts';
import type { RequestHead } from '../request-head.ts';
import type { OrdinaryRequest } from './request-grammar.ts';

/** What a request's owner may ask of the connection it came on. A client whose turn is over is not heard. */
export interface ClientTurns {
  readonly peer: Peer;
  forward(client: WireClient, plan: ForwardPlan): Promise<ForwardOutcome>;
  handOver(client: WireClient, why: 'body'): void;
  refuse(client: WireClient, error: GatewayError, requestId: string | undefined, page: string | undefined): void;
  closeAfterAnswer(client: WireClient): void;
  destroy(client: WireClient): void;
}

/** One request on a raw connection. */
export class WireClient implements ClientSide {
  readonly head: RequestHead;
  readonly request: OrdinaryRequest;
  readonly #connection: ClientTurns;

  constructor(connection: ClientTurns, request: OrdinaryRequest) {
    const { method, target, fields, framing } = request;
    const { peer } = connection;
    this.#connection = connection;
    this.request = request;
    const rawHeaders = withClientCertificate(fields, peer);
    this.head = {
      method,
      url: target,
      rawHeaders,
      httpVersion: '1.1',
      framing,
      remoteAddress: peer.remoteAddress,
      secure: peer.secure,
      certificateVerified: certificateVerified(peer),
    };
  }

  forward(plan: ForwardPlan): Promise<ForwardOutcome> {
    return this.#connection.forward(this, plan);
  }

  /** Bodies are read by the general listener: the request goes there, unread. */
  async readBody(): Promise<{ readonly kind: 'handed-over' }> {
    this.#connection.handOver(this, 'body');
    return { kind: 'handed-over' };
  }

  refuse(error: GatewayError, requestId?: string, page?: string): void {
    this.#connection.refuse(this, error, requestId, page);
  }

  closeAfterAnswer(): void {
    this.#connection.closeAfterAnswer(this);
  }

  destroy(): void {
    this.#connection.destroy(this);
  }
}
