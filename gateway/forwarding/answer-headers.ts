import type { Reception } from '../identity/reception.ts';
import type { UpstreamConfig } from './config.ts';
import { eachField, hopByHopNames } from './header-fields.ts';

/** What is changed in an answer on its way to the client. */
export interface AnswerHeaderOptions {
  readonly reception: Pick<Reception, 'publicScheme' | 'publicAuthority' | 'requestId'>;
  readonly upstream: Pick<UpstreamConfig, 'origin'>;
  /** The same URL may be answered by either side: no shared cache may keep this answer. */
  readonly splits: boolean;
  /** A Set-Cookie value of our own. */
  readonly setCookie: string | undefined;
}

/** An answer's header fields for the client, without framing: in their order, case and number; Set-Cookie is never joined. */
export function clientAnswerHeaders(raw: readonly string[], options: AnswerHeaderOptions): string[] {
  const fields: string[] = [];
  const dropped = hopByHopNames(raw);
  const seen = new Set<string>();
  eachField(raw, (name, value, lower) => {
    if (dropped(lower) || lower === 'content-length') return;
    seen.add(lower);
    fields.push(name, rewrite(lower, value, options));
  });
  if (options.splits && !seen.has('cache-control')) fields.push('Cache-Control', 'private');
  if (options.setCookie !== undefined) fields.push('Set-Cookie', options.setCookie);
  if (!seen.has('x-request-id')) fields.push('X-Request-Id', options.reception.requestId);
  return fields;
}

function rewrite(lower: string, value: string, options: AnswerHeaderOptions): string {
  if (lower === 'location' || lower === 'content-location') return publicLocation(value, options);
  if (lower === 'cache-control' && options.splits) return privateCacheControl(value);
  return value;
}

/**
 * An absolute URL that names the application behind the gateway, as its public name. Applications that are given the client's Host often
 * join it with their own port (`http://PUBLIC:8000/`, seen in WordPress and Apache's mod_dir), which would lead past the gateway.
 */
export function publicLocation(
  value: string,
  { reception, upstream }: Pick<AnswerHeaderOptions, 'reception' | 'upstream'>,
): string {
  const absolute = /^(https?):\/\/([^/?#]+)(.*)$/is.exec(value);
  if (!absolute || reception.publicAuthority === '') return value;
  const [, scheme, authority, rest] = absolute;
  const behind = new URL(upstream.origin);
  const publicName = reception.publicAuthority.replace(/:\d*$/, '');
  const ours = [behind.host, ...(behind.port === '' ? [] : [`${publicName}:${behind.port}`])];
  const named = authority!.toLowerCase();
  if (ours.some((one) => one.toLowerCase() === named))
    return `${reception.publicScheme}://${reception.publicAuthority}${rest}`;
  const onlySchemeIsWrong = named === reception.publicAuthority.toLowerCase() && reception.publicScheme === 'https';
  return onlySchemeIsWrong && scheme === 'http' ? `https://${authority}${rest}` : value;
}

/** `public, max-age=60` → `private, max-age=60`; `no-store` and `private` stay as they are. */
function privateCacheControl(value: string): string {
  const directives = value.split(',').map((directive) => directive.trim());
  const names = directives.map((directive) => directive.toLowerCase());
  if (names.includes('no-store') || names.includes('private')) return value;
  const kept = directives.filter((_, index) => names[index] !== 'public' && !names[index]!.startsWith('s-maxage'));
  return ['private', ...kept.filter((directive) => directive !== '')].join(', ');
}
