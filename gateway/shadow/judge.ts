import { strangler } from '../../contract/headers.ts';
import { type Comparison, compare, obstacleOf } from '../comparison/compare.ts';
import type { CompareRules } from '../comparison/config.ts';
import type { Observation } from '../comparison/observation.ts';
import type { ShadowResult } from '../evidence/shadow-result.ts';
import type { Target } from '../routing/stage.ts';
import type { Upstream } from './ask.ts';
import type { ConfirmedPlaces } from './confirmed-places.ts';
import type { Exchange } from './exchange.ts';

/** What judging an exchange needs from outside; none of it rejects. */
export interface Judging {
  /** Asks a side, within budget and deadline. */
  ask(method: string, upstream: Upstream): Promise<Observation>;
  /** Where and how a side is asked for this exchange. */
  upstream(exchange: Exchange, side: Target): Upstream;
  /**
   * The log address from which on the new side has seen all that legacy had when this was called; undefined when the bridge is behind or
   * away. Absent: there is no bridge.
   */
  readonly atLeast: (() => Promise<string | undefined>) | undefined;
  readonly confirmed: ConfirmedPlaces;
  /** Told whether the candidate gave an answer, whatever it was. */
  onCandidate(answered: boolean): void;
}

type Judgement = Pick<ShadowResult, 'comparison' | 'candidateMs'>;

/**
 * Asks the other side what control was asked, and compares.
 *
 * A difference counts only when time does not explain it. (1) The new side is asked to answer from legacy's head on; when it cannot, that
 * is lag. (2) A mismatch is confirmed: control's side is asked once more, and only places that still differ count; when none is left, the
 * record changed between the answers. Places confirmed within the last minute are not confirmed again, so control's side has one more
 * read per place that differs and minute. Where legacy's reads write (a page counter), these are counted there too.
 */
export async function judge(
  exchange: Exchange,
  candidateSide: Target,
  rules: CompareRules,
  judging: Judging,
): Promise<Judgement> {
  const { control } = exchange;
  const obstacle = obstacleOf(control);
  if (obstacle) return { comparison: obstacle, candidateMs: undefined };
  const candidate = await askSide(exchange, candidateSide, judging);
  if (candidate === 'behind') return { comparison: lag, candidateMs: undefined };
  judging.onCandidate(candidate.kind === 'answer');
  const first = compare(control, candidate, rules);
  const inDoubt = first.kind === 'mismatched' && isInDoubt(first, exchange, candidate, judging);
  const comparison = inDoubt ? await confirm(first, exchange, candidate, rules, judging) : first;
  return { comparison, candidateMs: candidate.kind === 'answer' ? candidate.durationMs : undefined };
}

type Mismatch = Extract<Comparison, { kind: 'mismatched' }>;

/** Whether time could explain a mismatch: not that the candidate failed or is too long, nor what was lately confirmed. */
function isInDoubt({ differences }: Mismatch, { decision }: Exchange, candidate: Observation, { confirmed }: Judging) {
  if (candidate.kind === 'failure' || candidate.oversize) return false;
  return !confirmed.covers(decision.route!, differences);
}

async function confirm(
  first: Mismatch,
  exchange: Exchange,
  candidate: Observation,
  rules: CompareRules,
  judging: Judging,
): Promise<ShadowResult['comparison']> {
  const again = await askSide(exchange, exchange.decision.primary, judging);
  if (again === 'behind') return lag;
  const second = compare(again, candidate, rules);
  if (second.kind === 'not-comparable') return second;
  const still = new Set(second.kind === 'mismatched' ? second.differences.map(({ path }) => path) : []);
  const [head, ...rest] = first.differences.filter(({ path }) => still.has(path));
  if (head) judging.confirmed.add(exchange.decision.route!, [head, ...rest]);
  return head ? { ...first, differences: [head, ...rest] } : raced;
}

async function askSide(exchange: Exchange, side: Target, judging: Judging): Promise<Observation | 'behind'> {
  const upstream = judging.upstream(exchange, side);
  const { method } = exchange.facts;
  if (side === 'legacy' || !judging.atLeast) return judging.ask(method, upstream);
  const address = await judging.atLeast();
  if (address === undefined) return 'behind';
  const headers = [...upstream.headers, strangler.atLeast, address];
  const observation = await judging.ask(method, { ...upstream, headers });
  return isNotYetThere(observation) ? 'behind' : observation;
}

/** The service's way of saying that its projection has not come so far: see contract/headers.ts. */
function isNotYetThere(observation: Observation): boolean {
  if (observation.kind === 'failure' || observation.status !== 409) return false;
  return /"code"\s*:\s*"not-yet-at-position"/.test(observation.body.toString());
}

const lag = {
  kind: 'not-comparable',
  reason: 'lag',
  detail: 'the new side had not yet seen what legacy had',
} as const;

const raced = {
  kind: 'not-comparable',
  reason: 'raced',
  detail: 'asked again, control answers as the candidate does',
} as const;
