import type { ServerHttp2Session } from 'node:http2';

/**
 * Calls `gone` when nothing has moved on a connection for `patienceMs` and its client did not answer a PING sent after half of that, or could not
 * be sent one. This also finds connections whose protocol the client broke: Node reads nothing any more from some of them (after a field block that cannot be decoded,
 * a frame too long, a window beyond its bound), tells nobody, and would keep them and the requests on them for ever.
 */
export function watchLiveness(session: ServerHttp2Session, patienceMs: number, gone: () => void): void {
  const halfMs = patienceMs / 2;
  let late: NodeJS.Timeout | undefined;
  session.setTimeout(halfMs);
  session.on('timeout', () => {
    late ??= setTimeout(gone, halfMs);
    session.ping((error) => {
      clearTimeout(late);
      late = undefined;
      if (session.destroyed) return;
      if (error) gone();
      else session.setTimeout(halfMs);
    });
  });
  session.once('close', () => clearTimeout(late));
}
