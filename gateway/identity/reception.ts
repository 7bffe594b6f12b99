import { randomBytes } from 'node:crypto';
import type { RequestIds } from '../accounting/request-ids.ts';
import type { Trace } from '../accounting/trace.ts';
import type { GatewayConfig } from '../config.ts';
import { GatewayError } from '../errors.ts';
import type { RequestHead } from '../forwarding/request-head.ts';
import { type Cidr, isAddress, plainAddress } from '../routing/cidr.ts';
import type { RequestFacts } from '../routing/decision.ts';
import { splitOnce } from '../routing/request-target.ts';
import { assignmentCookieName, assignmentKeyOfUser, newAssignmentKey, readAssignment } from './assignment.ts';
import { readCookies } from './cookies.ts';
import { foldRequestHeaders } from './fold-request-headers.ts';
import { recogniseUser } from './user.ts';

/** A request as the gateway received it: what routing looks at, and what forwarding must tell the other side. */
export interface Reception {
  readonly facts: RequestFacts;
  /** Where the assignment key came from; one that came from no valid cookie has to be given to the client. */
  readonly assignment: 'cookie' | 'user' | 'made';
  readonly requestId: string;
  readonly trace: Trace;
  /** The peer is a trusted proxy: what it says about the client is believed and passed on. */
  readonly peerTrusted: boolean;
  readonly peerAddress: string;
  /** Scheme and authority as the client used them: `http`, `www.example.com:8080`. */
  readonly publicScheme: 'http' | 'https';
  readonly publicAuthority: string;
}

type ReceivedHead = Pick<RequestHead, 'method' | 'url' | 'rawHeaders' | 'remoteAddress' | 'secure'>;
type Receiving = Pick<GatewayConfig, 'identity' | 'listeners'>;

/**
 * Reads a request's head. Throws a GatewayError (400) for what cannot be forwarded without guessing: several Hosts, a Host that is none,
 * a target in a form that no origin server takes.
 */
export function receive(request: ReceivedHead, { identity, listeners }: Receiving, ids: RequestIds): Reception {
  const { trustedProxies } = listeners.public;
  const headers = foldRequestHeaders(request.rawHeaders);
  const { target, authority } = originForm(request.url, hostOf(request.rawHeaders));
  const peerAddress = plainAddress(request.remoteAddress);
  const peerTrusted = isTrusted(peerAddress, trustedProxies);
  const cookies = readCookies(headers.cookie);
  const header = (lowerName: string) => headers[lowerName];
  const cookie = (name: string) => cookies[name];
  const user = recogniseUser(identity.user, { header, cookie, peerTrusted });
  const assignment = assign(cookies[assignmentCookieName], user, identity.secret);
  const publicAuthority = (peerTrusted && firstOf(headers['x-forwarded-host'])) || authority;
  return {
    facts: {
      method: request.method,
      host: hostName(publicAuthority),
      target,
      header,
      cookie,
      clientAddress: peerTrusted ? clientBehind(headers['x-forwarded-for'], peerAddress, trustedProxies) : peerAddress,
      user,
      assignmentKey: assignment.key,
    },
    assignment: assignment.from,
    requestId: givenRequestId(peerTrusted ? headers['x-request-id'] : undefined) ?? ids.requestId(),
    trace: ids.trace(headers.traceparent, peerTrusted),
    peerTrusted,
    peerAddress,
    publicScheme: publicScheme(request.secure, peerTrusted ? firstOf(headers['x-forwarded-proto']) : undefined),
    publicAuthority,
  };
}

/** What a trusted proxy says of the client's scheme beats what this listener saw. */
function publicScheme(secure: boolean, forwarded: string | undefined): 'http' | 'https' {
  if (forwarded === 'https' || forwarded === 'http') return forwarded;
  return secure ? 'https' : 'http';
}

function hostOf(rawHeaders: readonly string[]): string {
  const hosts = rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]!.toLowerCase() === 'host');
  if (hosts.length > 1) throw new GatewayError('bad-host', `found ${hosts.length} Host headers, expected one`);
  const host = hosts[0] ?? '';
  if (!/^(?:[\w.~-]*|\[[0-9a-f:.]+\])(?::\d{0,5})?$/i.test(host)) {
    throw new GatewayError('bad-host', `found Host ${JSON.stringify(host.slice(0, 100))}, expected NAME or NAME:PORT`);
  }
  return host;
}

/** The path and query of a target, and the authority it is for: an absolute target's own beats Host (RFC 9112 section 3.2.2). */
function originForm(url: string, host: string): { target: string; authority: string } {
  if (url.startsWith('/') || url === '*') return { target: url, authority: host };
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

function hostName(authority: string): string {
  return authority.replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase();
}

function isTrusted(address: string, trusted: readonly Cidr[]): boolean {
  return trusted.some((block) => block.contains(address));
}

/** The nearest address in X-Forwarded-For that is no trusted proxy's: what stands left of it is the client's own claim. */
function clientBehind(forwardedFor: string | undefined, peerAddress: string, trusted: readonly Cidr[]): string {
  const hops = (forwardedFor ?? '').split(',').map((hop) => plainAddress(hop.trim()));
  for (const hop of hops.reverse()) {
    if (!isAddress(hop)) break;
    if (!isTrusted(hop, trusted)) return hop;
  }
  return peerAddress;
}

function firstOf(list: string | undefined): string | undefined {
  return list === undefined ? undefined : splitOnce(list, ',')[0].trim();
}

function givenRequestId(given: string | undefined): string | undefined {
  return given !== undefined && /^[\w.:/+=@-]{1,128}$/.test(given) ? given : undefined;
}

function assign(
  cookie: string | undefined,
  user: string | undefined,
  secret: string,
): { key: string; from: Reception['assignment'] } {
  const kept = readAssignment(cookie, secret);
  if (kept !== undefined) return { key: kept, from: 'cookie' };
  if (user !== undefined) return { key: assignmentKeyOfUser(user, secret), from: 'user' };
  return { key: newAssignmentKey(randomBytes), from: 'made' };
}
