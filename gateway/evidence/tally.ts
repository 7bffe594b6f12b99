import { z } from 'zod';
import { type Latencies, latenciesSchema } from './latencies.ts';

const count = z.int().nonnegative();
const counts = z.record(z.string(), z.int().positive());

/** What is known of a route's two sides; a sum of what single comparisons gave, so tallies add up in any order. */
export const tallySchema = z.object({
  /** Requests of the route while it was shadowed, before sampling. */
  seen: count,
  equal: count,
  /** Differed only where a rule declares it harmless. */
  matched: count,
  mismatched: count,
  /** Mismatches in which the candidate gave no answer. */
  candidateFailures: count,
  /** By reason. */
  notComparable: counts,
  /** By reason. */
  dropped: counts,
  /** Comparisons in which a place differed, by place: a JSON Pointer with stars for array indices, `header.location`. */
  differences: counts,
  /** The same for harmless differences, by place and rule: see `harmlessKey`. */
  harmless: counts,
  controlMs: latenciesSchema,
  candidateMs: latenciesSchema,
});
export type Tally = z.infer<typeof tallySchema>;

/** Nothing known yet; a new object each time, to be counted up. */
export function emptyTally(): Tally {
  return {
    seen: 0,
    equal: 0,
    matched: 0,
    mismatched: 0,
    candidateFailures: 0,
    notComparable: {},
    dropped: {},
    differences: {},
    harmless: {},
    controlMs: {},
    candidateMs: {},
  };
}

/** Places counted apart in one tally; further ones are counted together as `(other)`, so that an odd answer cannot fill the memory. */
export const maxPlaces = 200;

/** The sum of two tallies. */
export function addTallies(one: Tally, other: Tally): Tally {
  return {
    seen: one.seen + other.seen,
    equal: one.equal + other.equal,
    matched: one.matched + other.matched,
    mismatched: one.mismatched + other.mismatched,
    candidateFailures: one.candidateFailures + other.candidateFailures,
    notComparable: addCounts(one.notComparable, other.notComparable),
    dropped: addCounts(one.dropped, other.dropped),
    differences: addCounts(one.differences, other.differences),
    harmless: addCounts(one.harmless, other.harmless),
    controlMs: addCounts(one.controlMs, other.controlMs),
    candidateMs: addCounts(one.candidateMs, other.candidateMs),
  };
}

/** How many answers were compared: equal, matched or mismatched. */
export function comparedCount({ equal, matched, mismatched }: Tally): number {
  return equal + matched + mismatched;
}

/** Counts one more under `key`, in place. */
export function countUp(counts: Record<string, number>, key: string, by = 1): void {
  const known = Object.hasOwn(counts, key);
  const place = known || Object.keys(counts).length < maxPlaces ? key : '(other)';
  counts[place] = (Object.hasOwn(counts, place) ? counts[place]! : 0) + by;
}

/** The key of a harmless difference: its place and the rule, on two lines. */
export function harmlessKey(place: string, rule: string): string {
  return `${place}\n${rule}`;
}

/** Place and rule of a `harmlessKey`. */
export function placeAndRule(key: string): { readonly path: string; readonly rule: string } {
  const [path = '', rule = ''] = key.split('\n');
  return { path, rule };
}

function addCounts(one: Latencies, other: Latencies): Record<string, number> {
  const sum = { ...one };
  for (const [key, count] of Object.entries(other)) countUp(sum, key, count);
  return sum;
}
