import { hash } from 'node:crypto';
import { ROOT_CONTEXT, type SpanContext, SpanKind, TraceFlags, trace } from '@opentelemetry/api';
import type { EventSpans, TracedEvent } from '../contract/event-spans.ts';
import { parseTraceparent } from '../contract/traceparent.ts';
import type { Tracing } from '../gateway/accounting/request-span.ts';

/** Spans of events, sent with the others. */
export function otlpEventSpans({ tracer, ids }: Tracing): EventSpans {
  return {
    appended(event, startTime, endTime) {
      const parent = sampledParent(event);
      if (!parent) return;
      const named = { traceId: parent.traceId, spanId: appendSpanId(event) };
      const options = { kind: SpanKind.PRODUCER, startTime, attributes: attributesOf(event) };
      ids.naming(named, () => tracer.startSpan(`append ${event.action}`, options, within(parent))).end(endTime);
    },
    projected(event, projection, startTime, endTime) {
      const request = sampledParent(event);
      if (!request) return;
      const parent = event.meta.origin === 'new' ? request : { ...request, spanId: appendSpanId(event) };
      const attributes = { ...attributesOf(event), 'strangler.projection': projection };
      tracer
        .startSpan(`project ${event.action}`, { kind: SpanKind.CONSUMER, startTime, attributes }, within(parent))
        .end(endTime);
    },
  };
}

/** The request's span; undefined where there is none or nobody records it. */
function sampledParent({ meta }: TracedEvent): SpanContext | undefined {
  const parent = parseTraceparent(meta.traceparent);
  if (!parent?.sampled) return undefined;
  return { traceId: parent.traceId, spanId: parent.spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true };
}

/** The id of the span of an event's append, for whoever has the event. */
function appendSpanId({ id }: TracedEvent): string {
  return hash('sha1', id, 'hex').slice(0, 16);
}

function within(parent: SpanContext) {
  return trace.setSpanContext(ROOT_CONTEXT, parent);
}

function attributesOf({ id, action, meta }: TracedEvent) {
  return {
    'strangler.event.id': id,
    'strangler.event.action': action,
    'strangler.event.stream': meta.stream,
    'strangler.event.occurred_at': meta.occurredAt,
    ...(meta.position !== undefined && { 'strangler.event.position': meta.position }),
  };
}
