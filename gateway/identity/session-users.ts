import type { Observation } from '../comparison/observation.ts';
import { BoundedCache } from './bounded-cache.ts';
import type { SessionUserConfig } from './config.ts';
import type { IdentityTelemetry } from './identity-telemetry.ts';
import { readSessionAnswer, type SessionAnswer } from './session-answer.ts';
import { type Recognition, recognised, refused, type UserEvidence, type UserSource } from './user-source.ts';
import { withinDeadline } from './within-deadline.ts';

const maxKnownSessions = 20_000;
const maxSessionLength = 1024;
/** Look-ups that may be open at once; a request that would need one more is nobody's. */
export const maxLookUps = 20;
/** Nobody may log in at any moment, and who failed may be back. */
const nobodyCountsMs = 10_000;
const failureCountsMs = 1_000;
/** A look-up goes on after its request has given up waiting, for the next one's sake. */
const lookUpTimeoutMs = 2_000;

/** Asks legacy a GET, within bounds; never rejects. */
export type AskLegacy = (target: string, headers: readonly string[], deadlineMs: number) => Promise<Observation>;

/** What session users stand on. */
export interface SessionUsersPorts {
  readonly askLegacy: AskLegacy;
  /** Whether legacy is told the host that the client asked, or its own. */
  readonly preservesHost: boolean;
  readonly telemetry: IdentityTelemetry;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

interface KnownSession {
  readonly recognition: Recognition;
  /** When legacy is to be asked again. */
  readonly untilMs: number;
  /** Until when it counts where legacy gives no answer. */
  readonly atLongestUntilMs: number;
}

interface LookUp {
  readonly startedMs: number;
  readonly found: Promise<Recognition>;
}

/**
 * Users that legacy names when it is asked with a client's session cookie. PHP lets one request of a session run at a time, so a look-up
 * waits for the client's other requests and they for it: it is made once per session and `ttl`, and again after the client has sent a
 * write, which may have been a log-in. A request waits for it at most `deadline`; when legacy has not answered by then, who the session was last
 * known to be counts for another `ttl`, else nobody.
 */
export class SessionUsers implements UserSource {
  readonly #config: SessionUserConfig;
  readonly #ports: SessionUsersPorts;
  readonly #source: string;
  readonly #known = new BoundedCache<KnownSession>(maxKnownSessions);
  readonly #lookUps = new Map<string, LookUp>();
  #trouble: { since: string; detail: string } | undefined;

  constructor(config: SessionUserConfig, ports: SessionUsersPorts) {
    this.#config = config;
    this.#ports = ports;
    this.#source = `session ${config.target}`;
  }

  /** Why look-ups fail, and since when; undefined while legacy answers them. */
  get trouble(): { readonly since: string; readonly detail: string } | undefined {
    return this.#trouble;
  }

