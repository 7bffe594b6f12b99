import type { EventLog } from '../../contract/event-log.ts';
import { formatLogAddress, generationOf, type LogAddress } from '../../contract/log-address.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { CommandProcessor } from '../event-sourcing/command-processor.ts';
import type { RunningProjection } from '../event-sourcing/run-projection.ts';
import type { ServicesTelemetry } from '../telemetry.ts';
import { sendJson, sendText } from './exchange.ts';
import type { Route } from './router.ts';

/** A projection that has been behind without moving for this long is stuck, whatever the reason. */
const stuckAfterMs = 10_000;

/** What health is told from. */
export interface HealthPorts {
  readonly log: EventLog;
  readonly view: RunningProjection;
  readonly processor: CommandProcessor;
  readonly metrics: Metrics;
  readonly telemetry: ServicesTelemetry;
}

/** `/healthz`: the process runs. `/readyz`: it can answer, or every reason why not. `/metrics`: Prometheus text. */
export function healthRoutes(ports: HealthPorts): Route[] {
  const stillness = watchStillness();
  return [
    { method: 'GET', path: '/healthz', handle: (exchange) => sendJson(exchange, 200, { status: 'ok' }) },
    {
      method: 'GET',
      path: '/readyz',
      handle: async (exchange) => {
        const readiness = await readinessOf(ports, stillness);
        sendJson(exchange, readiness.reasons.length === 0 ? 200 : 503, readiness);
      },
    },
    {
      method: 'GET',
      path: '/metrics',
      handle: async (exchange) => {
        await readinessOf(ports, stillness);
        sendText(exchange, 200, ports.metrics.contentType, await ports.metrics.text());
      },
    },
  ];
}

interface Readiness {
  readonly status: 'ready' | 'not-ready';
  readonly reasons: readonly string[];
  readonly projection: { readonly name: string; readonly position: string; readonly lagEvents: number | null };
}

/** Tells for how many milliseconds the same position has been seen with events beyond it. */
function watchStillness(): (position: string, lagEvents: number) => number {
  let seen = { position: '', since: 0 };
  return (position, lagEvents) => {
    const now = performance.now();
    if (lagEvents === 0 || position !== seen.position) seen = { position: lagEvents === 0 ? '' : position, since: now };
    return now - seen.since;
  };
}

async function readinessOf(
  { log, view, processor, telemetry }: HealthPorts,
  stillness: ReturnType<typeof watchStillness>,
): Promise<Readiness> {
  const head = await log.head('domain').catch((error: Error) => error);
  const lagEvents = head instanceof Error ? null : eventsBetween(view.newest(), head);
  if (lagEvents !== null) telemetry.projectionLag(view.name, lagEvents);
  const stillForMs = stillness(formatLogAddress(view.newest()), lagEvents ?? 0);
  const reasons = [
    head instanceof Error && `the log cannot be read: ${head.message}`,
    !view.built() && `${view.name} is being built`,
    view.stuckAt() && `${view.name} stands still: ${view.stuckAt()}`,
    stillForMs > stuckAfterMs && `${view.name} is ${lagEvents} events behind and does not move`,
    processor.stuckAt() && `the command processor stands still: ${processor.stuckAt()}`,
  ].filter((reason): reason is string => typeof reason === 'string' && reason !== '');
  const projection = { name: view.name, position: formatLogAddress(view.position()), lagEvents };
  return { status: reasons.length === 0 ? 'ready' : 'not-ready', reasons, projection };
}

/** Of another generation than the reader's, all are still to be read. */
function eventsBetween(position: LogAddress, head: LogAddress): number {
  if (generationOf(position) !== generationOf(head)) return head.offset;
  return Math.max(0, head.offset - position.offset);
}
