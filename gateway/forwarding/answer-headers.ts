import { publicFieldValue } from '../rewriting/answer-field.ts';
import type { SideRewriting } from '../rewriting/side-rewriting.ts';
import { answerField } from './answer-field.ts';
import { namedByConnection, withoutNamed } from './named-by-connection.ts';

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

/**
 * An answer's header fields for the client, without framing: in their order, case and number; Set-Cookie is never joined.
 *
 * Optimization: one pass; what Connection names, which is rare, is taken out afterwards, and before any field of our own is added.
 */
export function clientAnswerHeaders(raw: readonly string[], options: AnswerHeaderOptions): string[] {
  const { rewriting, splits, setCookie, own } = options;
  let fields: string[] = [];
  let connection: string | undefined;
  let saysCaching = false;
  let saysRequestId = false;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!;
    const value = raw[index + 1]!;
    const { kind, lower } = answerField(name);
    switch (kind) {
      case 'plain':
        fields.push(name, publicFieldValue(lower, value, rewriting));
        break;
      case 'cache-control':
        saysCaching = true;
        fields.push(name, splits ? privateCacheControl(value) : value);
        break;
      case 'x-request-id':
        saysRequestId = true;
        fields.push(name, value);
        break;
      case 'connection':
        connection = connection === undefined ? value : `${connection},${value}`;
        break;
      case 'never':
        break;
      default:
        kind satisfies never;
    }
  }
  const named = connection === undefined ? undefined : namedByConnection(connection);
  if (named !== undefined) fields = withoutNamed(fields, named, 0);
  if (splits && (!saysCaching || named?.has('cache-control'))) fields.push('Cache-Control', 'private');
  if (setCookie !== undefined) fields.push('Set-Cookie', setCookie);
  if (own !== undefined) fields.push(own[0], own[1]);
  if (!saysRequestId || named?.has('x-request-id')) fields.push('X-Request-Id', options.requestId);
  return fields;
}

/** `public, max-age=60` → `private, max-age=60`; `no-store` and `private` stay as they are. */
function privateCacheControl(value: string): string {
  const directives = value.split(',').map((directive) => directive.trim());
  const names = directives.map((directive) => directive.toLowerCase());
  if (names.includes('no-store') || names.includes('private')) return value;
  const kept = directives.filter((_, index) => names[index] !== 'public' && !names[index]!.startsWith('s-maxage'));
  return ['private', ...kept.filter((directive) => directive !== '')].join(', ');
}
