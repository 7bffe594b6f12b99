import type { Metrics } from '../../runtime/metrics.ts';
import type { Target } from '../routing/stage.ts';
import { type ServedOutcome, servedOutcomes } from './request-record.ts';

/** Requests by side since the start. */
export type RequestCounts = Readonly<Record<Target, number>>;

/** Upper bounds of the classes of durations, in seconds. */
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];
const boundsMs = bounds.map((seconds) => seconds * 1000);
const sides = ['legacy', 'new'] as const;
/** By the first digit of a status. `other` is what no standard gives a meaning to (RFC 9110 section 15). */
const statusClasses = ['none', '1xx', '2xx', '3xx', '4xx', '5xx', 'other'] as const;

const slots = sides.length * servedOutcomes.length * statusClasses.length;
const outcomeIndexes = Object.fromEntries(servedOutcomes.map((outcome, index) => [outcome, index])) as Record<
  ServedOutcome,
  number
>;

/** What one route has come to. */
interface RouteCounters {
  /** By side, outcome and status class, see `slotOf`. */
  readonly requests: Float64Array;
  /** By side: one for each class of durations, one for all above, then the sum in ms. */
  readonly durations: Readonly<Record<Target, Float64Array>>;
}

/**
 * Requests and their durations by route, side, outcome and status class. There are as many counters as routes are configured, whatever
 * clients send.
 *
 * Optimization: plain numbers in arrays, made into metrics when somebody asks for them. prom-client takes 1 µs for a request.
 */
export class RequestMetrics {
  readonly #routes = new Map<string, RouteCounters>();

  constructor(metrics: Metrics) {
    metrics.counted('strangler_requests_total', 'Requests by route, side and outcome.', () => this.#requests());
    metrics.distributed(
      'strangler_request_duration_seconds',
      "From a request's head to its answer's last byte.",
      bounds,
      () => this.#durations(),
    );
  }

  /** `route` is a configured name, or `none`. `status` is what the client was sent. */
  count(route: string, side: Target, outcome: ServedOutcome, status: number | undefined, durationMs: number): void {
    const { requests, durations } = this.#of(route);
    const slot = slotOf(side === 'legacy' ? 0 : 1, outcomeIndexes[outcome], statusClass(status));
    requests[slot] = requests[slot]! + 1;
    const classes = durations[side];
    const index = durationClass(durationMs);
    classes[index] = classes[index]! + 1;
    classes[bounds.length + 1] = classes[bounds.length + 1]! + durationMs;
  }

  countsOf(route: string): RequestCounts {
    const requests = this.#routes.get(route)?.requests;
    const half = slots / 2;
    return { legacy: sum(requests?.subarray(0, half)), new: sum(requests?.subarray(half)) };
  }

  #of(route: string): RouteCounters {
    const found = this.#routes.get(route);
    if (found) return found;
    const made = {
      requests: new Float64Array(slots),
      durations: { legacy: new Float64Array(bounds.length + 2), new: new Float64Array(bounds.length + 2) },
    };
    this.#routes.set(route, made);
    return made;
  }

  *#requests() {
    for (const [route, { requests }] of this.#routes) {
      for (const [slot, value] of requests.entries()) {
        if (value > 0) yield { labels: { route, ...labelsOf(slot) }, value };
      }
    }
  }

  *#durations() {
    for (const [route, { durations }] of this.#routes) {
      for (const target of sides) {
        const classes = durations[target];
        const counts = [...classes.subarray(0, bounds.length + 1)];
        if (counts.some((count) => count > 0)) {
          yield { labels: { route, target }, counts, sum: classes[bounds.length + 1]! / 1000 };
        }
      }
    }
  }
}

function slotOf(side: number, outcome: number, status: number): number {
  return (side * servedOutcomes.length + outcome) * statusClasses.length + status;
}

function labelsOf(slot: number): { target: string; outcome: string; status_class: string } {
  const sideAndOutcome = Math.floor(slot / statusClasses.length);
  return {
    target: sides[Math.floor(sideAndOutcome / servedOutcomes.length)]!,
    outcome: servedOutcomes[sideAndOutcome % servedOutcomes.length]!,
    status_class: statusClasses[slot % statusClasses.length]!,
  };
}

function statusClass(status: number | undefined): number {
  if (status === undefined) return 0;
  const digit = Math.floor(status / 100);
  return digit >= 1 && digit <= 5 ? digit : 6;
}

function durationClass(durationMs: number): number {
  let index = 0;
  while (index < boundsMs.length && durationMs > boundsMs[index]!) index += 1;
  return index;
}

function sum(values: Float64Array | undefined): number {
  return values === undefined ? 0 : values.reduce((total, value) => total + value, 0);
}
