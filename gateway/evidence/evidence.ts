import { join } from 'node:path';
import type { Logger } from '../../runtime/logger.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { Comparison } from '../comparison/compare.ts';
import type { Difference } from '../comparison/difference.ts';
import { placeOf } from '../comparison/place.ts';
import type { Journal } from '../journal/journal.ts';
import { type EvidenceTelemetry, evidenceTelemetry } from './evidence-telemetry.ts';
import { latencyClass } from './latencies.ts';
import { PendingTallies } from './pending.ts';
import { redactDifference, redactTarget } from './redact.ts';
import { type RouteReport, routeReport, type ShadowReport } from './report.ts';
import { type Sample, Samples } from './samples.ts';
import type { DropReason, EvidenceSink, ShadowResult } from './shadow-result.ts';
import { addTallies, countUp, emptyTally, harmlessKey, type Tally } from './tally.ts';

/** How often counts go to the log: one event per route that has news. A crash loses at most this much. */
const flushMs = 10_000;

/** What is known of every route's two sides, gathered by this gateway and by every other on the log. */
export interface Evidence extends EvidenceSink {
  /** A request of a route that is shadowed, before sampling. */
  seen(route: string): void;
  /** Of all routes, with what other processes have gathered and not sent. */
  report(others?: GatheredElsewhere): ShadowReport;
  /** A route's own part of the report; undefined when nothing is known. */
  reportOf(route: string, others?: GatheredElsewhere): RouteReport | undefined;
  /** By route: what was counted here and is not on the log yet. */
  pending(): Readonly<Record<string, Tally>>;
  /** Every example that is kept here. */
  samples(): readonly Sample[];
  /** Begins anew for a route, for every gateway: after a fix, what was tallied before tells nothing. The reason when the log is away. */
  reset(request: { route: string; by: string; reason: string }): Promise<{ refused: string } | undefined>;
  /** Sends what is counted to the log now. */
  flush(): Promise<void>;
  /** Sends what is left to the log, or keeps it on disk for the next start. */
  stop(): Promise<void>;
}

/** What other processes on the same log have gathered and not sent. */
export interface GatheredElsewhere {
  readonly tallies: readonly Readonly<Record<string, Tally>>[];
  readonly samples: readonly Sample[];
}

const nothingElsewhere: GatheredElsewhere = { tallies: [], samples: [] };

/** What evidence stands on. */
export interface EvidencePorts {
  readonly journal: Journal;
  /** Folder of `samples/` and of `evidence.json`, the counts that wait for the log. */
  readonly dataDir: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly now?: () => Date;
}

/** Takes up what an earlier run left, and begins to gather. Never rejects. */
export async function startEvidence(ports: EvidencePorts): Promise<Evidence> {
  const { journal, dataDir, logger, metrics, now = () => new Date() } = ports;
  const telemetry = evidenceTelemetry(logger, metrics);
  const pending = new PendingTallies();
  const path = join(dataDir, 'evidence.json');
  await pending.load(path).catch((error) => telemetry.pendingFailed(path, error));
  const samples = await Samples.open(join(dataDir, 'samples'), telemetry, now);
  return new GatheredEvidence(journal, pending, path, samples, telemetry);
}

class GatheredEvidence implements Evidence {
  readonly #journal: Journal;
  readonly #pending: PendingTallies;
  readonly #path: string;
  readonly #samples: Samples;
  readonly #telemetry: EvidenceTelemetry;
  readonly #timer: NodeJS.Timeout;
  readonly #unsubscribe: () => void;
  #flushing: Promise<void> | undefined;

