import { v5 } from 'uuid';

/** Namespace of every id this project derives; fixed for ever, or repeats would no longer be recognised. */
const namespace = '5f6c1f0e-3a54-5d0b-9d5e-8a3a1c9be7d1';

/** A deterministic event id: the same facts always give the same uuid, so a repeat is answered `duplicate`. Parts are never ambiguous: each is length-prefixed. */
export function derivedId(...parts: readonly (string | number)[]): string {
  return v5(parts.map((part) => `${String(part).length}:${part}`).join('|'), namespace);
}
