import { sendProblem } from '../../runtime/problem.ts';
import { type GatewayError, problemOf } from '../errors.ts';
import { discardRest } from './discard-rest.ts';
import type { ClientSide } from './forwarder.ts';

/** Answers a request with an error of the gateway's own. What the client is still sending is read and thrown away, or its connection closed. */
export function refuse({ request, response }: ClientSide, error: GatewayError, requestId?: string): void {
  const clientWaits = request.headers.expect !== undefined || error.code === 'client-stalled';
  if (!request.complete) {
    if (clientWaits) response.shouldKeepAlive = false;
    else discardRest(request);
  }
  sendProblem(response, problemOf(error, requestId));
}
