import { sendProblem } from '../../runtime/problem.ts';
import { type GatewayError, type GatewayErrorCode, problemOf } from '../errors.ts';
import { discardRest } from './discard-rest.ts';
import type { NodeExchange } from './http-exchange.ts';

/** Where others could see the request's end elsewhere: nothing more is read from such a connection. */
const endInDoubt: ReadonlySet<GatewayErrorCode> = new Set(['bad-request', 'unsupported-transfer-coding']);

/** Answers a request with an error of the gateway's own. What the client is still sending is read and thrown away, or its connection closed. */
export function refuse({ request, response }: NodeExchange, error: GatewayError, requestId?: string): void {
  const clientWaits = request.headers.expect !== undefined || error.code === 'client-stalled';
  if (endInDoubt.has(error.code)) response.shouldKeepAlive = false;
  if (!request.complete) {
    if (clientWaits) response.shouldKeepAlive = false;
    else discardRest(request);
  }
  sendProblem(response, problemOf(error, requestId));
}
