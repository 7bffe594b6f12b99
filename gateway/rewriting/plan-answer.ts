import type { Transform } from 'node:stream';
import { eachField, valuesOf } from '../forwarding/header-fields.ts';
import { BoundedDecoder } from './bounded-decoder.ts';
import type { BodyRules } from './config.ts';
import { contentCoding } from './content-coding.ts';
import type { Naming } from './naming.ts';
import { RewritingStream } from './rewriting-stream.ts';
import { patternToPublic } from './url-patterns.ts';

/** Why a body that could have held the application's URLs is passed on as it came. */
export type Untouched = 'unknown-coding' | 'partial' | 'no-transform';

/** What is done with an answer's body, and what its header fields then are. */
export interface AnswerPlan {
  /** Raw header fields that tell the truth about the body that the client gets. */
  readonly fields: readonly string[];
  /** The way from the upstream's body to the client's, made anew for each answer; undefined: passed on as it comes. */
  readonly body: (() => Transform[]) | undefined;
  /** Undefined for a body that is rewritten, and for one that was not meant to be. */
  readonly untouched: Untouched | undefined;
}

/** What the plan is made for. */
export interface BodyContext {
  readonly naming: Naming;
  /** Undefined: no body is looked at. */
  readonly rules: BodyRules | undefined;
}

/** Fields about the very bytes of a body that is changed (RFC 9530, RFC 1864), and the offer to cut it by its offsets. */
const aboutBytes = new Set([
  'content-length',
  'content-md5',
  'digest',
  'content-digest',
  'repr-digest',
  'accept-ranges',
]);
const withoutBody = new Set([204, 205, 304]);

/**
 * Decides what is done with an answer's body. The same for HEAD as for GET, so that both get the same fields. A part of a body (206) is not
 * rewritten, because its offsets count the application's bytes; nor is what the application forbids to transform (RFC 9111 section 5.2.2.6)
 * or what is in a coding that cannot be undone.
 */
export function planAnswer(status: number, raw: readonly string[], { naming, rules }: BodyContext): AnswerPlan {
  const asItIs = { fields: raw, body: undefined, untouched: undefined };
  if (rules === undefined || status < 200 || withoutBody.has(status) || naming.publicAuthority === '') return asItIs;
  if (!isOfType(listOf(raw, 'content-type'), rules.types)) return asItIs;
  const name = listOf(raw, 'content-encoding').trim().toLowerCase();
  const coding = contentCoding(name);
  const untouched = reasonNotTo(status, raw, coding !== undefined || name === '' || name === 'identity');
  if (untouched !== undefined) return { ...asItIs, untouched };
  const rewriting = () => new RewritingStream(patternToPublic(naming));
  const keep = rules.coding === 'keep';
  return {
    fields: fieldsOfRewritten(raw, keep),
    body: coding
      ? () => [new BoundedDecoder(coding, rules), rewriting(), ...(keep ? [coding.encoder()] : [])]
      : () => [rewriting()],
    untouched: undefined,
  };
}

function reasonNotTo(status: number, raw: readonly string[], codingIsKnown: boolean): Untouched | undefined {
  if (status === 206) return 'partial';
  if (/(?:^|,)\s*no-transform\s*(?:,|$)/i.test(listOf(raw, 'cache-control'))) return 'no-transform';
  return codingIsKnown ? undefined : 'unknown-coding';
}

/** `text/html; charset=utf-8` is of the types `text/html` and `text/*`. */
function isOfType(contentType: string, types: readonly string[]): boolean {
  const type = contentType.split(';', 1)[0]!.trim().toLowerCase();
  return types.some((one) => (one.endsWith('/*') ? type.startsWith(one.slice(0, -1)) : type === one));
}

function fieldsOfRewritten(raw: readonly string[], keepCoding: boolean): string[] {
  const fields: string[] = [];
  eachField(raw, (name, value, lower) => {
    if (aboutBytes.has(lower) || (lower === 'content-encoding' && !keepCoding)) return;
    fields.push(name, lower === 'etag' ? weak(value) : value);
  });
  return fields;
}

/** Other bytes with the same meaning: a strong validator must not claim more (RFC 9110 section 8.8.1). */
function weak(entityTag: string): string {
  return entityTag.startsWith('"') ? `W/${entityTag}` : entityTag;
}

/** All values of a field as one list. */
function listOf(raw: readonly string[], lowerName: string): string {
  return valuesOf(raw, lowerName).join(', ');
}
