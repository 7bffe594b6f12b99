import type { Predicate } from '../predicate.ts';

/** Accepts these methods. GET includes HEAD, which asks for the same answer without its body (RFC 9110 section 9.3.2). */
export function methodPredicate(methods: readonly string[]): Predicate {
  const accepted = new Set(methods.includes('GET') ? [...methods, 'HEAD'] : methods);
  return {
    text: `method ${[...accepted].sort().join('|')}`,
    test: ({ facts }) => accepted.has(facts.method),
  };
}
