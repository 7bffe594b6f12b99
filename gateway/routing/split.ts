import type { FlagSource } from '../flags/flag-source.ts';
import { bucketOf } from './bucket.ts';
import type { RequestFacts } from './decision.ts';
import type { Route } from './route.ts';
import type { SplitEntry } from './split-entry.ts';
import type { Target } from './stage.ts';

/** The side that a split chose and why; `to` undefined when no entry applies. */
export interface SplitChoice {
  readonly to: Target | undefined;
  /** One sentence per entry asked, in order. */
  readonly outcomes: readonly string[];
}

/** Asks the entries of a route's split in their order; the first that applies decides. */
export function chooseBySplit(route: Route, facts: RequestFacts, flags: FlagSource): SplitChoice {
  const outcomes: string[] = [];
  for (const entry of route.split) {
    const { applies, because } = ask(entry, route, facts, flags);
    outcomes.push(applies ? `${because} → ${entry.to}` : because);
    if (applies) return { to: entry.to, outcomes };
  }
  return { to: undefined, outcomes };
}

interface Answer {
  readonly applies: boolean;
  readonly because: string;
}

function ask(entry: SplitEntry, route: Route, facts: RequestFacts, flags: FlagSource): Answer {
  switch (entry.kind) {
    case 'header':
      return askValues('header', entry.values, (name) => facts.header(name.toLowerCase()));
    case 'cookie':
      return askValues('cookie', entry.values, (name) => facts.cookie(name));
    case 'user':
      return askUser(entry.users, facts.user);
    case 'flag':
      return askFlag(entry.flag, route, facts, flags);
    case 'percent':
      return askPercent(entry.percent, route.capability, facts.assignmentKey);
    default:
      return entry satisfies never;
  }
}

function askValues(
  word: string,
  values: Readonly<Record<string, string>>,
  find: (name: string) => string | undefined,
): Answer {
  const entries = Object.entries(values);
  const wrong = entries.find(([name, value]) => find(name) !== value);
  if (!wrong)
    return { applies: true, because: entries.map(([name, value]) => `${word} ${name} is ${value}`).join(' and ') };
  return { applies: false, because: `${word} ${wrong[0]} is not ${wrong[1]}` };
}

function askUser(users: readonly string[], user: string | undefined): Answer {
  if (user === undefined) return { applies: false, because: 'no user recognised' };
  const applies = users.includes(user);
  return { applies, because: `user ${user} is ${applies ? '' : 'not '}listed` };
}

/** A flag source that fails is a flag that is off: legacy serves, and the reason says so. */
function askFlag(flag: string, route: Route, facts: RequestFacts, flags: FlagSource): Answer {
  try {
    const { enabled, reason } = flags.evaluate(flag, facts, route);
    return { applies: enabled, because: `flag ${flag} is ${enabled ? 'on' : 'off'} (${reason})` };
  } catch (error) {
    return { applies: false, because: `flag ${flag} counts as off (its source failed: ${String(error)})` };
  }
}

/** Whether an assignment key lies under a percentage, with both numbers in the reason. */
export function askPercent(percent: number, salt: string, assignmentKey: string): Answer {
  const bucket = bucketOf(salt, assignmentKey);
  const applies = bucket < percent;
  return { applies, because: `place ${bucket.toFixed(2)} of 100 lies ${applies ? 'under' : 'not under'} ${percent} %` };
}
