import type { UserEvidence } from './user-source.ts';

const safe = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/**
 * Whether another site made the browser send this write, as payment providers do when they send somebody back. Browsers leave SameSite=Lax cookies out of such
 * requests (RFC 6265bis section 8.8.2): that none came does not mean that there is none.
 */
export function isFromElsewhere(request: UserEvidence & { readonly method: string }): boolean {
  if (safe.has(request.method)) return false;
  const site = request.header('sec-fetch-site');
  if (site !== undefined) return site === 'cross-site';
  const origin = request.header('origin');
  return origin !== undefined && origin.replace(/^https?:\/\//, '') !== request.publicAuthority;
}
