import { BoundedCache } from '../identity/bounded-cache.ts';

/** What becomes of a client's field on its way to an upstream. */
export type RequestFieldKind =
  /** Passed on. */
  | 'plain'
  /** Passed on when a trusted peer said it. */
  | 'only-from-trusted'
  /** Passed on with the trace that it belongs to. */
  | 'tracestate'
  /** Continued by the gateway. */
  | 'x-forwarded-for'
  | 'forwarded'
  | 'via'
  /** Names fields of this hop. */
  | 'connection'
  /** Read by PHP and CGI as the name with hyphens. */
  | 'underscore'
  /** Belongs to one hop, or only the gateway may say it. */
  | 'never';

/** A field's name as rules see it. */
export interface RequestField {
  readonly kind: RequestFieldKind;
  readonly lower: string;
}

/** Fields by which a client could pretend to be a proxy, or make an application answer another path than the one that was routed. */
const onlyFromTrusted = [
  'client-cert',
  'client-cert-chain',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-server',
  'x-forwarded-ssl',
  'x-original-host',
  'x-original-url',
  'x-real-ip',
  'x-rewrite-url',
];

/** Fields of one connection (RFC 9110 section 7.6.1), and those that the gateway writes itself, whoever sent them. */
const never = [
  ...['keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer'],
  ...['transfer-encoding', 'upgrade', 'http2-settings', 'content-length', 'host'],
  ...['x-forwarded-host', 'x-forwarded-proto', 'traceparent', 'x-request-id'],
];

const kinds = new Map<string, RequestFieldKind>([
  ...never.map((name) => [name, 'never'] as const),
  ...onlyFromTrusted.map((name) => [name, 'only-from-trusted'] as const),
  ...(['tracestate', 'x-forwarded-for', 'forwarded', 'via', 'connection'] as const).map(
    (name) => [name, name] as const,
  ),
]);

const maxKnownNames = 500;
/** Optimization: browsers send the same few names in the same spelling; one look-up in place of making each lower case and asking three sets. */
const known = new BoundedCache<RequestField>(maxKnownNames);

/** What a name, as it was sent, means. */
export function requestField(name: string): RequestField {
  const found = known.get(name);
  if (found !== undefined) return found;
  const lower = name.toLowerCase();
  const made = { kind: kinds.get(lower) ?? kindOfOthers(lower), lower };
  known.set(name, made);
  return made;
}

function kindOfOthers(lower: string): RequestFieldKind {
  if (lower.includes('_')) return 'underscore';
  return lower.startsWith('strangler-') ? 'never' : 'plain';
}
