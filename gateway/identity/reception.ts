import type { RequestIds } from '../accounting/request-ids.ts';
import type { Trace } from '../accounting/trace.ts';
import type { RequestHead } from '../forwarding/request-head.ts';
import type { RequestFacts } from '../routing/decision.ts';
import { splitOnce } from '../routing/request-target.ts';
import type { Assignment, AssignmentCookies } from './assignment.ts';
import { cookieValue, rawCookieValue, readCookies } from './cookies.ts';
import { isFromElsewhere } from './from-elsewhere.ts';
import { headerValue } from './header-value.ts';
import type { Hosts } from './host.ts';
import { originForm } from './origin-form.ts';
import type { Peer, Peers } from './peers.ts';
import type { UnitOrigin, Units } from './units.ts';
import type { Recognition, UserEvidence } from './user-source.ts';

/** A request's head, as far as identity looks at it. */
export type ReceivedHead = Pick<RequestHead, 'method' | 'url' | 'rawHeaders' | 'remoteAddress' | 'secure'> &
  Partial<Pick<RequestHead, 'httpVersion' | 'certificateVerified'>>;

/** What receptions read with; one for all of them. */
export interface ReceptionPorts {
  readonly hosts: Hosts;
  readonly peers: Peers;
  readonly assignments: AssignmentCookies;
  readonly units: Units;
  readonly ids: RequestIds;
  /** The unit of a script that has neither cookie nor user. */
  readonly withoutCookie: 'address' | 'request';
  /** Who asks, where that takes no waiting. */
  recognise(evidence: UserEvidence): Recognition;
  /** The value by which services are told a user. */
  sign(user: string): string;
}

/** What somebody who asks about a request says of it, beside its head. */
export interface Supposition {
  /** Who asks, whatever the request says. */
  readonly user?: string | undefined;
  /** The moment to decide for. */
  readonly time?: Date | undefined;
}

/** Beyond this many cookies asked for, reading all at once costs less. */
const maxSingleCookieReads = 6;

/**
 * A request as the gateway received it: what routing looks at, and what forwarding must tell the other side.
 *
 * Optimization: only what can refuse a request is read at once; the rest when somebody asks for it, and most of it once. Most requests are asked for
 * little. Nothing of the connection is kept, so a reception can outlive its request.
 */
export class Reception implements RequestFacts, UserEvidence {
  readonly method: string;
  readonly target: string;
  readonly peerAddress: string;
  /** The protocol that the request came by. */
  readonly httpVersion: RequestHead['httpVersion'];
  /** The peer is a trusted proxy: what it says about the client is believed and passed on. */
  readonly peerTrusted: boolean;
  /** Client-Cert is the listener's own word. */
  readonly certificateVerified: boolean;
  /** The authority as the client used it: `www.example.com:8080`; empty when it named none. */
  readonly publicAuthority: string;
  /** Host without port, lower case. */
  readonly host: string;
  readonly time?: Date;
  readonly #ports: ReceptionPorts;
  readonly #rawHeaders: readonly string[];
  readonly #peer: Peer;
  readonly #secure: boolean;
  #cookieHeader: string | undefined;
  #cookiesLookedFor = false;
  #cookieReads = 0;
  #cookies: Readonly<Record<string, string>> | undefined;
  #recognition: Recognition | undefined;
  #assignmentRead = false;
  #given: Assignment | undefined;
  #key: string | undefined;
  #origin: UnitOrigin | undefined;
  #clientAddress: string | undefined;
  #requestId: string | undefined;
  #trace: Trace | undefined;

  /**
   * Throws a GatewayError (400) for what cannot be forwarded without guessing: several Hosts, a Host that is none, a target in a form that no origin
   * server takes.
   */
  constructor(head: ReceivedHead, ports: ReceptionPorts, { user, time }: Supposition = {}) {
    const { target, authority } = originForm(head.method, head.url, ports.hosts.received(head.rawHeaders));
    this.#ports = ports;
    this.#rawHeaders = head.rawHeaders;
    this.#secure = head.secure;
    this.#peer = ports.peers.at(head.remoteAddress);
    this.method = head.method;
    this.httpVersion = head.httpVersion ?? '1.1';
    this.target = target;
    this.peerAddress = this.#peer.address;
    this.peerTrusted = this.#peer.trusted;
    this.certificateVerified = head.certificateVerified ?? false;
    this.publicAuthority = (this.peerTrusted && firstOf(this.header('x-forwarded-host'))) || authority;
    this.host = ports.hosts.nameOf(this.publicAuthority);
    if (time !== undefined) this.time = time;
    if (user !== undefined) this.#recognition = { user, because: 'so it was said' };
  }

  /** What routing looks at. */
  get facts(): RequestFacts {
    return this;
  }

