import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { BoundedCache } from './bounded-cache.ts';
import type { AssignmentConfig } from './config.ts';
import { rawCookieValues } from './cookies.ts';
import { ownCopy } from './own-copy.ts';

/** Browsers keep cookies for 400 days at most (RFC 6265bis section 5.5). */
const maxAgeSeconds = 400 * 24 * 3600;
/** A client that comes now and then never loses its cookie by age. */
const renewAfterDays = 30;
const dayMs = 24 * 3600 * 1000;
const minuteMs = 60 * 1000;
const maxKnownCookies = 20_000;
/** Scripts that are told by user or address and keep no cookie are given the same one with each answer. */
const maxKnownSignatures = 5_000;
/** One name may come several times, from other paths or domains; more than this is no browser of ours. */
const maxCandidates = 8;
/** Stays that one cookie can tell; the latest are kept. */
const maxStays = 8;

const maxValueLength = 300;
const pattern =
  /^(v1\.([\w-]{22})\.([0-9a-z]{1,6})\.((?:[\w-]{8}-[0-9a-z]{1,8}(?:~[\w-]{8}-[0-9a-z]{1,8})*)?))\.([\w-]{43})$/;

/** What a client's assignment cookie says. */
export interface Assignment {
  /** The unit that percentages and flags are decided on: 22 characters, opaque. */
  readonly key: string;
  /** When it was given, in days since 1970. */
  readonly day: number;
  /** By a capability's short hash: until which minute since 1970 the client stays on the new side, because it has written there. */
  readonly stays: ReadonlyMap<string, number>;
  /** Signed with the secret that signs now; false: with an older one. */
  readonly signedNow: boolean;
}

/**
 * Writes and reads the cookie that holds a client's assignment: `v1.KEY.DAY.STAYS.SIGNATURE`, DAY in base 36, STAYS empty or
 * `HASH-MINUTE~HASH-MINUTE`, the signature over cookie name and all before it. Signed, or a client could choose its side of a percentage.
 * The first secret signs, all verify.
 */
export class AssignmentCookies {
  readonly #config: AssignmentConfig;
  readonly #secrets: readonly string[];
  readonly #now: () => number;
  readonly #known = new BoundedCache<Assignment>(maxKnownCookies);
  /** By what they sign. */
  readonly #signatures = new BoundedCache<string>(maxKnownSignatures);

  /** `now`: milliseconds since 1970. */
  constructor(config: AssignmentConfig, secrets: readonly string[], now: () => number = Date.now) {
    this.#config = config;
    this.#secrets = secrets;
    this.#now = now;
  }

  /**
   * The assignment in a Cookie header; undefined when there is none that one of the secrets signed. Of several valid ones, which browsers send
   * in no order one could count on (RFC 6265 section 5.4), the one whose key sorts first.
   */
  read(cookieHeader: string | undefined): Assignment | undefined {
    if (cookieHeader === undefined) return undefined;
    let best: Assignment | undefined;
    for (const value of rawCookieValues(cookieHeader, this.#config.cookie, maxCandidates)) {
      const found = this.#known.get(value) ?? this.#verify(value);
      if (found && (best === undefined || found.key < best.key)) best = found;
    }
    return best;
  }

  /** Whether a client should be given its cookie again: it grows old, or an older secret signed it. */
  isDue({ day, signedNow }: Assignment): boolean {
    return !signedNow || this.#today() - day >= renewAfterDays;
  }

  /** Until when a client stays on the new side of a capability, in milliseconds since 1970; undefined when nothing holds it there. */
  staysUntil({ stays }: Assignment, capability: string): number | undefined {
    if (stays.size === 0) return undefined;
    const until = stays.get(shortHash(capability));
    return until !== undefined && until * minuteMs > this.#now() ? until * minuteMs : undefined;
  }

  /**
   * The Set-Cookie value that gives a client its key. `wroteNew`: the capability on whose new side the client has just written; `before`: what its cookie
   * said. `host` is the one it asked: a domain that does not hold it would be refused by the browser, so it is left out.
   */
  write(key: string, client: CookieClient, before: Assignment | undefined, wroteNew: string | undefined): string {
    const { cookie } = this.#config;
    const value = this.#sign(`v1.${key}.${this.#today().toString(36)}.${this.#stays(before, wroteNew)}`);
    return `${cookie}=${value}; Max-Age=${maxAgeSeconds}; Path=/; HttpOnly${this.#attributes(client)}`;
  }

  /** A browser drops SameSite=None without Secure, so over plain HTTP it becomes Lax. */
  #attributes({ secure, host }: CookieClient): string {
    const { domain, sameSite } = this.#config;
    const shared = domain !== undefined && (host === domain || host.endsWith(`.${domain}`));
    return `${shared ? `; Domain=${domain}` : ''}; SameSite=${sameSite === 'none' && secure ? 'None' : 'Lax'}${secure ? '; Secure' : ''}`;
  }

  #stays(before: Assignment | undefined, wroteNew: string | undefined): string {
    if (wroteNew === undefined && (before === undefined || before.stays.size === 0)) return '';
    const minute = Math.floor(this.#now() / minuteMs);
    const stays = new Map(before?.stays);
    if (wroteNew !== undefined)
      stays.set(shortHash(wroteNew), minute + Math.ceil(this.#config.afterWriteMs / minuteMs));
    return [...stays]
      .filter(([, until]) => until > minute)
      .sort(([, a], [, b]) => b - a)
      .slice(0, maxStays)
      .map(([hash, until]) => `${hash}-${until.toString(36)}`)
      .join('~');
  }

  #verify(value: string): Assignment | undefined {
    const match = value.length > maxValueLength ? null : pattern.exec(ownCopy(value));
    if (!match) return undefined;
    const [, payload, key, day, stays, given] = match;
    const signer = this.#secrets.findIndex((secret) => isSame(given!, this.#signature(payload!, secret)));
    if (signer === -1) return undefined;
    const assignment = { key: key!, day: Number.parseInt(day!, 36), stays: readStays(stays!), signedNow: signer === 0 };
    this.#known.set(value, assignment);
    return assignment;
  }

  #sign(payload: string): string {
    const known = this.#signatures.get(payload);
    if (known !== undefined) return `${payload}.${known}`;
    const made = this.#signature(payload, this.#secrets[0]!);
    this.#signatures.set(payload, made);
    return `${payload}.${made}`;
  }

  #signature(payload: string, secret: string): string {
    return createHmac('sha256', secret).update(`${this.#config.cookie} ${payload}`).digest('base64url');
  }

  #today(): number {
    return Math.floor(this.#now() / dayMs);
  }
}

/** What a cookie's attributes depend on. */
export interface CookieClient {
  /** The client speaks HTTPS. */
  readonly secure: boolean;
  /** The host that it asked, lower case, without port. */
  readonly host: string;
}

function readStays(text: string): Map<string, number> {
  const stays = text === '' ? [] : text.split('~');
  return new Map(stays.map((stay) => [stay.slice(0, 8), Number.parseInt(stay.slice(9), 36)]));
}

/** 48 bits of a capability's name: cookies stay small, and names of capabilities are nothing to tell clients. */
function shortHash(capability: string): string {
  return createHash('sha256').update(capability).digest().subarray(0, 6).toString('base64url');
}

function isSame(given: string, expected: string): boolean {
  return given.length === expected.length && timingSafeEqual(Buffer.from(given), Buffer.from(expected));
}
