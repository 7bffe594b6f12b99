import { type MoveOutcome, moveRoute } from '../journal/move-route.ts';
import { nextStep, previousStep, stageText } from '../journal/rollout-steps.ts';
import type { Stage } from '../routing/stage.ts';
import { AdminError } from './admin-errors.ts';
import type { AdminPorts, RouteView } from './admin-ports.ts';
import { didYouMean } from './did-you-mean.ts';

/** A wish to move the route, or every route of the capability, called `name`. */
export interface MoveWish {
  readonly name: string;
  readonly direction: 'promote' | 'rollback';
  /** Instead of the plan's next or previous step. */
  readonly to: Stage | undefined;
  readonly by: string;
  readonly reason: string;
}

/** A route that was moved, stages in words: `shadow`, `canary 25 %`. */
export interface Moved {
  readonly route: string;
  readonly from: string;
  readonly to: string;
}

type StagedRoute = RouteView & { readonly stage: Stage };

/**
 * Moves one route, or all routes of a capability that have a stage. Throws AdminError when nothing is called so, when nothing can be moved
 * that way, or when a move fails; then `moved` lists the routes of the capability that were moved before.
 */
export async function moveRoutes(ports: AdminPorts, wish: MoveWish): Promise<Moved[]> {
  const moves = plannedMoves(selectRoutes(ports.routes(), wish.name), wish);
  const moved: Moved[] = [];
  for (const { route, to } of moves) {
    const { by, reason } = wish;
    const outcome = await moveRoute(ports.journal, { route: route.name, from: route.stage, to, by, reason });
    if (outcome.kind !== 'moved' && outcome.kind !== 'unchanged') throw failed(route, outcome, moved);
    if (outcome.kind === 'moved') {
      moved.push({ route: route.name, from: stageText(route.stage), to: stageText(to) });
    }
  }
  return moved;
}

function selectRoutes(routes: readonly RouteView[], name: string): [StagedRoute, ...StagedRoute[]] {
  const exact = routes.filter((route) => route.name === name);
  const named = exact.length > 0 ? exact : routes.filter(({ capability }) => capability === name);
  if (named.length === 0) throw unknownRoute(routes, name);
  const [first, ...rest] = named.filter((route): route is StagedRoute => route.stage !== undefined);
  if (!first) {
    throw new AdminError('route-has-no-stage', `found no rollout for ${name}, expected one to move along`);
  }
  return [first, ...rest];
}

/** The refusal of a name that neither a route nor a capability has, with what was probably meant. */
export function unknownRoute(routes: readonly RouteView[], name: string): AdminError {
  const meant = didYouMean(
    name,
    routes.flatMap((route) => [route.name, route.capability]),
  );
  const hint = meant === undefined ? '' : `; did you mean ${JSON.stringify(meant)}?`;
  return new AdminError('unknown-route', `found ${JSON.stringify(name)}${hint}`, meant ? { didYouMean: meant } : {});
}

function plannedMoves(routes: readonly StagedRoute[], { direction, to, name }: MoveWish) {
  const step = direction === 'promote' ? nextStep : previousStep;
  const moves = routes.flatMap((route) => {
    const target = to ?? step(route.steps, route.stage);
    return target ? [{ route, to: target }] : [];
  });
  if (moves.length > 0) return moves;
  const at = [...new Set(routes.map(({ stage }) => stageText(stage)))].join(', ');
  throw new AdminError('no-further-step', `found ${name} at ${at}, expected a further step to ${direction} to`);
}

function failed(route: RouteView, outcome: Extract<MoveOutcome, { kind: 'conflict' | 'refused' }>, moved: Moved[]) {
  const facts = moved.length > 0 ? { moved } : {};
  if (outcome.kind === 'refused') return new AdminError('log-away', `${route.name}: ${outcome.reason}`, facts);
  const { meanwhile } = outcome;
  const who = meanwhile ? ` by ${meanwhile.by} to ${stageText(meanwhile.to)} at ${meanwhile.at}` : '';
  return new AdminError('changed-meanwhile', `${route.name} was moved${who}`, { ...facts, meanwhile });
}
