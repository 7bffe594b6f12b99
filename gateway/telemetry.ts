import type { Logger } from '../runtime/logger.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { GatewayError } from './errors.ts';
import type { Reception } from './identity/reception.ts';
import type { Decision } from './routing/decision.ts';

/**
 * What goes wrong in the gateway's request flow, and what operators do to it: one function per thing, log line and counter together. None
 * throws. What every request comes to is for gateway/accounting/ to tell.
 */
export type GatewayTelemetry = ReturnType<typeof createGatewayTelemetry>;

/** Registers the gateway's metrics. Labels: route names, sides, status classes, error codes; never a path or a user. */
export function createGatewayTelemetry(logger: Logger, metrics: Metrics) {
  const failures = metrics.counter('strangler_upstream_failures_total', 'Requests that a side did not answer.', [
    'route',
    'target',
    'code',
  ]);
  const fallbacks = metrics.counter(
    'strangler_fallbacks_total',
    'Requests that legacy answered in place of the new side.',
    ['route'],
  );
  const refused = metrics.counter('strangler_refused_total', 'Requests that were not forwarded.', ['code']);
  const bypassOn = metrics.gauge('strangler_bypass_on', 'Whether every request goes to legacy.', [], 'max');

  return {
    sideFailed(reception: Reception, decision: Decision, error: GatewayError): void {
      failures.inc({ route: decision.route ?? 'none', target: decision.primary, code: error.code });
      logger.warn(
        {
          requestId: reception.requestId,
          route: decision.route,
          side: decision.primary,
          code: error.code,
          cause: causes(error),
        },
        `${decision.primary} did not answer: ${error.message}`,
      );
    },

    fellBack(reception: Reception, decision: Decision, reason: string): void {
      fallbacks.inc({ route: decision.route ?? 'none' });
      logger.warn(
        { requestId: reception.requestId, route: decision.route, reason },
        'legacy answers in place of the new side',
      );
    },

    refused(error: GatewayError): void {
      refused.inc({ code: error.code });
      logger.debug({ code: error.code }, `request refused: ${error.message}`);
    },

    defect(error: unknown, during: string): void {
      refused.inc({ code: 'internal-error' });
      logger.error({ err: error }, `the gateway failed while ${during}`);
    },

    bypassed(on: boolean, by: string): void {
      bypassOn.set(on ? 1 : 0);
      if (on) logger.warn({ by }, 'bypass is on: every request goes to legacy');
      else logger.warn({ by }, 'bypass is off: requests go where the routes say');
    },

    started(publicUrl: string, adminUrl: string): void {
      logger.info({ publicUrl, adminUrl }, 'gateway is ready');
    },

    stopped(): void {
      logger.info({}, 'gateway has stopped');
    },
  };
}

/** What an error was caused by, without stacks: while a side is away there is one line per request. */
function causes({ cause }: Error): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  return [cause.message, causes(cause)].filter((text) => text !== undefined).join(': ');
}
