import { GatewayError } from '../errors.ts';
import type { BodyRead } from '../forwarding/client-side.ts';
import type { HttpExchange } from '../forwarding/http-exchange.ts';

/**
 * Reads a request's body until its end or until it is longer than `maxBytes`, and puts every byte back, so that it is forwarded as if nobody
 * had looked. A client that waits to be told to go on is told. Rejects with a GatewayError `client-stalled` when no byte comes for `stallMs`.
 *
 * The stream must not learn that it was read to its end: it would say `end` to nobody, and who forwards it later would wait for that for
 * ever. So it is only read while it holds bytes, and they are put back in the same turn as the last is taken.
 */
export function readBody({ request, response }: HttpExchange, maxBytes: number, stallMs: number): Promise<BodyRead> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const settle = (act: () => void) => {
      clearTimeout(stalled);
      request.off('readable', read);
      request.off('close', breakOff);
      request.off('error', breakOff);
      const bytes = Buffer.concat(chunks, length);
      if (length > 0 && !request.destroyed) request.unshift(bytes);
      act();
    };
    const breakOff = () => settle(() => resolve({ kind: 'broken-off' }));
    const stalled = setTimeout(
      () =>
        settle(() => reject(new GatewayError('client-stalled', `no byte of the request body within ${stallMs} ms`))),
      stallMs,
    );
    const read = () => {
      stalled.refresh();
      while (request.readableLength > 0 && length <= maxBytes) {
        const chunk: Buffer = request.read();
        chunks.push(chunk);
        length += chunk.length;
      }
      if (length > maxBytes) settle(() => resolve({ kind: 'oversize' }));
      else if (request.complete && request.readableLength === 0)
        settle(() => resolve({ kind: 'whole', bytes: Buffer.concat(chunks, length) }));
    };
    if (request.destroyed) return breakOff();
    tellToSend({ request, response });
    request.on('readable', read);
    request.on('close', breakOff);
    request.on('error', breakOff);
  });
}

/** An expectation that is met is forgotten: whoever forwards or refuses the request is not to answer it again. HTTP/1.0 knows no 1xx. */
function tellToSend({ request, response }: HttpExchange): void {
  if (request.headers.expect?.toLowerCase() !== '100-continue' || request.httpVersion === '1.0') return;
  delete request.headers.expect;
  response.writeContinue();
}
