import { once } from 'node:events';
import http from 'node:http';

export interface OtlpAttribute {
  readonly key: string;
  readonly value: { stringValue?: string; intValue?: number; arrayValue?: { values: { stringValue: string }[] } };
}

export interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: OtlpAttribute[];
  readonly events: { name: string }[];
  readonly status: { code?: number; message?: string };
}

export interface OtlpMetric {
  readonly name: string;
  readonly sum?: { dataPoints: { asDouble: number; attributes: OtlpAttribute[] }[]; isMonotonic: boolean };
  readonly histogram?: { dataPoints: { count: number; bucketCounts: number[]; explicitBounds: number[] }[] };
}

/** A collector: takes OTLP over HTTP as JSON. */
export async function startCollector() {
  const spans: OtlpSpan[] = [];
  const metrics: OtlpMetric[] = [];
  const resources: OtlpAttribute[] = [];
  const tokens: unknown[] = [];
  const server = http.createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    tokens.push(request.headers.authorization);
    const body = JSON.parse(text);
    for (const { resource, scopeSpans = [], scopeMetrics = [] } of [
      ...(body.resourceSpans ?? []),
      ...(body.resourceMetrics ?? []),
    ]) {
      resources.push(...resource.attributes);
      for (const scope of scopeSpans) spans.push(...scope.spans);
      for (const scope of scopeMetrics) metrics.push(...scope.metrics);
    }
    response.setHeader('content-type', 'application/json').end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    metrics,
    resources,
    tokens,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
