import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { type OtlpSpan, startCollector } from '../otlp-collector.ts';
import { until } from '../until.ts';
import { Browser } from './browser.ts';
import { startSystem } from './system.ts';

const atEnd: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of atEnd.splice(0).reverse()) await undo();
});

it('is one trace from the request through the row change to its event and its projection, where it is sampled', async () => {
  const collector = await startCollector();
  atEnd.push(() => collector.stop());
  const system = await startSystem();
  atEnd.push(() => system.remove());
  await system.stop();
  appendFileSync(
    join(system.folder, 'strangler.yaml'),
    `\ntelemetry: {otlp: "${collector.url}", sample: 0%, follow: all, interval: 60s}\n`,
  );
  await system.start();
  const browser = new Browser(system.site);
  await browser.post('/login', { user: 'alice', password: 'secret', next: '/' });
  const post = (status: string, traceparent: string) =>
    browser.post('/shipments/7/status', { status }, { traceparent });
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const unsampled = '4bf92f3577b34da6a3ce929d0e0e4736';
  await post('in_transit', `00-${unsampled}-b7ad6b7169203331-00`);
  await post('delayed', `00-${traceId}-b7ad6b7169203331-01`);

  const spans = () => collector.spans.filter((span) => span.traceId === traceId);
  const named = (text: string) => spans().find(({ name }) => name.startsWith(text));
  await until(
    () => named('project shipment-') && named('append shipment-') && named('POST'),
    30_000,
    () => JSON.stringify(collector.spans.map(({ name }) => name)),
  );
  const [request, append, project] = [named('POST')!, named('append ')!, named('project ')!];
  expect(append.parentSpanId).toBe(request.spanId);
  expect(project.parentSpanId).toBe(append.spanId);
  expect(attribute(append, 'strangler.event.action')).toBe('shipment-delayed');
  expect(attribute(append, 'strangler.event.id')).toBe(attribute(project, 'strangler.event.id'));
  expect(attribute(project, 'strangler.projection')).toBe('shipments-view');
  expect(collector.spans.filter((span) => span.traceId === unsampled)).toEqual([]);
}, 180_000);

function attribute({ attributes }: OtlpSpan, name: string): string | undefined {
  return attributes.find(({ key }) => key === name)?.value.stringValue;
}
