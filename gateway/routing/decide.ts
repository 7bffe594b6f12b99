import type { FlagSource } from '../flags/flag-source.ts';
import type { Decision, ReasonStep, RequestFacts } from './decision.ts';
import { parseTarget } from './request-target.ts';
import { matchText, type Route } from './route.ts';
import type { RouteTable } from './route-table.ts';
import { askPercent, chooseBySplit } from './split.ts';
import type { Stage, Target } from './stage.ts';

/** What routing knows at one moment. */
export interface Routing {
  readonly table: RouteTable;
  /** Stage by route name, for routes that were ever moved. */
  readonly stages: ReadonlyMap<string, Stage>;
  readonly flags: FlagSource;
  /** Break glass: everything goes to legacy. */
  readonly bypass: boolean;
}

/** A side and the steps that led to it. */
interface Choice {
  readonly to: Target;
  readonly reasons: readonly ReasonStep[];
}

/**
 * Where one request goes and why. Total: every request gets an answer, legacy when nothing says otherwise. Pure but for `random` (0
 * inclusive to 1 exclusive), which decides whether the shadow sees this request.
 *
 * Order: (1) bypass; (2) the route; (3) `serve`; (4) the split alone when the route has no stage; (5) the stage: `legacy`, `new` and
 * `retired` speak for themselves, in `shadow` and `canary` the split is asked first, then the canary's percentage.
 */
export function decide(facts: RequestFacts, routing: Routing, random: () => number): Decision {
  if (routing.bypass) return toLegacy('bypass', 'bypass is on → legacy');
  const target = parseTarget(facts.target);
  if ('ambiguous' in target) {
    return toLegacy('match', `two systems could read the path differently: it has ${target.ambiguous} → legacy`);
  }
  const hit = routing.table.match({ facts, target });
  if (!hit) return toLegacy('match', 'no route takes this request → legacy');
  const { route } = hit;
  const stage = stageOf(route, routing.stages);
  const choice = choose(route, stage, facts, routing.flags);
  return {
    route: route.name,
    capability: route.capability,
    stage,
    primary: choice.to,
    shadow: shadowOf(route, stage, choice.to, facts, random),
    reasons: [{ step: 'match', outcome: describeMatch(route) }, ...choice.reasons],
  };
}

/** The stage a route stands at: where it was moved to, else its first step; undefined when it has no stage. */
export function stageOf(route: Route, stages: ReadonlyMap<string, Stage>): Stage | undefined {
  return route.steps.length === 0 ? undefined : (stages.get(route.name) ?? route.steps[0]);
}

function toLegacy(step: ReasonStep['step'], outcome: string): Decision {
  return {
    route: undefined,
    capability: undefined,
    stage: undefined,
    primary: 'legacy',
    shadow: undefined,
    reasons: [{ step, outcome }],
  };
}

function describeMatch(route: Route): string {
  const text = matchText(route.match);
  return route.name === text
    ? `route ${text} of ${route.capability}`
    : `route ${route.name} of ${route.capability}: ${text}`;
}

function choose(route: Route, stage: Stage | undefined, facts: RequestFacts, flags: FlagSource): Choice {
  if (route.serve) return chosen(route.serve, 'serve', `the configuration says serve: ${route.serve}`);
  if (!stage) return chooseAlone(route, facts, flags);
  switch (stage.kind) {
    case 'legacy':
      return chosen('legacy', 'stage', 'stage legacy → legacy');
    case 'shadow':
    case 'canary':
      return chooseWithin(stage, route, facts, flags);
    case 'new':
    case 'retired':
      return chosen('new', 'stage', `stage ${stage.kind} → new`);
    default:
      return stage satisfies never;
  }
}

function chosen(to: Target, step: ReasonStep['step'], outcome: string): Choice {
  return { to, reasons: [{ step, outcome }] };
}

function chooseAlone(route: Route, facts: RequestFacts, flags: FlagSource): Choice {
  const { to, outcomes } = chooseBySplit(route, facts, flags);
  const reasons = outcomes.map((outcome): ReasonStep => ({ step: 'split', outcome }));
  return to
    ? { to, reasons }
    : { to: 'legacy', reasons: [...reasons, { step: 'split', outcome: 'no entry applies → legacy' }] };
}

function chooseWithin(
  stage: Stage & { kind: 'shadow' | 'canary' },
  route: Route,
  facts: RequestFacts,
  flags: FlagSource,
): Choice {
  const { to, outcomes } = chooseBySplit(route, facts, flags);
  const asked: ReasonStep[] = [
    { step: 'stage', outcome: stage.kind === 'canary' ? `stage canary ${stage.percent} %` : 'stage shadow' },
    ...outcomes.map((outcome): ReasonStep => ({ step: 'split', outcome })),
  ];
  if (to) return { to, reasons: asked };
  if (stage.kind === 'shadow')
    return { to: 'legacy', reasons: [...asked, { step: 'stage', outcome: 'legacy serves → legacy' }] };
  const { applies, because } = askPercent(stage.percent, route.capability, facts.assignmentKey);
  const side: Target = applies ? 'new' : 'legacy';
  return { to: side, reasons: [...asked, { step: 'percent', outcome: `${because} → ${side}` }] };
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
