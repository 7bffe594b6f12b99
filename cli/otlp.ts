import { randomUUID } from 'node:crypto';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { api, type core, metrics as metricsSdk, resources, node as traceSdk } from '@opentelemetry/sdk-node';
import type { EventSpans } from '../contract/event-spans.ts';
import { ChosenIds } from '../gateway/accounting/chosen-ids.ts';
import type { TelemetryConfig } from '../gateway/accounting/config.ts';
import { createRandomHex } from '../gateway/accounting/random-hex.ts';
import type { Tracing } from '../gateway/accounting/request-span.ts';
import type { Logger } from '../runtime/logger.ts';
import type { MetricSamples, Metrics } from '../runtime/metrics.ts';
import type { RunningPart } from '../runtime/part.ts';
import { otlpEventSpans } from './otlp-event-spans.ts';

/** What is exported, and for whom. */
export interface OtlpPorts {
  /** `service.name`: `strangler-gateway` */
  readonly service: string;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** An export that runs. */
export interface RunningOtlp extends RunningPart {
  readonly tracing: Tracing;
  readonly eventSpans: EventSpans;
}

/** How long one export may take, and so how long stopping may be held up by a collector that is away. */
const timeoutMs = 5_000;

/**
 * Starts to send spans and metrics to a collector. Nothing global is set and nothing is instrumented: spans come from the tracer given
 * back, metrics are what `/metrics` shows, with the same names. A collector that is away is told in the log, once until it is back; what it missed of spans
 * is lost (2,048 wait), metrics are sums and lose nothing. Attributes of the resource are added by OTEL_RESOURCE_ATTRIBUTES.
 */
export function startOtlp({ otlp, headers, intervalMs }: TelemetryConfig, ports: OtlpPorts): RunningOtlp {
  const resource = resources
    // Several processes of a gateway send the same metrics: without it each would overwrite the others'.
    .resourceFromAttributes({ 'service.name': ports.service, 'service.instance.id': randomUUID() })
    .merge(resources.detectResources({ detectors: [resources.envDetector] }));
  const ids = new ChosenIds(createRandomHex());
  const exporterOf = (signal: string) => ({
    url: `${otlp.replace(/\/$/, '')}/v1/${signal}`,
    headers,
    timeoutMillis: timeoutMs,
  });

  const traces = telling(new OTLPTraceExporter(exporterOf('traces')), 'traces', ports);
  const tracerProvider = new traceSdk.NodeTracerProvider({
    resource,
    idGenerator: ids,
    sampler: new traceSdk.AlwaysOnSampler(),
    spanProcessors: [new traceSdk.BatchSpanProcessor(traces)],
  });
  const reader = new metricsSdk.PeriodicExportingMetricReader({
    exporter: telling(new OTLPMetricExporter(exporterOf('metrics')), 'metrics', ports),
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: Math.min(timeoutMs, intervalMs),
    metricProducers: [producerOf(ports.metrics, resource)],
  });
  const meterProvider = new metricsSdk.MeterProvider({ resource, readers: [reader] });
  const tracing = { tracer: tracerProvider.getTracer(ports.service), ids };
  return {
    tracing,
    eventSpans: otlpEventSpans(tracing),
    async stop() {
      await Promise.allSettled([tracerProvider.shutdown(), meterProvider.shutdown()]);
    },
  };
}

/** What both kinds of exporters do. */
interface Exporter<Batch> {
  export(batch: Batch, done: (result: core.ExportResult) => void): void;
}

/** Tells when exports begin to fail and when they succeed again. */
function telling<Batch, Kind extends Exporter<Batch>>(
  exporter: Kind,
  signal: string,
  { logger, metrics }: OtlpPorts,
): Kind {
  const exports = metrics.counter('strangler_otlp_exports_total', 'Exports to the OpenTelemetry collector.', [
    'signal',
    'result',
  ]);
  let failing = false;
  const told = (result: core.ExportResult) => {
    const failed = result.error !== undefined;
    exports.inc({ signal, result: failed ? 'failed' : 'sent' });
    if (failed && !failing)
      logger.warn({ signal, cause: result.error?.message }, 'the OpenTelemetry collector takes nothing');
    if (!failed && failing) logger.info({ signal }, 'the OpenTelemetry collector is back');
    failing = failed;
  };
  const sent = exporter.export.bind(exporter);
  exporter.export = (batch, done) =>
    sent(batch, (result) => {
      told(result);
      done(result);
    });
  return exporter;
}

/** Everything that `/metrics` shows, as OpenTelemetry says it. */
function producerOf(metrics: Metrics, resource: resources.Resource): metricsSdk.MetricProducer {
  const startTime = hrTime(performance.timeOrigin);
  return {
    async collect() {
      const times = { startTime, endTime: hrTime(Date.now()) };
      const collected = (await metrics.samples()).flatMap((metric) => metricData(metric, times));
      return {
        resourceMetrics: { resource, scopeMetrics: [{ scope: { name: 'strangler' }, metrics: collected }] },
        errors: [],
      };
    },
  };
}

interface Times {
  readonly startTime: api.HrTime;
  readonly endTime: api.HrTime;
}

function metricData(metric: MetricSamples, times: Times): metricsSdk.MetricData[] {
  const described = {
    descriptor: {
      name: metric.name,
      description: metric.help,
      unit: metric.name.includes('_seconds') ? 's' : '',
      valueType: api.ValueType.DOUBLE,
    },
    aggregationTemporality: metricsSdk.AggregationTemporality.CUMULATIVE,
  };
  const numbers = () => metric.values.map(({ labels, value }) => ({ ...times, attributes: { ...labels }, value }));
  switch (metric.type) {
    case 'counter':
      return [{ ...described, dataPointType: metricsSdk.DataPointType.SUM, isMonotonic: true, dataPoints: numbers() }];
    case 'gauge':
      return [{ ...described, dataPointType: metricsSdk.DataPointType.GAUGE, dataPoints: numbers() }];
    case 'histogram':
      return [
        { ...described, dataPointType: metricsSdk.DataPointType.HISTOGRAM, dataPoints: distributions(metric, times) },
      ];
    case 'summary':
      return [];
    default:
      return metric.type satisfies never;
  }
}

/** The text format counts in each class what is in those below it too; OpenTelemetry does not. */
function distributions({ name, values }: MetricSamples, times: Times): metricsSdk.DataPoint<metricsSdk.Histogram>[] {
  const points = new Map<string, metricsSdk.DataPoint<metricsSdk.Histogram>>();
  for (const { metricName, labels, value } of values) {
    const { le, ...attributes } = labels;
    const key = JSON.stringify(Object.entries(attributes).sort());
    const point = points.get(key) ?? { ...times, attributes, value: emptyHistogram() };
    points.set(key, point);
    const { buckets } = point.value;
    if (metricName === `${name}_sum`) point.value.sum = value;
    else if (metricName === `${name}_count`) point.value.count = value;
    else {
      if (le !== '+Inf') buckets.boundaries.push(Number(le));
      buckets.counts.push(value - buckets.counts.reduce((sum, count) => sum + count, 0));
    }
  }
  return [...points.values()];
}

function emptyHistogram(): metricsSdk.Histogram {
  return { buckets: { boundaries: [], counts: [] }, count: 0, sum: 0 };
}

function hrTime(epochMs: number): api.HrTime {
  const seconds = Math.floor(epochMs / 1000);
  return [seconds, Math.round((epochMs - seconds * 1000) * 1e6)];
}
