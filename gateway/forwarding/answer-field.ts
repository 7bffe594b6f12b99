import { BoundedCache } from '../identity/bounded-cache.ts';
import { isHopByHop } from './header-fields.ts';

/** What becomes of an application's field on its way to the client. */
export type AnswerFieldKind =
  /** Passed on, rewritten where it names the application. */
  | 'plain'
  /** Private where either side may answer. */
  | 'cache-control'
  /** Said by us when the application does not. */
  | 'x-request-id'
  /** Names fields of this hop. */
  | 'connection'
  /** Belongs to one hop, or only the gateway may say it. */
  | 'never';

/** A field's name as rules see it. */
export interface AnswerField {
  readonly kind: AnswerFieldKind;
  readonly lower: string;
}

const maxKnownNames = 500;
/** Optimization: applications answer with the same few names in the same spelling. */
const known = new BoundedCache<AnswerField>(maxKnownNames);

/** What a name, as it was sent, means. */
export function answerField(name: string): AnswerField {
  const found = known.get(name);
  if (found !== undefined) return found;
  const lower = name.toLowerCase();
  const made = { kind: kindOf(lower), lower };
  known.set(name, made);
  return made;
}

function kindOf(lower: string): AnswerFieldKind {
  if (lower === 'connection' || lower === 'cache-control' || lower === 'x-request-id') return lower;
  return isHopByHop(lower) || lower === 'content-length' || lower === 'strangler-decision' ? 'never' : 'plain';
}
