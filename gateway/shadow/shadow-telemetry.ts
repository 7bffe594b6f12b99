import type { Logger } from '../../runtime/logger.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { BreakerState } from '../forwarding/upstreams/breaker.ts';

/** What shadow traffic tells about itself, one function per thing that happens; verdicts and drops are told by evidence. */
export interface ShadowTelemetry {
  breaker(capability: string, state: BreakerState): void;
  /** Something failed that should not; no client noticed. */
  defect(capability: string, error: unknown): void;
}

/** One for all shadows of a gateway. */
export function shadowTelemetry(logger: Logger, metrics: Metrics): ShadowTelemetry {
  const open = metrics.gauge(
    'strangler_shadow_breaker_open',
    '1 while the other side is not asked.',
    ['capability'],
    'max',
  );
  const defects = metrics.counter('strangler_shadow_defects_total', 'Failures inside the shadow itself.');
  return {
    breaker(capability, state) {
      open.set({ capability }, state === 'closed' ? 0 : 1);
      if (state === 'open') logger.warn({ capability }, 'the other side does not answer: shadow traffic pauses');
      if (state === 'closed') logger.info({ capability }, 'the other side answers: shadow traffic goes on');
    },
    defect(capability, error) {
      defects.inc();
      logger.error({ capability, err: error }, 'the shadow failed');
    },
  };
}
