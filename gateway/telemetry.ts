import type { Logger } from '../runtime/logger.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { GatewayError } from './errors.ts';
import type { Ending } from './forwarding/forwarder.ts';
import type { Reception } from './identity/reception.ts';
import type { Decision } from './routing/decision.ts';
import type { Target } from './routing/stage.ts';

/** One request's end, for the access log. `status` is what the client was sent, undefined when it left before. */
export interface Served {
  readonly reception: Reception;
  readonly decision: Decision;
  readonly outcome: Ending['kind'];
  readonly status: number | undefined;
  readonly durationMs: number;
}

/** Requests by route and side since the start. */
export type RequestCounts = Readonly<Record<Target, number>>;

/** What happens in the gateway's request flow: one function per thing, log line and counter together. None throws. */
export type GatewayTelemetry = ReturnType<typeof createGatewayTelemetry>;

const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];

/** Registers the gateway's metrics. Labels: route names, sides, status classes, error codes; never a path or a user. */
export function createGatewayTelemetry(logger: Logger, metrics: Metrics) {
  const requests = metrics.counter('strangler_requests_total', 'Requests by route, side and outcome.', [
    'route',
    'target',
    'outcome',
    'status_class',
  ]);
  const duration = metrics.histogram(
    'strangler_request_duration_seconds',
    "From a request's head to its answer's last byte.",
    ['route', 'target'],
    buckets,
  );
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
  const bypassOn = metrics.gauge('strangler_bypass_on', 'Whether every request goes to legacy.');
  const counts = new Map<string, Record<Target, number>>();

  return {
    served({ reception, decision, outcome, status, durationMs }: Served): void {
      const route = decision.route ?? 'none';
      const target = decision.primary;
      requests.inc({
        route,
        target,
        outcome,
        status_class: status === undefined ? 'none' : `${Math.floor(status / 100)}xx`,
      });
      duration.observe({ route, target }, durationMs / 1000);
      count(counts, route)[target] += 1;
      logger.debug(
        {
          requestId: reception.requestId,
          traceparent: reception.trace.traceparent,
          client: reception.facts.clientAddress,
          method: reception.facts.method,
          target: reception.facts.target,
          route,
          side: target,
          stage: decision.stage?.kind,
          decision: decision.reasons.map(({ outcome }) => outcome),
          outcome,
          status,
          durationMs: Math.round(durationMs * 100) / 100,
        },
        'request served',
      );
    },

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

    /** Requests of a route by the side that answered, since the start. */
    countsOf(route: string): RequestCounts {
      return counts.get(route) ?? { legacy: 0, new: 0 };
    },
  };
}

/** What an error was caused by, without stacks: while a side is away there is one line per request. */
function causes({ cause }: Error): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  return [cause.message, causes(cause)].filter((text) => text !== undefined).join(': ');
}

function count(counts: Map<string, Record<Target, number>>, route: string): Record<Target, number> {
  const found = counts.get(route);
  if (found) return found;
  const made = { legacy: 0, new: 0 };
  counts.set(route, made);
  return made;
}
