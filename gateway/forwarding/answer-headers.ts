import { publicFieldValue } from '../rewriting/answer-field.ts';
import type { SideRewriting } from '../rewriting/side-rewriting.ts';
import { eachField, hopByHopNames } from './header-fields.ts';

/** What is changed in an answer on its way to the client. */
export interface AnswerHeaderOptions {
  readonly requestId: string;
  readonly rewriting: SideRewriting;
  /** The same URL may be answered by either side: no shared cache may keep this answer. */
  readonly splits: boolean;
  /** A Set-Cookie value of our own. */
  readonly setCookie: string | undefined;
  /** A field of our own, which no application may say. */
  readonly own: readonly [name: string, value: string] | undefined;
}

/** An answer's header fields for the client, without framing: in their order, case and number; Set-Cookie is never joined. */
export function clientAnswerHeaders(raw: readonly string[], options: AnswerHeaderOptions): string[] {
  const fields: string[] = [];
  const dropped = hopByHopNames(raw);
  const seen = new Set<string>();
  eachField(raw, (name, value, lower) => {
    if (dropped(lower) || lower === 'content-length' || lower === 'strangler-decision') return;
    seen.add(lower);
    fields.push(name, rewrite(lower, value, options));
  });
  if (options.splits && !seen.has('cache-control')) fields.push('Cache-Control', 'private');
  if (options.setCookie !== undefined) fields.push('Set-Cookie', options.setCookie);
  if (options.own !== undefined) fields.push(...options.own);
  if (!seen.has('x-request-id')) fields.push('X-Request-Id', options.requestId);
  return fields;
}

function rewrite(lower: string, value: string, options: AnswerHeaderOptions): string {
  if (lower === 'cache-control' && options.splits) return privateCacheControl(value);
  return publicFieldValue(lower, value, options.rewriting);
}

/** `public, max-age=60` → `private, max-age=60`; `no-store` and `private` stay as they are. */
function privateCacheControl(value: string): string {
  const directives = value.split(',').map((directive) => directive.trim());
  const names = directives.map((directive) => directive.toLowerCase());
  if (names.includes('no-store') || names.includes('private')) return value;
  const kept = directives.filter((_, index) => names[index] !== 'public' && !names[index]!.startsWith('s-maxage'));
  return ['private', ...kept.filter((directive) => directive !== '')].join(', ');
}
