import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startOtlp } from '../../cli/otlp.ts';
import { type RunningGateway, startGateway } from '../../gateway/gateway.ts';
import { type Logger, silent } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { type OtlpAttribute, startCollector } from '../otlp-collector.ts';
import { until } from '../until.ts';
import { configure } from './configure.ts';
import { ask, type Side, startSide } from './sides.ts';

const caller = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' };
const sampled = `00-${caller.traceId}-${caller.spanId}-01`;

let legacy: Side;
let service: Side;
let collector: Awaited<ReturnType<typeof startCollector>>;
let cleanups: (() => unknown)[];

beforeEach(async () => {
  [legacy, service, collector] = await Promise.all([startSide('legacy'), startSide('new'), startCollector()]);
  cleanups = [legacy.stop, service.stop, collector.stop];
});

afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

interface Wanted {
  readonly sample?: string;
  readonly trusted?: boolean;
  readonly logger?: Logger;
  readonly otlp?: string;
}

/** A gateway that exports, and what makes it export now. */
async function start({ sample = '100%', trusted = false, logger = silent, otlp = collector.url }: Wanted = {}) {
  const dataDir = mkdtempSync(join(tmpdir(), 'tracing-'));
  const written = {
    legacy: { url: legacy.origin },
    listeners: { public: { port: 0, trustedProxies: trusted ? ['127.0.0.1/32'] : [] }, admin: { port: 0 } },
    telemetry: { otlp, sample, headers: { authorization: 'Bearer t' } },
    capabilities: {
      shipments: {
        service: service.origin,
        routes: [{ name: 'one shipment', match: 'GET /shipments/{id}', rollout: { steps: ['new'] } }],
      },
    },
  };
  const config = configure(written, { dataDir });
  const metrics = new Metrics();
  const exported = startOtlp(config.accounting.telemetry!, { service: 'strangler-gateway', metrics, logger });
  const gateway: RunningGateway = await startGateway(config, {
    openLog: () => Promise.reject(new Error('the log is away')),
    logger,
    metrics,
    tracing: exported.tracing,
  });
  let stopped = false;
  const stop = async () => {
    if (stopped) return;
    stopped = true;
    await gateway.stop();
    await exported.stop();
    rmSync(dataDir, { recursive: true });
  };
  cleanups.push(stop);
  return { gateway, metrics, stop };
}

const attributeOf = ({ attributes }: { attributes: OtlpAttribute[] }, key: string) => {
  const value = attributes.find((attribute) => attribute.key === key)?.value;
  return value?.stringValue ?? value?.intValue ?? value?.arrayValue?.values.map(({ stringValue }) => stringValue);
};

const server = () => collector.spans.filter(({ kind }) => kind === 2);
const client = () => collector.spans.filter(({ kind }) => kind === 3);

