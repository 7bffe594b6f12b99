import type { Logger } from '../../runtime/logger.ts';
import type { Metrics } from '../../runtime/metrics.ts';

/** How a look-up of a session ended: whose it is; nobody's; no answer; no answer in time for the request; none begun, too many were open. */
export type LookUpOutcome = 'user' | 'nobody' | 'failed' | 'late' | 'busy';

/** What identity tells about itself, one function per thing that happens. No user, token or session is ever named. */
export interface IdentityTelemetry {
  keySetFetched(url: string): void;
  /** Said once per absence. */
  keySetFailed(url: string, reason: string): void;
  keySetCopyFailed(path: string, error: unknown): void;
  /** A token that was not seen before. */
  tokenSeen(verified: boolean): void;
  lookedUp(outcome: LookUpOutcome): void;
  /** Legacy does not answer look-ups; said once per absence. */
  lookUpsFail(target: string, reason: string): void;
  lookUpsAnswered(target: string): void;
}

export function identityTelemetry(logger: Logger, metrics: Metrics): IdentityTelemetry {
  const keySetFresh = metrics.gauge(
    'strangler_identity_key_set_fresh',
    '1 while the issuer of tokens gives its keys.',
    ['url'],
    'min',
  );
  const tokens = metrics.counter('strangler_identity_tokens_total', 'Tokens that were verified, by outcome.', [
    'outcome',
  ]);
  const lookUps = metrics.counter('strangler_identity_session_lookups_total', 'Look-ups of sessions by outcome.', [
    'outcome',
  ]);
  const absent = new Set<string>();
  const left = (what: string) => !absent.has(what) && absent.add(what) !== undefined;
  return {
    keySetFetched(url) {
      keySetFresh.set({ url }, 1);
      if (absent.delete(url)) logger.info({ url }, 'the issuer of tokens gives its keys again');
    },
    keySetFailed(url, reason) {
      keySetFresh.set({ url }, 0);
      if (left(url)) logger.warn({ url, reason }, 'the issuer of tokens does not give its keys');
    },
    keySetCopyFailed(path, error) {
      logger.error({ path, err: error }, 'the copy of the key set failed');
    },
    tokenSeen(verified) {
      tokens.inc({ outcome: verified ? 'verified' : 'refused' });
    },
    lookedUp(outcome) {
      lookUps.inc({ outcome });
    },
    lookUpsFail(target, reason) {
      if (left(target))
        logger.warn({ target, reason }, 'legacy does not answer look-ups of sessions: users are nobody');
    },
    lookUpsAnswered(target) {
      if (absent.delete(target)) logger.info({ target }, 'legacy answers look-ups of sessions again');
    },
  };
}
