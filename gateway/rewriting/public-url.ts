import { insideAuthorities, type Naming, upstreamPlace, withoutDefaultPort } from './naming.ts';

/** An absolute URL, or one that leaves the scheme to its reader, without a user's name: scheme, authority, the rest. */
const absoluteUrl = /^(?:(https?):)?\/\/([^/?#\\@]+)((?:[/?#].*)?)$/is;

/**
 * A URL that names the application behind the gateway, as the client must name it; every other stays byte for byte as it is. The client's
 * own authority with the scheme `http` becomes `https` where that is what the client uses: the application does not see the gateway's TLS.
 */
export function publicUrl(value: string, naming: Naming): string {
  const found = absoluteUrl.exec(value);
  if (!found || naming.publicAuthority === '') return value;
  const [, scheme, authority, rest] = found as unknown as [string, string | undefined, string, string];
  const { publicScheme, publicAuthority } = naming;
  const named = authority.toLowerCase();
  const inside = insideAuthorities(naming).includes(withoutDefaultPort(named));
  const onlySchemeIsWrong = publicScheme === 'https' && scheme?.toLowerCase() === 'http' && isPublic(named, naming);
  if (!inside && !onlySchemeIsWrong) return value;
  return `${scheme === undefined ? '' : `${publicScheme}:`}//${publicAuthority}${rest}`;
}

function isPublic(named: string, { publicAuthority }: Naming): boolean {
  return withoutDefaultPort(named) === withoutDefaultPort(publicAuthority.toLowerCase());
}

/**
 * The reverse for what a client says of where it comes from (Origin, Referer, a WebDAV Destination): a URL of the public site as the
 * application names itself. Every other stays, so that a foreign Origin still looks foreign.
 */
export function upstreamUrl(value: string, naming: Naming): string {
  const found = absoluteUrl.exec(value);
  if (!found || naming.publicAuthority === '') return value;
  const [, scheme, authority, rest] = found as unknown as [string, string | undefined, string, string];
  if (scheme?.toLowerCase() !== naming.publicScheme || !isPublic(authority.toLowerCase(), naming)) return value;
  const upstreamScheme = naming.upstreamOrigin.slice(0, naming.upstreamOrigin.indexOf(':'));
  return `${upstreamScheme}://${upstreamPlace(naming.upstreamOrigin).authority}${rest}`;
}
