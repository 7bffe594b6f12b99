import type { Difference } from '../comparison/difference.ts';
import { type Latencies, quantileMs } from './latencies.ts';
import type { Sample } from './samples.ts';
import { comparedCount, placeAndRule, type Tally } from './tally.ts';

/** Quantiles in ms, right to within 5 %; undefined where nothing was measured. */
export interface LatencyReport {
  readonly p50: number | undefined;
  readonly p95: number | undefined;
  readonly p99: number | undefined;
}

/** One redacted example of a difference, as it stands in a report. */
export interface ExampleReport {
  /** ISO 8601 in UTC. */
  readonly at: string;
  readonly method: string;
  readonly target: string;
  readonly difference: Difference;
}

/** A place where answers differed; `count` is the number of comparisons in which they did. */
export interface PlaceReport {
  /** `/items/*` with stars for indices, `status`, `header.location`, `line <dt><dd>`, `body`, `answer`. */
  readonly path: string;
  readonly count: number;
  readonly example: ExampleReport | undefined;
}

/** What is known of one route's two sides. Places are sorted by count, most first. */
export interface RouteReport {
  readonly route: string;
  /** Requests while it was shadowed, before sampling. */
  readonly seen: number;
  /** equal + matched + mismatched. */
  readonly compared: number;
  readonly equal: number;
  /** Differed only where a rule declares it harmless. */
  readonly matched: number;
  readonly mismatched: number;
  /** Mismatches in which the candidate gave no answer. */
  readonly candidateFailures: number;
  /** By reason; an exchange that says nothing is never counted as a match. */
  readonly notComparable: Readonly<Record<string, number>>;
  /** By reason. */
  readonly dropped: Readonly<Record<string, number>>;
  readonly latencyMs: { readonly control: LatencyReport; readonly candidate: LatencyReport };
  readonly differences: readonly PlaceReport[];
  readonly harmless: readonly (PlaceReport & { readonly rule: string })[];
}

/** What `GET /api/shadow/report` answers and `strangler shadow report` prints. */
export interface ShadowReport {
  readonly routes: readonly RouteReport[];
}

/** The example of a place, if there is one. */
type FindSample = (key: string) => Sample | undefined;

/** A route's report from its tally and examples. */
export function routeReport(route: string, tally: Tally, find: FindSample): RouteReport {
  const { seen, equal, matched, mismatched, candidateFailures, notComparable, dropped } = tally;
  return {
    route,
    seen,
    compared: comparedCount(tally),
    equal,
    matched,
    mismatched,
    candidateFailures,
    notComparable,
    dropped,
    latencyMs: { control: latencyReport(tally.controlMs), candidate: latencyReport(tally.candidateMs) },
    differences: byCount(tally.differences).map(([path, count]) => ({
      path,
      count,
      example: exampleOf(find(path)),
    })),
    harmless: byCount(tally.harmless).map(([key, count]) => ({
      ...placeAndRule(key),
      count,
      example: exampleOf(find(key)),
    })),
  };
}

function exampleOf(sample: Sample | undefined): ExampleReport | undefined {
  return sample && { at: sample.at, method: sample.method, target: sample.target, difference: sample.difference };
}

function latencyReport(latencies: Latencies): LatencyReport {
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((quantile) => quantileMs(latencies, quantile));
  return { p50, p95, p99 };
}

function byCount(counts: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(counts).sort(([, one], [, other]) => other - one);
}
