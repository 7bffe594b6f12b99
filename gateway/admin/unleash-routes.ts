import { Router } from 'express';
import type { FlagClientApi } from '../flags/client-api.ts';
import { AdminError } from './admin-errors.ts';

/**
 * Unleash's client API over the built-in flags, for Unleash SDKs in any language: give them `http://HOST:ADMIN-PORT/api` and the admin
 * token. What they report of themselves is accepted and not kept.
 */
export function unleashRoutes(flags: FlagClientApi | undefined): Router {
  const router = Router();
  if (!flags) {
    return router.use(() => {
      throw new AdminError('flags-elsewhere', 'ask the Unleash that keeps the flags');
    });
  }
  router.get('/features', (request, response) => {
    const { body, etag } = flags.features();
    response.setHeader('etag', etag);
    if (isCurrent(request.headers['if-none-match'], etag)) response.status(304).end();
    else response.type('application/json').send(body);
  });
  router.get('/streaming', (_, response) => flags.stream(response));
  router.post(['/register', '/metrics'], (request, response) => {
    request.resume();
    response.status(202).end();
  });
  return router;
}

function isCurrent(condition: string | undefined, etag: string): boolean {
  return (condition ?? '').split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}
