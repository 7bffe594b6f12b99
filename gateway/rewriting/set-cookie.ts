import { hostOf, type Naming, upstreamPlace } from './naming.ts';

/** What is changed in a cookie beside its domain. */
export interface CookieChanges {
  /** Where the client uses https, the cookie is marked Secure. */
  readonly secure: boolean;
  /** The public path for one of the application's. */
  readonly publicPath: (path: string) => string;
}

/**
 * A Set-Cookie value for the client; name and value stay byte for byte. A Domain that covers the application's host and not the client's
 * is removed: the browser would refuse such a cookie, and without Domain it belongs to the host that the client asked (RFC 6265 section
 * 5.3). Path becomes what the client asks for where a route rewrites paths.
 */
export function publicCookie(value: string, naming: Naming, { secure, publicPath }: CookieChanges): string {
  const [pair, ...attributes] = value.split(';');
  const kept = attributes.flatMap((attribute) => {
    const [, start, name, content] = /^(\s*([^=\s]*)\s*=?\s*)(.*?)\s*$/s.exec(attribute)!;
    switch (name!.toLowerCase()) {
      case 'domain':
        return isForeign(content!, naming) ? [] : [attribute];
      case 'path':
        return content!.startsWith('/') ? [start + publicPath(content!)] : [attribute];
      default:
        return [attribute];
    }
  });
  const isSecure = attributes.some((attribute) => attribute.trim().toLowerCase() === 'secure');
  const added = secure && !isSecure && naming.publicScheme === 'https' ? [' Secure'] : [];
  return [pair, ...kept, ...added].join(';');
}

function isForeign(domain: string, { publicAuthority, upstreamOrigin, knownAs }: Naming): boolean {
  const named = domain.replace(/^\./, '').toLowerCase();
  const isOwn = [upstreamOrigin, ...knownAs].some((origin) => covers(named, upstreamPlace(origin).host));
  return isOwn && !covers(named, hostOf(publicAuthority));
}

function covers(domain: string, host: string): boolean {
  return host === domain || host.endsWith(`.${domain}`);
}