  recognise(evidence: UserEvidence): Recognition | undefined | Promise<Recognition> {
    const session = evidence.rawCookie(this.#config.cookie);
    if (session === undefined || session === '') return undefined;
    if (session.length > maxSessionLength) {
      return refused(this.#source, `found a session cookie of ${session.length} characters`);
    }
    const key = keyOf(evidence, session);
    const known = this.#known.get(key);
    if (known && known.untilMs > this.#ports.now()) return known.recognition;
    return this.#await(key, session, evidence, known);
  }

  forget(evidence: UserEvidence): void {
    const session = evidence.rawCookie(this.#config.cookie);
    if (session === undefined) return;
    const key = keyOf(evidence, session);
    this.#known.delete(key);
    this.#lookUps.delete(key);
  }

  async #await(key: string, session: string, evidence: UserEvidence, before: KnownSession | undefined) {
    const lookUp = this.#lookUps.get(key) ?? this.#begin(key, session, evidence);
    const { telemetry, now } = this.#ports;
    if (!lookUp) {
      telemetry.lookedUp('busy');
      return this.#lastKnown(before, `${maxLookUps} look-ups are open already`);
    }
    const leftMs = lookUp.startedMs + this.#config.deadlineMs - now();
    const found = leftMs > 0 ? await withinDeadline(lookUp.found, leftMs) : undefined;
    if (found) return found;
    telemetry.lookedUp('late');
    return this.#lastKnown(before, `legacy did not answer within ${this.#config.deadlineMs} ms`);
  }

  #begin(key: string, session: string, evidence: UserEvidence): LookUp | undefined {
    if (this.#lookUps.size >= maxLookUps) return undefined;
    const before = this.#known.get(key);
    const { target } = this.#config;
    const headers = this.#headers(evidence, session);
    const found = this.#ports
      .askLegacy(target, headers, lookUpTimeoutMs)
      .then((answer) => this.#conclude(key, lookUp, before, readSessionAnswer(answer, this.#config.place)));
    const lookUp: LookUp = { startedMs: this.#ports.now(), found };
    this.#lookUps.set(key, lookUp);
    return lookUp;
  }

  /** What was forgotten meanwhile is not remembered. */
  #conclude(key: string, lookUp: LookUp, before: KnownSession | undefined, answer: SessionAnswer): Recognition {
    this.#note(answer);
    const known = this.#read(answer, before);
    if (this.#lookUps.get(key) === lookUp) {
      this.#lookUps.delete(key);
      this.#known.set(key, known);
    }
    return known.recognition;
  }

  #read(answer: SessionAnswer, before: KnownSession | undefined): KnownSession {
    const { ttlMs } = this.#config;
    const nowMs = this.#ports.now();
    const counting = (recognition: Recognition, forMs: number, atLongestUntilMs: number): KnownSession => ({
      recognition,
      untilMs: nowMs + Math.min(ttlMs, forMs),
      atLongestUntilMs,
    });
    switch (answer.kind) {
      case 'user':
        return counting(recognised(answer.user, this.#source), ttlMs, nowMs + 2 * ttlMs);
      case 'nobody':
        return counting(refused(this.#source, 'legacy says that the session is nobody’s'), nobodyCountsMs, nowMs);
      case 'failed':
        return counting(this.#lastKnown(before, answer.reason), failureCountsMs, before?.atLongestUntilMs ?? nowMs);
      default:
        return answer satisfies never;
    }
  }

  #lastKnown(before: KnownSession | undefined, reason: string): Recognition {
    return before && before.atLongestUntilMs > this.#ports.now() ? before.recognition : refused(this.#source, reason);
  }

  /**
   * The client's own words about itself, or an application that binds sessions to address or user agent would end this one; and nothing
   * else of the request.
   */
  #headers(evidence: UserEvidence, session: string): string[] {
    const { publicAuthority, publicScheme, clientAddress } = evidence;
    const agent = evidence.header('user-agent');
    const host = publicAuthority === '' ? [] : ['X-Forwarded-Host', publicAuthority];
    return [
      ...(this.#ports.preservesHost && publicAuthority !== '' ? ['Host', publicAuthority] : []),
      ...['Cookie', `${this.#config.cookie}=${session}`, 'Accept', 'application/json, text/plain;q=0.9, */*;q=0.1'],
      ...(agent === undefined ? [] : ['User-Agent', agent]),
      ...['X-Forwarded-For', clientAddress, 'X-Forwarded-Proto', publicScheme, ...host],
    ];
  }

  #note(answer: SessionAnswer): void {
    const { telemetry, now } = this.#ports;
    const { target } = this.#config;
    telemetry.lookedUp(answer.kind);
    if (answer.kind !== 'failed') {
      telemetry.lookUpsAnswered(target);
      this.#trouble = undefined;
      return;
    }
    telemetry.lookUpsFail(target, answer.reason);
    const since = this.#trouble?.since ?? new Date(now()).toISOString();
    this.#trouble = { since, detail: `legacy does not answer GET ${target}: ${answer.reason}` };
  }
}

/**
 * One session cookie may mean another session on another host. A key is a tuple: what a trusted proxy says of the host is not ours to vouch for, and
 * two texts that are merely put together could be parted elsewhere (GHSA-v574-6498-x57v).
 */
function keyOf({ publicAuthority }: UserEvidence, session: string): string {
  return `${publicAuthority.length} ${publicAuthority} ${session}`;
}
