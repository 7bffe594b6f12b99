import { askBody, type Contender } from './contender.ts';
import type { Decision } from './decision.ts';
import { fitsHost } from './host-pattern.ts';
import type { MatchInput } from './predicate.ts';
import { type Criterion, decidingCriterion } from './rank.ts';
import { type Reason, reasonCode, reasonText } from './reasons.ts';
import { bodyProblems, type RequestBody } from './request-body.ts';
import { matchText } from './route.ts';

/** A decision in words, for people. */
export interface Explanation extends Omit<Decision, 'reasons'> {
  /** `{step: 'split', code: 'split:flag new-shipments', outcome: 'flag new-shipments is on (default strategy) → new'}` */
  readonly reasons: readonly { readonly step: Reason['step']; readonly code: string; readonly outcome: string }[];
  /** Every route whose path fits, most specific first. */
  readonly contenders: readonly ContenderView[];
}

/** What became of a route whose path fits. */
export interface ContenderView {
  readonly route: string;
  readonly capability: string;
  /** `GET /shipments/{id} header x-beta=1` */
  readonly match: string;
  readonly outcome: 'takes it' | 'less specific' | 'later' | 'does not hold' | 'not looked into';
  /** The condition that does not hold, or in what the other route is more specific; undefined for the route that takes the request. */
  readonly because: string | undefined;
}

/** Puts a decision and how its route was found into words. `input` undefined: no route was looked for. */
export function explanationOf(
  { reasons, ...decision }: Decision,
  input: MatchInput | undefined,
  contenders: readonly Contender[],
): Explanation {
  return {
    ...decision,
    reasons: reasons.map((reason) => ({ step: reason.step, code: reasonCode(reason), outcome: reasonText(reason) })),
    contenders: input === undefined ? [] : viewsOf(contenders, decision.route, input),
  };
}

/** A route with several hosts is a contender for each: the one whose host fits is shown, else the first. */
function viewsOf(contenders: readonly Contender[], taken: string | undefined, input: MatchInput): ContenderView[] {
  const fitting = contenders.filter(({ host }) => fitsHost(input.facts.host, host));
  const shown = new Map([...contenders].reverse().map((contender) => [contender.route, contender]));
  for (const contender of [...fitting].reverse()) shown.set(contender.route, contender);
  const winner = fitting.find(({ route }) => route.name === taken);
  return contenders
    .filter((contender) => shown.get(contender.route) === contender)
    .map((one) => viewOf(one, winner, input));
}

function viewOf(contender: Contender, winner: Contender | undefined, input: MatchInput): ContenderView {
  const { name, capability, match } = contender.route;
  return { route: name, capability, match: matchText(match), ...outcomeOf(contender, winner, input) };
}

type Outcome = Pick<ContenderView, 'outcome' | 'because'>;

function outcomeOf(contender: Contender, winner: Contender | undefined, input: MatchInput): Outcome {
  if (contender === winner) return { outcome: 'takes it', because: undefined };
  const failing = failingCondition(contender, input);
  if (failing !== undefined) return { outcome: 'does not hold', because: failing };
  const asked = askBody(contender.body, input.body ?? { kind: 'absent' });
  if (typeof asked === 'string') return { outcome: 'not looked into', because: bodyProblems[asked] };
  const criterion = winner && decidingCriterion(winner.rank, contender.rank);
  return criterion === undefined
    ? { outcome: 'later', because: 'it stands later in the configuration' }
    : { outcome: 'less specific', because: comparisons[criterion] };
}

const comparisons: Readonly<Record<Criterion, string>> = {
  host: 'its host is less specific',
  path: 'its path is less specific',
  method: 'it names no method',
  headers: 'it asks for fewer headers',
  cookies: 'it asks for fewer cookies',
  query: 'it asks for fewer query parameters',
  body: 'it asks for fewer fields of the body',
  client: 'it names no client',
};

/** The first condition that does not hold; undefined when all do, or when that of the body cannot be asked. */
function failingCondition({ host, methods, predicates, body }: Contender, input: MatchInput): string | undefined {
  const { facts } = input;
  if (!fitsHost(facts.host, host)) return `host ${host}`;
  if (methods && !methods.has(facts.method)) return `method ${[...methods].join(', ')}`;
  const given: RequestBody = input.body ?? { kind: 'absent' };
  return (
    predicates.find((predicate) => !predicate.test(input)) ?? body.find((predicate) => predicate.test(given) === false)
  )?.text;
}
