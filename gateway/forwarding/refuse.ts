import type { GatewayError, GatewayErrorCode } from '../errors.ts';
import { discardRest } from './discard-rest.ts';
import type { NodeExchange } from './http-exchange.ts';
import { ownAnswer } from './own-answer.ts';

/** Where others could see the request's end elsewhere: nothing more is read from such a connection. */
const endInDoubt: ReadonlySet<GatewayErrorCode> = new Set(['bad-request', 'unsupported-transfer-coding']);

/** Answers a request with an error of the gateway's own. What the client is still sending is read and thrown away, or its connection closed. */
export function refuse(
  { request, response }: NodeExchange,
  error: GatewayError,
  requestId?: string,
  page?: string,
): void {
  const clientWaits = request.headers.expect !== undefined || error.code === 'client-stalled';
  if (endInDoubt.has(error.code)) response.shouldKeepAlive = false;
  if (!request.complete) {
    if (clientWaits) response.shouldKeepAlive = false;
    else discardRest(request);
  }
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status, contentType, body } = ownAnswer(error, requestId, page);
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': body.length,
    'cache-control': 'no-store',
  });
  response.end(body);
}
