import { Counter, Gauge, Histogram, Registry } from 'prom-client';

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

  gauge<Label extends string>(name: string, help: string, labelNames: readonly Label[] = []): Gauge<Label> {
    return this.#known(name, () => new Gauge({ name, help, labelNames: [...labelNames], registers: [this.#registry] }));
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

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #known<Metric>(name: string, make: () => Metric): Metric {
    return (this.#registry.getSingleMetric(name) as Metric | undefined) ?? make();
  }
}
