import type { Predicate } from '../predicate.ts';

/** Accepts a request whose header has exactly this value. A header sent twice has both, joined by a comma, and so is not accepted. */
export function headerPredicate(name: string, value: string): Predicate {
  const lowerName = name.toLowerCase();
  return {
    text: `header ${lowerName}=${JSON.stringify(value)}`,
    test: ({ facts }) => facts.header(lowerName) === value,
  };
}