  constructor(journal: Journal, pending: PendingTallies, path: string, samples: Samples, telemetry: EvidenceTelemetry) {
    this.#journal = journal;
    this.#pending = pending;
    this.#path = path;
    this.#samples = samples;
    this.#telemetry = telemetry;
    this.#timer = setInterval(() => void this.flush(), flushMs).unref();
    this.#unsubscribe = journal.subscribe((_, { id, action, data }) => {
      if (action === 'shadow-tallied') pending.arrived(String(data.route), id);
      if (action === 'shadow-reset') this.#forget(String(data.route));
    });
  }

  seen(route: string): void {
    this.#pending.tallyOf(route).seen += 1;
  }

  record(result: ShadowResult): void {
    const tally = this.#pending.tallyOf(result.route);
    if (result.comparison.kind === 'not-comparable') countUp(tally.notComparable, result.comparison.reason);
    else this.#count(tally, result, result.comparison);
    this.#telemetry.compared(result);
  }

  dropped(route: string, reason: DropReason): void {
    countUp(this.#pending.tallyOf(route).dropped, reason);
    this.#telemetry.dropped(route, reason);
  }

  report(others = nothingElsewhere): ShadowReport {
    const names = new Set([
      ...this.#journal.state.tallies.keys(),
      ...this.#pending.routes(),
      ...others.tallies.flatMap(Object.keys),
    ]);
    return { routes: [...names].sort().map((route) => this.#reportOf(route, others)) };
  }

  reportOf(route: string, others = nothingElsewhere): RouteReport | undefined {
    const known =
      this.#journal.state.tallies.has(route) ||
      this.#pending.routes().includes(route) ||
      others.tallies.some((tallies) => Object.hasOwn(tallies, route));
    return known ? this.#reportOf(route, others) : undefined;
  }

  pending(): Readonly<Record<string, Tally>> {
    return Object.fromEntries(this.#pending.routes().map((route) => [route, this.#pending.sumOf(route)]));
  }

  samples(): readonly Sample[] {
    return this.#samples.all();
  }

  async reset({ route, by, reason }: { route: string; by: string; reason: string }) {
    await this.flush();
    const data = { route, by, reason };
    const stream = `evidence-${route}`;
    const outcome = await this.#journal.record({ stream, expect: 'any', action: 'shadow-reset', data });
    return outcome.kind === 'refused' ? { refused: outcome.reason } : undefined;
  }

  flush(): Promise<void> {
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
    await this.flush();
    this.#unsubscribe();
    await this.#samples.settled();
  }

  #reportOf(route: string, { tallies, samples }: GatheredElsewhere): RouteReport {
    const elsewhere = tallies.flatMap((one) => (Object.hasOwn(one, route) ? one[route]! : []));
    const known = this.#journal.state.tallies.get(route) ?? emptyTally();
    const tally = [this.#pending.sumOf(route), ...elsewhere].reduce(addTallies, known);
    const find = (key: string) =>
      this.#samples.find(route, key) ?? samples.find((sample) => sample.route === route && sample.key === key);
    return routeReport(route, tally, find);
  }

  #count(tally: Tally, result: ShadowResult, comparison: Exclude<Comparison, { kind: 'not-comparable' }>): void {
    const { controlMs, candidateMs } = result;
    tally[comparison.kind] += 1;
    if (controlMs !== undefined) countUp(tally.controlMs, latencyClass(controlMs));
    if (candidateMs !== undefined) countUp(tally.candidateMs, latencyClass(candidateMs));
    if (comparison.kind === 'equal') return;
    if (comparison.kind === 'mismatched') {
      if (comparison.differences[0].kind === 'failure') tally.candidateFailures += 1;
      this.#countPlaces(
        tally.differences,
        result,
        comparison.differences.map((difference) => ({ difference, key: placeOf(difference) })),
      );
    }
    this.#countPlaces(
      tally.harmless,
      result,
      comparison.ignored.map(({ difference, rule }) => ({ difference, key: harmlessKey(placeOf(difference), rule) })),
    );
  }

  /** Each place once per comparison, however many items of a list differ there. */
  #countPlaces(
    counts: Record<string, number>,
    { route, method, target, rules }: ShadowResult,
    found: { difference: Difference; key: string }[],
  ): void {
    const firsts = new Map(found.toReversed().map(({ difference, key }) => [key, difference]));
    for (const [key, difference] of firsts) {
      countUp(counts, key);
      if (!Object.hasOwn(counts, key)) continue;
      this.#samples.offer(route, key, () => ({
        method,
        target: redactTarget(target),
        difference: redactDifference(difference, rules),
      }));
    }
  }

  async #flush(): Promise<void> {
    for (const route of this.#pending.routes()) await this.#send(route);
    await this.#pending.save(this.#path).catch((error) => this.#telemetry.pendingFailed(this.#path, error));
  }

  async #send(route: string): Promise<void> {
    const parcel = this.#pending.parcelOf(route);
    if (!parcel) return;
    const { id, delta } = parcel;
    const stream = `evidence-${route}`;
    const outcome = await this.#journal.record({
      id,
      stream,
      expect: 'any',
      action: 'shadow-tallied',
      data: { route, delta },
    });
    if (outcome.kind === 'refused') this.#telemetry.notRecorded(route, outcome.reason);
  }

  #forget(route: string): void {
    this.#pending.forget(route);
    this.#samples.forget(route);
  }
}
