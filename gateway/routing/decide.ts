import type { FlagSource } from '../flags/flag-source.ts';
import { bucketOf } from './bucket.ts';
import type { Decision, RequestFacts } from './decision.ts';
import type { Matched } from './matched.ts';
import type { Reason } from './reasons.ts';
import type { RequestBody } from './request-body.ts';
import { type Ambiguity, type AmbiguousTarget, parseTarget } from './request-target.ts';
import type { Route } from './route.ts';
import type { RouteTable } from './route-table.ts';
import { chooseBySplit } from './split.ts';
import type { Stage, Target } from './stage.ts';

/** What routing knows at one moment. */
export interface Routing {
  readonly table: RouteTable;
  /** Stage by route name, for routes that were ever moved. */
  readonly stages: ReadonlyMap<string, Stage>;
  readonly flags: FlagSource;
  /** Break glass: everything goes to legacy. */
  readonly bypass: boolean;
  /** Ambiguous paths that no side shall see; the others go to legacy. */
  readonly refusedPaths: ReadonlySet<Ambiguity>;
}

/** Why there is no decision: the body has to be read first, or the request is to be refused. */
export type Undecided = { readonly undecided: 'body-needed' } | ({ readonly undecided: 'refused' } & AmbiguousTarget);

/** Whether a decision waits for the body alone. */
export function isBodyNeeded(decided: Decision | Undecided): boolean {
  return decided === bodyNeeded;
}

const bodyNeeded: Undecided = { undecided: 'body-needed' };

/**
 * Where one request goes and why. Total: every request gets an answer, legacy when nothing says otherwise; but for an ambiguous path that is
 * to be refused, and for a body that a route asks about and that was not given yet. Pure but for `random` (0 inclusive to 1 exclusive),
 * which decides whether the shadow sees this request.
 *
 * Order: (1) bypass; (2) the route; (3) `serve`; (4) the split alone when the route has no stage; (5) the stage: `legacy`, `new` and
 * `retired` speak for themselves, in `shadow` and `canary` the split is asked first, then the canary's percentage.
 */
export function decide(
  facts: RequestFacts,
  routing: Routing,
  random: () => number,
  body?: RequestBody,
): Decision | Undecided {
  if (routing.bypass) return toLegacy([{ step: 'bypass' }]);
  if (facts.target === '*') return toLegacy([{ step: 'match', route: undefined }]);
  const target = parseTarget(facts.target);
  if ('ambiguous' in target) return decideAmbiguous(target, routing.refusedPaths);
  const matched = routing.table.match({ facts, target, body });
  return matched === 'body-needed' ? bodyNeeded : decideMatched(matched, facts, routing, random);
}

function decideAmbiguous(target: AmbiguousTarget, refused: ReadonlySet<Ambiguity>): Decision | Undecided {
  if (target.ambiguous.some((name) => refused.has(name))) return { undecided: 'refused', ...target };
  return toLegacy([{ step: 'path', ambiguous: target.ambiguous }]);
}

function decideMatched(
  { route, reasons: before, to }: Matched,
  facts: RequestFacts,
  routing: Routing,
  random: () => number,
): Decision {
  if (!route) return toLegacy(before);
  const stage = stageOf(route, routing.stages);
  const reasons = [...before];
  const primary = to ?? choose(route, stage, facts, routing.flags, reasons);
  return {
    route: route.name,
    capability: route.capability,
    stage,
    primary,
    shadow: to === undefined ? shadowOf(route, stage, primary, facts, random) : undefined,
    reasons,
  };
}

/** The stage a route stands at: where it was moved to, else its first step; undefined when it has no stage. */
export function stageOf(route: Route, stages: ReadonlyMap<string, Stage>): Stage | undefined {
  return route.steps.length === 0 ? undefined : (stages.get(route.name) ?? route.steps[0]);
}

function toLegacy(reasons: readonly Reason[]): Decision {
  return { route: undefined, capability: undefined, stage: undefined, primary: 'legacy', shadow: undefined, reasons };
}

/** The side a route chooses; adds why to `reasons`. */
function choose(
  route: Route,
  stage: Stage | undefined,
  facts: RequestFacts,
  flags: FlagSource,
  reasons: Reason[],
): Target {
  if (route.serve) {
    reasons.push({ step: 'serve', to: route.serve });
    return route.serve;
  }
  if (!stage) return chooseBySplit(route, facts, flags, reasons) ?? otherwise(route, facts, reasons);
  switch (stage.kind) {
    case 'legacy':
      return chooseByStage(stage, 'legacy', reasons);
    case 'new':
    case 'retired':
      return chooseByStage(stage, 'new', reasons);
    case 'shadow':
      reasons.push({ step: 'stage', stage, to: undefined });
      return chooseBySplit(route, facts, flags, reasons) ?? chooseByStage(stage, 'legacy', reasons);
    case 'canary':
      reasons.push({ step: 'stage', stage, to: undefined });
      return chooseBySplit(route, facts, flags, reasons) ?? chooseByPercent(stage.percent, route, facts, reasons);
    default:
      return stage satisfies never;
  }
}

function chooseByStage(stage: Stage, to: Target, reasons: Reason[]): Target {
  reasons.push({ step: 'stage', stage, to });
  return to;
}

function chooseByPercent(percent: number, route: Route, facts: RequestFacts, reasons: Reason[]): Target {
  const place = bucketOf(route.capability, facts.assignmentKey);
  const to = place < percent ? 'new' : 'legacy';
  reasons.push({ step: 'percent', place, percent, to });
  return to === 'new' ? to : heldOr(route, facts, reasons);
}

function otherwise(route: Route, facts: RequestFacts, reasons: Reason[]): Target {
  reasons.push({ step: 'otherwise' });
  return heldOr(route, facts, reasons);
}

/** A journey that began on the new side ends there: what it wrote is nowhere else yet. */
function heldOr(route: Route, facts: RequestFacts, reasons: Reason[]): Target {
  const because = facts.heldOnNew?.(route.capability);
  if (because === undefined) return 'legacy';
  reasons.push({ step: 'held', because });
  return 'new';
}

/** Only reads are shadowed, only by sample, never where the configuration pins a side or one side is out of use. */
function shadowOf(
  route: Route,
  stage: Stage | undefined,
  primary: Target,
  facts: RequestFacts,
  random: () => number,
): Target | undefined {
  if (route.serve || !stage || stage.kind === 'legacy' || stage.kind === 'retired') return undefined;
  if ((facts.method !== 'GET' && facts.method !== 'HEAD') || facts.header('upgrade') !== undefined) return undefined;
  const percent = primary === 'legacy' ? route.shadowSample : route.reverseSample;
  if (random() * 100 >= percent) return undefined;
  return primary === 'legacy' ? 'new' : 'legacy';
}
