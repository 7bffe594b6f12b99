import type { Cidr } from '../cidr.ts';
import type { Predicate } from '../predicate.ts';

/** Accepts clients within one of these blocks of addresses. */
export function clientPredicate(blocks: readonly Cidr[]): Predicate {
  return {
    text: `client ${blocks
      .map((block) => block.text)
      .sort()
      .join('|')}`,
    test: ({ facts }) => blocks.some((block) => block.contains(facts.clientAddress)),
  };
}
