import type { Logger } from '../../../runtime/logger.ts';
import type { Metrics } from '../../../runtime/metrics.ts';
import type { BreakerState } from './breaker.ts';
import type { Health } from './health-check.ts';

/** Why a request was not sent to its target. */
export type TurnedAway = 'suspended' | 'queue-full' | 'queue-timeout';

/** What happens to targets as a whole: one function per thing. Labels: names of targets, which the configuration bounds. */
export type TargetsTelemetry = ReturnType<typeof targetsTelemetry>;

/** Registers the metrics of targets. */
export function targetsTelemetry(logger: Logger, metrics: Metrics) {
  const turnedAway = metrics.counter('strangler_target_turned_away_total', 'Requests that a target was not asked.', [
    'name',
    'reason',
  ]);
  const suspended = metrics.gauge(
    'strangler_target_suspended',
    'Whether the breaker of a target is open.',
    ['name'],
    'max',
  );
  const unhealthy = metrics.gauge('strangler_target_unhealthy', 'Whether its health check fails.', ['name'], 'max');

  return {
    /** Counted only: while a target is away this happens with every request. */
    turnedAway(name: string, reason: TurnedAway): void {
      turnedAway.inc({ name, reason });
    },

    breaker(name: string, state: BreakerState): void {
      suspended.set({ name }, state === 'closed' ? 0 : 1);
      if (state === 'open') logger.warn({ name }, 'target does not answer: it is not asked for a while');
      if (state === 'closed') logger.info({ name }, 'target answers again');
    },

    health(name: string, health: Health, detail: string | undefined): void {
      unhealthy.set({ name }, health === 'unhealthy' ? 1 : 0);
      if (health === 'unhealthy') logger.warn({ name, detail }, 'target fails its health check');
      else logger.info({ name }, 'target passes its health check');
    },

    unverified(name: string, origin: string): void {
      logger.warn({ name, origin }, 'any certificate of this target is believed: tls.verify is false');
    },
  };
}
