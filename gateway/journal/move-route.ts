import type { Stage } from '../routing/stage.ts';
import type { Journal } from './journal.ts';
import type { RouteMove } from './journal-state.ts';
import { sameStage } from './rollout-steps.ts';

/** A wish to move a route. `from` is where the asker saw it stand. */
export interface MoveRequest {
  readonly route: string;
  readonly from: Stage;
  readonly to: Stage;
  readonly by: string;
  readonly reason: string;
}

/** `conflict`: the route was moved meanwhile, by whom and where to. `refused`: the log is away. */
export type MoveOutcome =
  | { readonly kind: 'moved' }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'conflict'; readonly meanwhile: RouteMove | undefined }
  | { readonly kind: 'refused'; readonly reason: string };

/** Moves a route for every gateway on the log. Of several that try at once exactly one wins; when it answers `moved`, the very next request goes by it. */
export async function moveRoute(journal: Journal, { route, from, to, by, reason }: MoveRequest): Promise<MoveOutcome> {
  const stream = `route-${route}`;
  const { stages, versions, moves } = journal.state;
  const known = stages.get(route);
  if (known && !sameStage(known, from)) return { kind: 'conflict', meanwhile: moves.get(route) };
  if (sameStage(from, to)) return { kind: 'unchanged' };
  const outcome = await journal.record({
    stream,
    expect: versions.get(stream) ?? 'none',
    action: 'route-stage-changed',
    data: { route, from, to, by, reason },
  });
  if (outcome.kind === 'recorded') return { kind: 'moved' };
  return outcome.kind === 'conflict' ? { kind: 'conflict', meanwhile: journal.state.moves.get(route) } : outcome;
}
