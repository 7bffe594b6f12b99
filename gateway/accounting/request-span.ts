import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { reasonCode } from '../routing/reasons.ts';
import type { ChosenIds } from './chosen-ids.ts';
import type { RequestRecord } from './request-record.ts';

/** Where spans are recorded. The tracer's SDK takes its ids from `ids`, and samples every span that it is given. */
export interface Tracing {
  readonly tracer: Tracer;
  readonly ids: ChosenIds;
}

/** Methods that have a meaning to everybody (RFC 9110 section 9, RFC 5789); others could be any text a client likes. */
const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT']);

/**
 * Records a request that has ended as a span, child of the caller's, and below it one for the time that its side took. Attributes are
 * OpenTelemetry's for HTTP (https://opentelemetry.io/docs/specs/semconv/http/http-spans/) and our own, `strangler.*`.
 */
export function recordSpan({ tracer, ids }: Tracing, record: RequestRecord): void {
  const parent = contextOf(record);
  const startTime = record.startedAtMs;
  const endTime = startTime + record.durationMs;
  const span = ids.naming(record.trace, () =>
    tracer.startSpan(
      nameOf(record),
      { kind: SpanKind.SERVER, startTime, root: record.trace.parentId === undefined, attributes: attributesOf(record) },
      parent,
    ),
  );
  const error = errorOf(record);
  if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
  if (record.fallback !== undefined) {
    span.addEvent('strangler.fallback', { 'strangler.reason': record.fallback }, startTime + (record.waitedMs ?? 0));
  }
  if (record.side !== undefined) recordForwarding(tracer, record, trace.setSpan(ROOT_CONTEXT, span));
  span.end(endTime);
}

function recordForwarding(tracer: Tracer, record: RequestRecord, within: Context): void {
  const startTime = record.startedAtMs + (record.waitedMs ?? 0);
  const attributes = defined({
    'http.request.method': methodOf(record),
    'http.response.status_code': record.outcome === 'failed' ? undefined : record.status,
    'http.request.resend_count': record.retries || undefined,
    'strangler.side': record.side,
    'error.type': errorOf(record),
  });
  const span = tracer.startSpan(`forward to ${record.side}`, { kind: SpanKind.CLIENT, startTime, attributes }, within);
  if (errorOf(record) !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end(record.startedAtMs + record.durationMs);
}

/** The SDK records only what its parent's flags allow: what was decided for this request counts, not what the caller asked for. */
function contextOf({ trace: { traceId, parentId } }: RequestRecord): Context {
  if (parentId === undefined) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId: parentId,
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
  });
}

function nameOf(record: RequestRecord): string {
  const method = methodOf(record) ?? 'HTTP';
  const name = method === '_OTHER' ? 'HTTP' : method;
  return record.template === undefined ? name : `${name} ${record.template}`;
}

function methodOf({ method }: RequestRecord): string | undefined {
  return method === undefined || knownMethods.has(method) ? method : '_OTHER';
}

function attributesOf(record: RequestRecord): Attributes {
  const method = methodOf(record);
  return defined({
    'http.request.method': method,
    'http.request.method_original': method === '_OTHER' ? record.method : undefined,
    'http.route': record.template,
    'http.response.status_code': record.status,
    'http.request.body.size': record.bytesIn,
    'http.response.body.size': record.bytesOut,
    'url.scheme': record.scheme,
    'url.path': record.target?.split('?', 1)[0],
    'server.address': record.host,
    'client.address': record.clientAddress,
    'error.type': errorOf(record),
    'strangler.request_id': record.requestId,
    'strangler.route': record.route,
    'strangler.capability': record.capability,
    'strangler.stage': record.stage,
    'strangler.side': record.side,
    'strangler.outcome': record.outcome,
    'strangler.reason': record.reasons.map(reasonCode),
  });
}

/** A server's span is in error when the server is to blame; what the client did wrong, or its leaving, is none. */
function errorOf({ code, outcome, status }: RequestRecord): string | undefined {
  if (outcome === 'truncated') return 'truncated';
  if (status === undefined || status < 500) return undefined;
  return code ?? String(status);
}

function defined(attributes: Attributes): Attributes {
  const known: Attributes = {};
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) known[name] = value;
  return known;
}