  header(lowerName: string): string | undefined {
    return headerValue(this.#rawHeaders, lowerName);
  }

  cookie(name: string): string | undefined {
    const header = this.#allCookies();
    if (header === undefined) return undefined;
    this.#cookieReads += 1;
    if (this.#cookieReads <= maxSingleCookieReads) return cookieValue(header, name);
    this.#cookies ??= readCookies(header);
    return this.#cookies[name];
  }

  rawCookie(name: string): string | undefined {
    const header = this.#allCookies();
    return header === undefined ? undefined : rawCookieValue(header, name);
  }

  get clientAddress(): string {
    if (!this.peerTrusted) return this.peerAddress;
    this.#clientAddress ??= this.#ports.peers.clientBehind(this.#peer, this.header('x-forwarded-for'));
    return this.#clientAddress;
  }

  /** The scheme as the client used it; what a trusted proxy says of it beats what this listener saw. */
  get publicScheme(): 'http' | 'https' {
    const forwarded = this.peerTrusted ? firstOf(this.header('x-forwarded-proto')) : undefined;
    if (forwarded === 'https' || forwarded === 'http') return forwarded;
    return this.#secure ? 'https' : 'http';
  }

  /** Who asks, and by which source, or why nobody could be named. */
  get recognition(): Recognition {
    this.#recognition ??= this.#ports.recognise(this);
    return this.#recognition;
  }

  get user(): string | undefined {
    return this.recognition.user;
  }

  /** The user if somebody has asked who it is; recognises nobody. */
  get userAsked(): string | undefined {
    return this.#recognition?.user;
  }

  /** What services are told of the user: see contract/signed-user.ts. */
  get signedUser(): string | undefined {
    const { user } = this;
    return user === undefined ? undefined : this.#ports.sign(user);
  }

  get assignmentKey(): string {
    this.#key ??= this.#findKey();
    return this.#key;
  }

  /** The assignment key if somebody has asked for it; never makes one. */
  get assignmentKeyAsked(): string | undefined {
    return this.#key;
  }

  /** Where the assignment key came from. */
  get assignment(): UnitOrigin {
    this.#key ??= this.#findKey();
    return this.#origin!;
  }

  heldOnNew(capability: string): string | undefined {
    const given = this.#assignmentGiven();
    const until = given && this.#ports.assignments.staysUntil(given, capability);
    return until === undefined ? undefined : `this client wrote on the new side, so it stays until ${isoMinute(until)}`;
  }

  /**
   * The Set-Cookie value by which the client keeps its assignment; undefined when it has a good one already, or when another site has sent it here and its
   * cookie may have been left behind there. `wroteNew`: the capability on whose new side it has just written.
   */
  assignmentCookie(wroteNew: string | undefined): string | undefined {
    const { assignments } = this.#ports;
    const given = this.#assignmentGiven();
    if (given ? wroteNew === undefined && !assignments.isDue(given) : isFromElsewhere(this)) return undefined;
    const client = { secure: this.publicScheme === 'https', host: this.host };
    return assignments.write(this.assignmentKey, client, given, wroteNew);
  }

  get requestId(): string {
    this.#requestId ??= this.#givenRequestId() ?? this.#ports.ids.requestId();
    return this.#requestId;
  }

  get trace(): Trace {
    this.#trace ??= this.#ports.ids.trace(this.header('traceparent'), this.peerTrusted);
    return this.#trace;
  }

  /** Who asks was found out by waiting. */
  recognisedAs(recognition: Recognition): this {
    this.#recognition = recognition;
    return this;
  }

  #allCookies(): string | undefined {
    if (!this.#cookiesLookedFor) {
      this.#cookieHeader = this.header('cookie');
      this.#cookiesLookedFor = true;
    }
    return this.#cookieHeader;
  }

  #assignmentGiven(): Assignment | undefined {
    if (!this.#assignmentRead) {
      this.#given = this.#ports.assignments.read(this.#allCookies());
      this.#assignmentRead = true;
    }
    return this.#given;
  }

  #findKey(): string {
    const { units, withoutCookie } = this.#ports;
    const given = this.#assignmentGiven();
    if (given) return this.#keyFrom('cookie', given.key);
    const { user } = this;
    if (user !== undefined) return this.#keyFrom('user', units.ofUser(user));
    if (withoutCookie === 'request' || this.#isBrowser()) return this.#keyFrom('made', units.make());
    return this.#keyFrom('address', units.ofAddress(this.clientAddress, this.header('user-agent') ?? ''));
  }

  #keyFrom(origin: UnitOrigin, key: string): string {
    this.#origin = origin;
    return key;
  }

  /**
   * A browser will keep the cookie that it is given, and many people share an address: each gets a key of its own. Scripts keep no cookies as
   * a rule.
   */
  #isBrowser(): boolean {
    return this.header('sec-fetch-mode') !== undefined || (this.header('accept')?.includes('text/html') ?? false);
  }

  #givenRequestId(): string | undefined {
    const given = this.peerTrusted ? this.header('x-request-id') : undefined;
    return given !== undefined && /^[\w.:/+=@-]{1,128}$/.test(given) ? given : undefined;
  }
}

function firstOf(list: string | undefined): string | undefined {
  return list === undefined ? undefined : splitOnce(list, ',')[0].trim();
}

/** `2024-05-01T12:30Z` */
function isoMinute(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 16)}Z`;
}
