import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AdminError } from './admin-errors.ts';

/**
 * Lets a request pass that has the token: `Authorization: Bearer TOKEN`, or `Authorization: TOKEN` as Unleash's SDKs send it. Digests are
 * compared, in constant time, so that neither the token's length nor its beginning shows in how long a refusal takes. Without a token
 * nobody passes, even should the expected one be empty.
 */
export function authorize(token: string) {
  const expected = digest(token);
  return (request: IncomingMessage, response: ServerResponse, next: () => void): void => {
    const given = (request.headers.authorization ?? '').replace(/^Bearer +/i, '');
    if (given !== '' && timingSafeEqual(digest(given), expected)) {
      next();
      return;
    }
    response.setHeader('www-authenticate', 'Bearer realm="strangler admin"');
    const found = request.headers.authorization === undefined ? 'no Authorization header' : 'another token';
    throw new AdminError('token-required', `found ${found}, expected Authorization: Bearer TOKEN`);
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
