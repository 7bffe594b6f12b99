import { askBody, type Candidate } from './candidate.ts';
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
  readonly candidates: readonly CandidateView[];
}

/** What became of a route whose path fits. */
export interface CandidateView {
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
  candidates: readonly Candidate[],
): Explanation {
  return {
    ...decision,
    reasons: reasons.map((reason) => ({ step: reason.step, code: reasonCode(reason), outcome: reasonText(reason) })),
    candidates: input === undefined ? [] : viewsOf(candidates, decision.route, input),
  };
}

/** A route with several hosts is a candidate for each: the one whose host fits is shown, else the first. */
function viewsOf(candidates: readonly Candidate[], taken: string | undefined, input: MatchInput): CandidateView[] {
  const fitting = candidates.filter(({ host }) => fitsHost(input.facts.host, host));
  const shown = new Map([...candidates].reverse().map((candidate) => [candidate.route, candidate]));
  for (const candidate of [...fitting].reverse()) shown.set(candidate.route, candidate);
  const winner = fitting.find(({ route }) => route.name === taken);
  return candidates
    .filter((candidate) => shown.get(candidate.route) === candidate)
    .map((one) => viewOf(one, winner, input));
}

function viewOf(candidate: Candidate, winner: Candidate | undefined, input: MatchInput): CandidateView {
  const { name, capability, match } = candidate.route;
  return { route: name, capability, match: matchText(match), ...outcomeOf(candidate, winner, input) };
}

type Outcome = Pick<CandidateView, 'outcome' | 'because'>;

function outcomeOf(candidate: Candidate, winner: Candidate | undefined, input: MatchInput): Outcome {
  if (candidate === winner) return { outcome: 'takes it', because: undefined };
  const failing = failingCondition(candidate, input);
  if (failing !== undefined) return { outcome: 'does not hold', because: failing };
  const asked = askBody(candidate.body, input.body ?? { kind: 'absent' });
  if (typeof asked === 'string') return { outcome: 'not looked into', because: bodyProblems[asked] };
  const criterion = winner && decidingCriterion(winner.rank, candidate.rank);
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
function failingCondition({ host, methods, predicates, body }: Candidate, input: MatchInput): string | undefined {
  const { facts } = input;
  if (!fitsHost(facts.host, host)) return `host ${host}`;
  if (methods && !methods.has(facts.method)) return `method ${[...methods].join(', ')}`;
  const given: RequestBody = input.body ?? { kind: 'absent' };
  return (
    predicates.find((predicate) => !predicate.test(input)) ?? body.find((predicate) => predicate.test(given) === false)
  )?.text;
}
