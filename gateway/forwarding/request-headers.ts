import { GatewayError } from '../errors.ts';
import type { Reception } from '../identity/reception.ts';
import type { SideRewriting } from '../rewriting/side-rewriting.ts';
import { upstreamFieldValue } from '../rewriting/upstream-fields.ts';
import type { UpstreamConfig } from './config.ts';
import { namedByConnection, withoutNamed } from './named-by-connection.ts';
import { requestField } from './request-field.ts';

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
 * as `X-Forwarded-For`. A tracestate goes on only with the trace it belongs to (W3C Trace Context section 3.3.1). Throws a GatewayError for a
 * name with `_` where the upstream's configuration refuses it.
 *
 * Optimization: one pass; what Connection names, which is rare, is taken out afterwards, and before any field of our own is added: else a
 * client's `Connection: x-forwarded-for` would delete ours.
 */
export function upstreamRequestHeaders(
  raw: readonly string[],
  reception: Reception,
  options: RequestHeaderOptions,
): string[] {
  const { upstream, rewriting } = options;
  const trusted = reception.peerTrusted;
  const heard: Heard = { forwardedFor: '', forwarded: '', via: '' };
  let fields: string[] = ['Host', hostFor(upstream, reception)];
  let connection: string | undefined;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!;
    const value = raw[index + 1]!;
    const { kind, lower } = requestField(name);
    switch (kind) {
      case 'plain':
        fields.push(name, upstreamFieldValue(lower, value, rewriting));
        break;
      case 'only-from-trusted':
        if (trusted || (lower === 'client-cert' && reception.certificateVerified)) fields.push(name, value);
        break;
      case 'tracestate':
        if (reception.trace.parentId !== undefined) fields.push(name, value);
        break;
      case 'connection':
        connection = listed(connection, value);
        break;
      case 'x-forwarded-for':
        if (trusted) heard.forwardedFor = listed(heard.forwardedFor, value);
        break;
      case 'forwarded':
        if (trusted) heard.forwarded = listed(heard.forwarded, value);
        break;
      case 'via':
        heard.via = listed(heard.via, value);
        break;
      case 'underscore':
        if (upstream.underscores === 'refuse') throw ambiguous(name);
        break;
      case 'never':
        break;
      default:
        kind satisfies never;
    }
  }
  const named = connection === undefined ? undefined : namedByConnection(connection);
  if (named !== undefined) fields = withoutNamed(fields, named, hostEntries);
  pushOwn(fields, heard, reception, options);
  return fields;
}

/** Host is ours, name and value, and stands first. */
const hostEntries = 2;

/** What those before us have said of the way the request has taken. */
interface Heard {
  forwardedFor: string;
  forwarded: string;
  via: string;
}

function pushOwn(fields: string[], heard: Heard, reception: Reception, options: RequestHeaderOptions): void {
  const { forwarded } = options.upstream;
  if (forwarded !== 'rfc7239') {
    fields.push('X-Forwarded-For', listed(heard.forwardedFor, reception.peerAddress));
    fields.push('X-Forwarded-Host', reception.publicAuthority, 'X-Forwarded-Proto', reception.publicScheme);
  }
  if (forwarded !== 'x-forwarded') fields.push('Forwarded', listed(heard.forwarded, forwardedElement(reception)));
  fields.push('Via', listed(heard.via, `${reception.httpVersion} ${options.pseudonym}`));
  fields.push('X-Request-Id', reception.requestId, 'traceparent', reception.trace.traceparent);
  for (const [name, value] of options.own) fields.push(name, value);
}

/** RFC 7239 section 4: `for=192.0.2.1;host=shop.example;proto=https`, in quotes what is no token. */
function forwardedElement({ peerAddress, publicAuthority, publicScheme }: Reception): string {
  const node = peerAddress.includes(':') ? `"[${peerAddress}]"` : peerAddress;
  const host = /^[\w.~-]*$/.test(publicAuthority) ? publicAuthority : `"${publicAuthority}"`;
  return `for=${node}${host === '' ? '' : `;host=${host}`};proto=${publicScheme}`;
}

function listed(before: string | undefined, value: string): string {
  return before === undefined || before === '' ? value : `${before}, ${value}`;
}

function ambiguous(name: string): GatewayError {
  return new GatewayError('ambiguous-field', `found a field named ${JSON.stringify(name.slice(0, 100))}`);
}

function hostFor({ authority, host }: UpstreamConfig, { publicAuthority }: Reception): string {
  return host === 'preserve' && publicAuthority !== '' ? publicAuthority : authority;
}
