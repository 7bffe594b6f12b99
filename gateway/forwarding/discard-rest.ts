import type { IncomingMessage } from 'node:http';

/** How long a client may go on sending a body that nobody waits for any more. */
const leftoverUploadMs = 30_000;

/**
 * Reads the rest of a request's body and throws it away, because a connection closed with unread bytes is reset and could take the answer
 * with it. A client that is still sending after 30 s is cut.
 */
export function discardRest(request: IncomingMessage): void {
  if (request.complete) return;
  const { socket } = request;
  const cut = setTimeout(() => socket.destroy(), leftoverUploadMs);
  const settled = () => clearTimeout(cut);
  request.once('end', settled);
  socket.once('close', settled);
  request.resume();
}
