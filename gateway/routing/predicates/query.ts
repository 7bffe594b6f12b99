import type { Predicate } from '../predicate.ts';

/** Accepts a target whose query has this parameter with this value. Repeated with another value it is not accepted: systems differ in which counts. */
export function queryPredicate(name: string, value: string): Predicate {
  return {
    text: `query ${name}=${JSON.stringify(value)}`,
    test({ target }) {
      const values = target.query.getAll(name);
      return values.length > 0 && values.every((found) => found === value);
    },
  };
}
