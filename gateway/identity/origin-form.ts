import { GatewayError } from '../errors.ts';

/** What a request is for. */
export interface OriginForm {
  /** Path and query. */
  readonly target: string;
  /** Empty when the client named none. */
  readonly authority: string;
}

/**
 * The path and query of a target, and the authority it is for: an absolute target's own beats Host (RFC 9112 section 3.2.2). Throws a
 * GatewayError (400) for a form that no origin server takes.
 */
export function originForm(method: string, url: string, host: string): OriginForm {
  if (url.startsWith('/') || (url === '*' && method === 'OPTIONS')) return { target: url, authority: host };
  const absolute = /^https?:\/\/([\w.~-]+(?::\d{1,5})?|\[[0-9a-f:.]+\](?::\d{1,5})?)([/?].*)?$/i.exec(url);
  if (!absolute) {
    throw new GatewayError(
      'bad-target',
      `found target ${JSON.stringify(url.slice(0, 100))}, expected a path such as /shipments`,
    );
  }
  const rest = absolute[2] ?? '/';
  return { target: rest.startsWith('/') ? rest : `/${rest}`, authority: absolute[1]! };
}
