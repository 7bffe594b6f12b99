import type { InboundRequest } from './http-exchange.ts';

/** How long a client may go on sending a body that nobody waits for any more. */
const leftoverUploadMs = 30_000;

/**
 * Reads the rest of a request's body and throws it away, because a connection closed with unread bytes is reset and could take the answer
 * with it. A client that is still sending after 30 s is cut.
 */
export function discardRest(request: InboundRequest): void {
  if (request.complete || request.destroyed) return;
  const cut = setTimeout(() => request.destroy(), leftoverUploadMs);
  request.once('close', () => clearTimeout(cut));
  request.resume();
}
