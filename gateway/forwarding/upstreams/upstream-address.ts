/** Where a connection to an upstream is made. */
export type UpstreamAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** `unix:/run/app.sock` */
const unixSocket = /^unix:(\/[^\0?#]+)$/;

/**
 * Where an origin is reached: `http://[::1]:8000` → host `::1`, port 8000; `unix:/run/app.sock` → that socket. Throws a RangeError for what is
 * neither an origin nor a socket.
 */
export function upstreamAddress(origin: string): UpstreamAddress {
  const path = unixSocket.exec(origin)?.[1];
  if (path !== undefined) return { kind: 'unix', path };
  const { protocol, hostname, port } = originUrl(origin);
  const host = hostname.replace(/^\[|\]$/g, '');
  return { kind: 'tcp', host, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) };
}

/** The origin in the one spelling that everything else compares with: no trailing slash, no default port. Throws like `upstreamAddress`. */
export function readUpstreamOrigin(text: string): string {
  return unixSocket.test(text) ? text : originUrl(text).origin;
}

/** What Host says to an upstream that is told its own name; the application behind a socket has none but localhost. */
export function upstreamAuthority(origin: string): string {
  return unixSocket.test(origin) ? 'localhost' : originUrl(origin).host;
}

function originUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.pathname === '/' && !url.search && !url.hash && !url.username) {
    return url;
  }
  throw new RangeError(
    `found ${JSON.stringify(text)}, expected an origin such as http://127.0.0.1:8000 without path, query or credentials, or unix:/run/app.sock`,
  );
}
