import type { Predicate } from '../predicate.ts';

/** Accepts a request with a cookie of exactly this value; of several with one name the first counts, as in PHP. */
export function cookiePredicate(name: string, value: string): Predicate {
  return {
    text: `cookie ${name}=${JSON.stringify(value)}`,
    test: ({ facts }) => facts.cookie(name) === value,
  };
}
