import { parseJsonPointer, valueAtPointer } from '../routing/json-pointer.ts';
import { BoundedCache } from './bounded-cache.ts';
import type { TokenUserConfig } from './config.ts';
import type { IdentityTelemetry } from './identity-telemetry.ts';
import { type TokenVerdict, verifyToken } from './json-web-token.ts';
import type { KeySource } from './key-source.ts';
import { type Recognition, recognised, refused, type UserEvidence, type UserSource } from './user-source.ts';
import { withinDeadline } from './within-deadline.ts';

const maxTokenLength = 8 * 1024;
/** Only tokens that hold are kept: nobody can fill this but the issuer. */
const maxKnownTokens = 4_000;
/** Apart from the good ones: a flood of bad tokens must not push those out. */
const maxRefusedTokens = 500;
const refusalCountsMs = 10_000;
/** How long a request waits for keys that are not there yet. */
const keysDeadlineMs = 200;

/** What is known of a token. */
interface KnownToken {
  readonly recognition: Recognition;
  /** In milliseconds since 1970. */
  readonly untilMs: number;
}

/** What token users stand on. */
export interface TokenUsersPorts {
  readonly keys: KeySource;
  readonly telemetry: IdentityTelemetry;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Users that signed tokens name, from `Authorization: Bearer` or a declared cookie. A token is verified once; until it expires, or the keys
 * change, who it names is known. A token that does not hold is nobody's, whatever the reason.
 */
export class TokenUsers implements UserSource {
  readonly #config: TokenUserConfig;
  readonly #ports: TokenUsersPorts;
  readonly #source: string;
  readonly #pointer: readonly string[];
  readonly #verified = new BoundedCache<KnownToken>(maxKnownTokens);
  readonly #refused = new BoundedCache<KnownToken>(maxRefusedTokens);
  readonly #verifying = new Map<string, Promise<Recognition>>();
  /** How often the keys have changed: what was verified meanwhile with older ones is not kept. */
  #keyChanges = 0;

  constructor(config: TokenUserConfig, ports: TokenUsersPorts) {
    this.#config = config;
    this.#ports = ports;
    this.#source = `jwt ${config.claim}`;
    this.#pointer = config.claim.startsWith('/') ? parseJsonPointer(config.claim) : [config.claim];
  }

  recognise(evidence: UserEvidence): Recognition | undefined | Promise<Recognition> {
    const token = this.#tokenIn(evidence);
    if (token === undefined) return undefined;
    const known = this.#stillKnown(this.#verified, token) ?? this.#stillKnown(this.#refused, token);
    if (known) return known;
    if (token.length > maxTokenLength) {
      return refused(this.#source, `found a token of ${token.length} characters, expected at most ${maxTokenLength}`);
    }
    return this.#verifyOnce(token);
  }

  /** The keys are others than before. */
  forgetAll(): void {
    this.#keyChanges += 1;
    this.#verified.clear();
    this.#refused.clear();
  }

  #tokenIn(evidence: UserEvidence): string | undefined {
    const bearer = bearerToken(evidence.header('authorization'));
    if (bearer !== undefined || this.#config.cookie === undefined) return bearer;
    return evidence.cookie(this.#config.cookie);
  }

  #stillKnown(among: BoundedCache<KnownToken>, token: string): Recognition | undefined {
    const known = among.get(token);
    return known && known.untilMs > this.#ports.now() ? known.recognition : undefined;
  }

  #verifyOnce(token: string): Promise<Recognition> {
    const running = this.#verifying.get(token);
    if (running) return running;
    const verifying = this.#verify(token).finally(() => this.#verifying.delete(token));
    this.#verifying.set(token, verifying);
    return verifying;
  }

  async #verify(token: string): Promise<Recognition> {
    const changesBefore = this.#keyChanges;
    let verdict = await this.#ask(token);
    if (verdict === undefined || verdict.kind === 'unknown-key') verdict = await this.#askWithNewerKeys(token);
    this.#ports.telemetry.tokenSeen(verdict?.kind === 'verified');
    if (verdict?.kind !== 'verified') return this.#refuse(token, verdict);
    const recognition = this.#nameIn(verdict.claims);
    const keep = changesBefore === this.#keyChanges;
    if (keep) this.#verified.set(token, { recognition, untilMs: verdict.expiresAtMs });
    return recognition;
  }

  /** Without any keys nothing is said about the token: it may be asked about again at once. */
  #refuse(token: string, verdict: Exclude<TokenVerdict, { kind: 'verified' }> | undefined): Recognition {
    if (verdict === undefined) return refused(this.#source, 'no keys are known yet');
    const reason = verdict.kind === 'refused' ? verdict.reason : 'no known key has signed it';
    const recognition = refused(this.#source, reason);
    this.#refused.set(token, { recognition, untilMs: this.#ports.now() + refusalCountsMs });
    return recognition;
  }

  async #askWithNewerKeys(token: string) {
    await withinDeadline(this.#ports.keys.renew(), keysDeadlineMs);
    return this.#ask(token);
  }

  async #ask(token: string) {
    const { keys } = this.#ports.keys;
    return keys && verifyToken(token, keys, this.#config, this.#ports.now());
  }

  #nameIn(claims: object): Recognition {
    const name = valueAtPointer(claims, this.#pointer);
    if (typeof name === 'string' || typeof name === 'number') return recognised(String(name), this.#source);
    return refused(this.#source, 'found no text or number in this claim of a valid token');
  }
}

/** The token of `Authorization: Bearer TOKEN` (RFC 6750 section 2.1); the scheme in any case (RFC 9110 section 11.1). */
function bearerToken(authorization: string | undefined): string | undefined {
  if (authorization === undefined || !/^bearer /i.test(authorization)) return undefined;
  return authorization.slice('bearer '.length).trim();
}
