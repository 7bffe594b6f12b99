import type { GatewayError } from '../errors.ts';
import type { ClientSide } from '../forwarding/client-side.ts';
import type { Forwarder } from '../forwarding/forwarder.ts';
import type { Peer } from './connection.ts';
import type { ListenerTelemetry } from './listener-telemetry.ts';

/** Takes a request. Never throws. */
export type RequestHandler = (client: ClientSide) => void;

/** What a listener stands on. */
export interface ListenerPorts {
  readonly handle: RequestHandler;
  /** Passes on what `node:http` and HTTP/2 read. */
  readonly forwarder: Forwarder;
  /** A request was answered with an error before it could be handled. */
  readonly refused: (error: GatewayError, peer: Pick<Peer, 'remoteAddress'>) => void;
  readonly telemetry: ListenerTelemetry;
}