describe('the spans that a collector receives', () => {
  it('have the span that the service was told of, with the caller as parent', async () => {
    const { gateway, stop } = await start({ trusted: true, sample: '0%' });
    const before = Date.now();
    await ask(gateway.publicUrl, '/shipments/7?secret=1', { headers: { traceparent: sampled, tracestate: 'a=b' } });
    await stop();
    const [span] = server();
    expect(server()).toHaveLength(1);
    expect(span).toMatchObject({ traceId: caller.traceId, parentSpanId: caller.spanId, name: 'GET /shipments/{id}' });
    expect(service.received[0]!.headers).toMatchObject({
      traceparent: `00-${caller.traceId}-${span!.spanId}-01`,
      tracestate: 'a=b',
    });
    expect(Number(BigInt(span!.startTimeUnixNano) / 1_000_000n)).toBeGreaterThanOrEqual(before - 1);
    expect(BigInt(span!.endTimeUnixNano)).toBeGreaterThan(BigInt(span!.startTimeUnixNano));
    expect(collector.tokens).toContain('Bearer t');
    expect(collector.resources.map(({ value }) => value.stringValue)).toContain('strangler-gateway');
  });

  it("say what OpenTelemetry's conventions ask for, and where the request went and why", async () => {
    const { gateway, stop } = await start();
    await ask(gateway.publicUrl, '/shipments/7?secret=1', { headers: { host: 'shop.example' } });
    await stop();
    const [span] = server();
    const said = Object.fromEntries(span!.attributes.map(({ key }) => [key, attributeOf(span!, key)]));
    expect(said).toEqual({
      'http.request.method': 'GET',
      'http.route': '/shipments/{id}',
      'http.response.status_code': 200,
      'http.request.body.size': 0,
      'http.response.body.size': 12,
      'url.scheme': 'http',
      'url.path': '/shipments/7',
      'server.address': 'shop.example',
      'client.address': '127.0.0.1',
      'strangler.request_id': expect.stringMatching(/^[0-9a-f]{32}$/),
      'strangler.route': 'one shipment',
      'strangler.capability': 'shipments',
      'strangler.stage': 'new',
      'strangler.side': 'new',
      'strangler.outcome': 'answered',
      'strangler.reason': ['match', 'stage:new'],
    });
  });

  it('begin a trace where the client has none, and drop a tracestate that belongs to nothing', async () => {
    const { gateway, stop } = await start();
    await ask(gateway.publicUrl, '/shipments/7', { headers: { tracestate: 'a=b' } });
    await stop();
    const [span] = server();
    expect(span!.parentSpanId ?? '').toBe('');
    expect(service.received[0]!.headers.traceparent).toBe(`00-${span!.traceId}-${span!.spanId}-01`);
    expect(service.received[0]!.headers).not.toHaveProperty('tracestate');
  });

  it('have below them the time that the side took', async () => {
    const { gateway, stop } = await start();
    await ask(gateway.publicUrl, '/shipments/7');
    await stop();
    expect(client()).toHaveLength(1);
    expect(client()[0]).toMatchObject({ parentSpanId: server()[0]!.spanId, name: 'forward to new' });
    expect(attributeOf(client()[0]!, 'strangler.side')).toBe('new');
  });

  it('tell of falling back', async () => {
    service.answer = (_, response) => void response.writeHead(500).end();
    const { gateway, stop } = await start();
    await ask(gateway.publicUrl, '/shipments/7');
    await stop();
    expect(server()[0]!.events.map(({ name }) => name)).toEqual(['strangler.fallback']);
    expect(client().map(({ name }) => name)).toEqual(['forward to legacy']);
  });

  it('are in error when a side failed, and not when the client asked for what is not there', async () => {
    const { gateway, stop } = await start();
    legacy.answer = (_, response) => void response.writeHead(404).end();
    await ask(gateway.publicUrl, '/gone');
    await legacy.stop();
    await ask(gateway.publicUrl, '/away');
    await stop();
    const byPath = Object.fromEntries(server().map((span) => [attributeOf(span, 'url.path'), span]));
    expect(byPath['/gone']!.status.code ?? 0).toBe(0);
    expect(byPath['/away']!.status).toMatchObject({ code: 2, message: 'upstream-unreachable' });
    expect(attributeOf(byPath['/away']!, 'error.type')).toBe('upstream-unreachable');
  });

  it('have no method that a client made up', async () => {
    const { gateway, stop } = await start();
    await ask(gateway.publicUrl, '/', { method: 'PROPFIND' });
    await stop();
    expect(server()[0]!.name).toBe('HTTP');
    expect(attributeOf(server()[0]!, 'http.request.method')).toBe('_OTHER');
    expect(attributeOf(server()[0]!, 'http.request.method_original')).toBe('PROPFIND');
  });

  it('are none for what is not sampled, whatever an untrusted client asks for', async () => {
    const { gateway, stop } = await start({ sample: '0%' });
    await ask(gateway.publicUrl, '/shipments/7', { headers: { traceparent: sampled } });
    await stop();
    expect(collector.spans).toEqual([]);
    expect(service.received[0]!.headers.traceparent).toMatch(new RegExp(`^00-${caller.traceId}-[0-9a-f]{16}-00$`));
  });
});

describe('the metrics that a collector receives', () => {
  it('are those of /metrics, by the same names', async () => {
    const { gateway, stop } = await start({ sample: '0%' });
    for (let index = 0; index < 3; index += 1) await ask(gateway.publicUrl, '/shipments/7');
    await stop();
    const named = (name: string) => collector.metrics.find((metric) => metric.name === name);
    const [requests] = named('strangler_requests_total')!.sum!.dataPoints;
    expect(requests).toMatchObject({ asDouble: 3 });
    expect(attributeOf(requests!, 'route')).toBe('one shipment');
    const [durations] = named('strangler_request_duration_seconds')!.histogram!.dataPoints;
    expect(durations!.count).toBe(3);
    expect(durations!.bucketCounts.map(Number).reduce((sum, count) => sum + count)).toBe(3);
    expect(durations!.bucketCounts).toHaveLength(durations!.explicitBounds.length + 1);
  });
});

describe('a collector that is away', () => {
  it('is told once, and holds up neither requests nor stopping for long', async () => {
    collector.stop();
    const told: string[] = [];
    const logger = { ...silent, warn: (_: object, message: string) => void told.push(message) };
    const { gateway, metrics, stop } = await start({ logger });
    expect((await ask(gateway.publicUrl, '/shipments/7')).status).toBe(200);
    await stop();
    await until(() => told.filter((message) => message === 'the OpenTelemetry collector takes nothing').length === 2);
    expect(await metrics.text()).toContain('strangler_otlp_exports_total{signal="traces",result="failed"} 1');
  });
});
