import { AggregatorRegistry, Counter, Gauge, Histogram, type Metric, Registry } from 'prom-client';

/** A number of a counter or gauge whose numbers are kept elsewhere. */
export interface CountedSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A distribution that is kept elsewhere: how many were in each class, the last above every bound, and their sum. */
export interface DistributedSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly counts: readonly number[];
  readonly sum: number;
}

/** A metric and all its samples. */
export interface MetricSamples {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  readonly values: readonly {
    /** `NAME_bucket`, `NAME_sum` and `NAME_count` in a histogram. */
    readonly metricName?: string;
    readonly labels: Readonly<Record<string, string | number>>;
    readonly value: number;
  }[];
}

/**
 * A part's metrics, in the Prometheus text format. Labels have few values: never a path, a user or a key. Asking again for a name gives
 * the metric that is there, so that a part may be started again.
 */
export class Metrics {
  readonly #registry = new Registry();

  counter<Label extends string>(name: string, help: string, labelNames: readonly Label[] = []): Counter<Label> {
    return this.#known(
      name,
      () => new Counter({ name, help, labelNames: [...labelNames], registers: [this.#registry] }),
    );
  }

  /** `across` says what the numbers of several processes come to together. */
  gauge<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[] = [],
    across: 'sum' | 'min' | 'max' = 'sum',
  ): Gauge<Label> {
    const make = () =>
      new Gauge({ name, help, labelNames: [...labelNames], registers: [this.#registry], aggregator: across });
    return this.#known(name, make);
  }

  /** `buckets` in seconds. */
  histogram<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    buckets: number[],
  ): Histogram<Label> {
    return this.#known(
      name,
      () => new Histogram({ name, help, labelNames: [...labelNames], buckets, registers: [this.#registry] }),
    );
  }

  /** A counter that is read when somebody asks, for what is counted too often to be counted here. */
  counted(name: string, help: string, read: () => Iterable<CountedSample> | Promise<readonly CountedSample[]>): void {
    this.#readWhenAsked({ name, help, type: 'counter', values: async () => [...(await read())] });
  }

  /** A gauge that is read when somebody asks; it has no samples while nobody can tell. */
  measured(name: string, help: string, read: () => Promise<readonly CountedSample[]>): void {
    this.#readWhenAsked({ name, help, type: 'gauge', values: read });
  }

  /** A histogram that is read when somebody asks. `bounds` in seconds, upwards. */
  distributed(name: string, help: string, bounds: readonly number[], read: () => Iterable<DistributedSample>): void {
    const values = () => [...read()].flatMap((sample) => histogramValues(name, bounds, sample));
    this.#readWhenAsked({ name, help, type: 'histogram', values });
  }

  /** Everything as it is now. */
  samples(): Promise<MetricSamples[]> {
    return this.#registry.getMetricsAsJSON() as Promise<unknown> as Promise<MetricSamples[]>;
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** The text with the numbers of other processes added: sums, and of gauges what each says of itself. */
  async textWith(others: readonly (readonly MetricSamples[])[]): Promise<string> {
    const all = [await this.samples(), ...others] as unknown as object[];
    return AggregatorRegistry.aggregate(all).metrics();
  }

  #known<Known>(name: string, make: () => Known): Known {
    return (this.#registry.getSingleMetric(name) as Known | undefined) ?? make();
  }

  /** Takes the place of a metric of that name: a part that is started again has new numbers. */
  #readWhenAsked({ values, ...described }: { name: string; help: string; type: string; values: () => unknown }): void {
    this.#registry.removeSingleMetric(described.name);
    const metric = { ...described, get: async () => ({ ...described, aggregator: 'sum', values: await values() }) };
    this.#registry.registerMetric(metric as unknown as Metric);
  }
}

/** A distribution as the text format has it: classes count what is in those below them too. */
function histogramValues(name: string, bounds: readonly number[], { labels, counts, sum }: DistributedSample) {
  let below = 0;
  const buckets = counts.map((count, index) => {
    below += count;
    return { metricName: `${name}_bucket`, labels: { le: bounds[index] ?? '+Inf', ...labels }, value: below };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: below },
  ];
}
