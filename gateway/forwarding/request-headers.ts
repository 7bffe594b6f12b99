import type { Reception } from '../identity/reception.ts';
import { upstreamPlace } from '../rewriting/naming.ts';
import type { SideRewriting } from '../rewriting/side-rewriting.ts';
import { upstreamFieldValue } from '../rewriting/upstream-fields.ts';
import type { UpstreamConfig } from './config.ts';
import { eachField, hopByHopNames, valuesOf } from './header-fields.ts';

/** Fields by which a client could pretend to be a proxy, or make an application answer another path than the one that was routed. */
const onlyFromTrustedPeers = new Set([
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-server',
  'x-forwarded-ssl',
  'x-original-host',
  'x-original-url',
  'x-real-ip',
  'x-rewrite-url',
]);

/** Fields that the gateway writes itself, whoever sent them. */
const written = new Set([
  'host',
  'content-length',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'via',
  'traceparent',
  'x-request-id',
]);

/** What a request to one side carries beside the client's own fields. */
export interface RequestHeaderOptions {
  readonly upstream: UpstreamConfig;
  /** `strangler-shop-1`: the gateway's name in Via. */
  readonly pseudonym: string;
  /** Fields for the new side only: the signed user, the position to answer from. */
  readonly own: readonly (readonly [name: string, value: string])[];
  readonly rewriting: SideRewriting;
}

/**
 * The header fields for an upstream, without framing: the client's in their order, case and number, less what belongs to one connection,
 * what only the gateway may say (`strangler-*`), what an untrusted peer may not say, and names with `_`: PHP and CGI read `X_Forwarded_For`
 * as `X-Forwarded-For`. A tracestate goes on only with the trace it belongs to (W3C Trace Context section 3.3.1).
 */
export function upstreamRequestHeaders(
  raw: readonly string[],
  reception: Reception,
  options: RequestHeaderOptions,
): string[] {
  const fields: string[] = ['Host', hostFor(options.upstream, reception)];
  const dropped = hopByHopNames(raw);
  eachField(raw, (name, value, lower) => {
    if (written.has(lower) || dropped(lower) || lower.includes('_') || lower.startsWith('strangler-')) return;
    if (!reception.peerTrusted && onlyFromTrustedPeers.has(lower)) return;
    if (lower === 'tracestate' && reception.trace.parentId === undefined) return;
    fields.push(name, upstreamFieldValue(lower, value, options.rewriting));
  });
  for (const [name, value] of ownFields(raw, reception, options)) fields.push(name, value);
  return fields;
}

function ownFields(
  raw: readonly string[],
  reception: Reception,
  { pseudonym, own }: RequestHeaderOptions,
): (readonly [string, string])[] {
  const forwardedFor = reception.peerTrusted ? valuesOf(raw, 'x-forwarded-for') : [];
  return [
    ['X-Forwarded-For', [...forwardedFor, reception.peerAddress].join(', ')],
    ['X-Forwarded-Host', reception.publicAuthority],
    ['X-Forwarded-Proto', reception.publicScheme],
    ['Via', [...valuesOf(raw, 'via'), `1.1 ${pseudonym}`].join(', ')],
    ['X-Request-Id', reception.requestId],
    ['traceparent', reception.trace.traceparent],
    ...own,
  ];
}

function hostFor({ origin, host }: UpstreamConfig, { publicAuthority }: Reception): string {
  return host === 'preserve' && publicAuthority !== '' ? publicAuthority : upstreamPlace(origin).authority;
}
