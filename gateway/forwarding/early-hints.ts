import type { IncomingHttpHeaders } from 'node:http';
import type { HttpExchange } from './http-exchange.ts';

/**
 * Passes a 103 on. Early hints are a courtesy: what Node does not accept as a Link is left out, and what comes while the client has yet to take what
 * came before: an application could send them without end. HTTP/1.0 knows no 1xx.
 */
export function passEarlyHints({ request, response }: HttpExchange, headers: IncomingHttpHeaders): void {
  const { link } = headers;
  if (link === undefined || request.httpVersion === '1.0' || response.headersSent || response.writableLength > 0)
    return;
  try {
    response.writeEarlyHints({ link });
  } catch {
    return;
  }
}
