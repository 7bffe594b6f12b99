/** How the client names the site, and where the application behind it really is. */
export interface Naming {
  readonly publicScheme: 'http' | 'https';
  /** As the client wrote it: `www.example.com:8080`; empty when it named none (HTTP/1.0). */
  readonly publicAuthority: string;
  /** `http://127.0.0.1:8000` */
  readonly upstreamOrigin: string;
  /** More origins by which the application names itself. */
  readonly knownAs: readonly string[];
}

/** The place of an application, taken apart. */
interface UpstreamPlace {
  /** Host and port in lower case, the port left out where it is the scheme's own: `127.0.0.1:8000`. */
  readonly authority: string;
  /** `127.0.0.1` */
  readonly host: string;
  /** `:8000`, or empty where it is the scheme's own. */
  readonly port: string;
}

/** Optimization: origins come from the configuration only, and taking one apart costs more than all the rest of an answer's rewriting. */
const places = new Map<string, UpstreamPlace>();

/** The place an origin names. */
export function upstreamPlace(origin: string): UpstreamPlace {
  const known = places.get(origin);
  if (known) return known;
  const { host, hostname, port } = new URL(origin);
  const place = { authority: host, host: hostname, port: port === '' ? '' : `:${port}` };
  places.set(origin, place);
  return place;
}

/** `www.example.com:8080` → `www.example.com`, in lower case */
export function hostOf(authority: string): string {
  return authority.replace(/:\d*$/, '').toLowerCase();
}

/**
 * The authorities, in lower case, by which an application means itself and that lead past the gateway: its own place, the client's host
 * joined with its own port (`http://PUBLIC:8000/`, seen in WordPress and Apache's mod_dir, where the client's Host is preserved), and what
 * else it is known as.
 */
export function insideAuthorities({ publicAuthority, upstreamOrigin, knownAs }: Naming): string[] {
  const { authority, port } = upstreamPlace(upstreamOrigin);
  const inside = new Set([authority, hostOf(publicAuthority) + port]);
  for (const origin of knownAs) inside.add(upstreamPlace(origin).authority);
  inside.delete(withoutDefaultPort(publicAuthority.toLowerCase()));
  return [...inside];
}

/** `example.com:80` → `example.com`: a port that the scheme implies says nothing, and neither does an empty one. */
export function withoutDefaultPort(authority: string): string {
  return authority.replace(/:(?:80|443)?$/, '');
}
