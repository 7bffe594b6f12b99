import { GatewayError } from '../errors.ts';
import { type Framing, withoutLeadingZeros } from '../forwarding/framing.ts';
import type { RequestHead } from '../forwarding/request-head.ts';
import { certificateVerified, withClientCertificate } from './client-certificate.ts';
import type { Peer } from './connection.ts';

/**
 * The head of an HTTP/2 request as HTTP/1.1 says it (RFC 9113 section 8.3.1): `:authority` becomes Host and comes first, the crumbs of Cookie are
 * joined (section 8.2.3). `raw`: as received, `[name, value, …]` with the pseudo-header fields; nghttp2 has refused malformed ones before.
 * Throws a GatewayError where Host and `:authority` are about different hosts, and for what is no http resource.
 */
export function readHttp2Head(raw: readonly string[], bodyFollows: boolean, peer: Peer): RequestHead {
  const pseudo = new Map<string, string>();
  const fields: string[] = [];
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!;
    if (name.startsWith(':')) pseudo.set(name, raw[index + 1]!);
    else fields.push(name, raw[index + 1]!);
  }
  checkScheme(pseudo.get(':scheme'));
  return {
    method: checkedMethod(pseudo.get(':method') ?? ''),
    url: checkedPath(pseudo.get(':path') ?? ''),
    rawHeaders: withClientCertificate(joinCookies(withHost(fields, pseudo.get(':authority'))), peer),
    httpVersion: '2.0',
    framing: framingOf(fields, bodyFollows),
    remoteAddress: peer.remoteAddress,
    secure: peer.secure,
    certificateVerified: certificateVerified(peer),
  };
}

function checkScheme(scheme: string | undefined): void {
  if (scheme === 'https' || scheme === 'http') return;
  throw new GatewayError(
    'bad-request',
    `found :scheme ${JSON.stringify(scheme?.slice(0, 40))}, expected https or http`,
  );
}

/** Methods are case-sensitive (RFC 9110 section 9.1), and Node would send `get` as GET, after it was routed and held to be something else. */
function checkedMethod(method: string): string {
  if (method === method.toUpperCase()) return method;
  throw new GatewayError(
    'bad-request',
    `found method ${JSON.stringify(method.slice(0, 40))}, expected capital letters`,
  );
}

function checkedPath(path: string): string {
  if (path.startsWith('/') || path === '*') return path;
  throw new GatewayError('bad-target', `found :path ${JSON.stringify(path.slice(0, 100))}, expected a path`);
}

/** A request that names two hosts is malformed: what stands behind us could believe the other one. */
function withHost(fields: readonly string[], authority: string | undefined): string[] {
  if (authority === undefined) return [...fields];
  const others: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    const [name, value] = [fields[index]!, fields[index + 1]!];
    if (name !== 'host') others.push(name, value);
    else if (value.toLowerCase() !== authority.toLowerCase())
      throw new GatewayError('bad-host', `found host ${JSON.stringify(value.slice(0, 100))} beside another :authority`);
  }
  return ['host', authority, ...others];
}

/** The crumbs of Cookie as one field where the first of them stood. */
function joinCookies(fields: readonly string[]): string[] {
  const joined: string[] = [];
  let cookieAt: number | undefined;
  for (let index = 0; index < fields.length; index += 2) {
    const [name, value] = [fields[index]!, fields[index + 1]!];
    if (name === 'cookie' && cookieAt !== undefined) {
      joined[cookieAt] += `; ${value}`;
      continue;
    }
    joined.push(name, value);
    if (name === 'cookie') cookieAt = joined.length - 1;
  }
  return joined;
}

/** HTTP/2 delimits bodies by itself; a length that was declared was compared with what came. */
function framingOf(fields: readonly string[], bodyFollows: boolean): Framing {
  const at = fields.findIndex((name, index) => index % 2 === 0 && name === 'content-length');
  if (at !== -1) return { kind: 'length', length: withoutLeadingZeros(fields[at + 1]!) };
  return bodyFollows ? { kind: 'chunked' } : { kind: 'none' };
}
