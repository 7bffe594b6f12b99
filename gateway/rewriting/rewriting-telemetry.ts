import type { Logger } from '../../runtime/logger.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { GatewayError } from '../errors.ts';
import type { Untouched } from './plan-answer.ts';

/** What happens to bodies that are to be rewritten: one function per thing, log line and counter together. None throws. */
export type RewritingTelemetry = ReturnType<typeof createRewritingTelemetry>;

/** Registers the metrics of rewriting. */
export function createRewritingTelemetry(logger: Logger, metrics: Metrics) {
  const bodies = metrics.counter(
    'strangler_rewritten_bodies_total',
    'Answers whose body was to be rewritten, by what came of it.',
    ['outcome'],
  );
  const loops = metrics.counter(
    'strangler_redirects_back_total',
    'Redirects by which an application insists on its own address for what the client asked for.',
  );
  const warned = new Set<string>();
  return {
    /** Warned of once: there will be one for each request. */
    ledBack(upstreamOrigin: string, target: string): void {
      loops.inc();
      if (warned.has(upstreamOrigin)) return;
      warned.add(upstreamOrigin);
      logger.warn(
        { upstream: upstreamOrigin, target },
        'the application redirects to its own address, where the client already is: set host: rewrite, or let it believe what is forwarded (docs/rewriting.md)',
      );
    },

    rewritten(): void {
      bodies.inc({ outcome: 'rewritten' });
    },

    untouched(upstreamOrigin: string, why: Untouched): void {
      bodies.inc({ outcome: why });
      logger.debug({ upstream: upstreamOrigin, why }, 'a body was passed on as it came');
    },

    brokeOff(upstreamOrigin: string, error: GatewayError): void {
      bodies.inc({ outcome: error.code });
      logger.warn({ upstream: upstreamOrigin, code: error.code }, `a body broke off: ${error.message}`);
    },
  };
}
