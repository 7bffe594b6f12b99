import type { FlagSource } from '../flags/flag-source.ts';
import { bucketOf } from './bucket.ts';
import type { RequestFacts } from './decision.ts';
import type { Reason } from './reasons.ts';
import type { Route } from './route.ts';
import type { SplitEntry } from './split-entry.ts';
import type { Target } from './stage.ts';

/**
 * Asks the entries of a route's split in their order and adds a reason for each one asked. Answers where the first that applies sends the
 * request, or undefined when none does.
 */
export function chooseBySplit(
  route: Route,
  facts: RequestFacts,
  flags: FlagSource,
  reasons: Reason[],
): Target | undefined {
  for (const entry of route.split) {
    const { applies, found } = ask(entry, route, facts, flags);
    reasons.push({ step: 'split', entry, applies, found });
    if (applies) return entry.to;
  }
  return undefined;
}

interface Answer {
  readonly applies: boolean;
  /** What the answer was made from, for its reason. */
  readonly found: string | number | undefined;
}

function ask(entry: SplitEntry, route: Route, facts: RequestFacts, flags: FlagSource): Answer {
  switch (entry.kind) {
    case 'header':
      return askValues(entry.values, (name) => facts.header(name.toLowerCase()));
    case 'cookie':
      return askValues(entry.values, (name) => facts.cookie(name));
    case 'user':
      return { applies: facts.user !== undefined && entry.users.includes(facts.user), found: facts.user };
    case 'flag':
      return askFlag(entry.flag, route, facts, flags);
    case 'percent':
      return askPercent(entry.percent, route, facts);
    default:
      return entry satisfies never;
  }
}

/** `found` is the first name that has another value. */
function askValues(values: Readonly<Record<string, string>>, find: (name: string) => string | undefined): Answer {
  for (const name in values) if (find(name) !== values[name]) return { applies: false, found: name };
  return { applies: true, found: undefined };
}

/** A flag source that fails is a flag that is off: legacy serves, and the reason says so. */
function askFlag(flag: string, route: Route, facts: RequestFacts, flags: FlagSource): Answer {
  try {
    const { enabled, reason } = flags.evaluate(flag, facts, route);
    return { applies: enabled, found: reason };
  } catch (error) {
    return { applies: false, found: `its source failed: ${String(error)}` };
  }
}

function askPercent(percent: number, route: Route, facts: RequestFacts): Answer {
  const place = bucketOf(route.capability, facts.assignmentKey);
  return { applies: place < percent, found: place };
}
