import type { Stage } from '../routing/stage.ts';

/** How far a stage is on the way from legacy to retired. */
function progress(stage: Stage): number {
  switch (stage.kind) {
    case 'legacy':
      return -2;
    case 'shadow':
      return -1;
    case 'canary':
      return stage.percent;
    case 'new':
      return 101;
    case 'retired':
      return 102;
    default:
      return stage satisfies never;
  }
}

/**
 * The stage that a promotion leads to: the first step of the plan that is further than where the route stands, also when it stands
 * where the plan has no step any more. Undefined at the end: retiring is done by name only.
 */
export function nextStep(steps: readonly Stage[], at: Stage): Stage | undefined {
  return steps.find((step) => progress(step) > progress(at));
}

/** The stage that a rollback leads to: the last step of the plan that is less far, or legacy before the first. Undefined at legacy. */
export function previousStep(steps: readonly Stage[], at: Stage): Stage | undefined {
  if (at.kind === 'legacy') return undefined;
  return steps.findLast((step) => progress(step) < progress(at)) ?? { kind: 'legacy' };
}

/** Whether two stages are the same, percentage included. */
export function sameStage(one: Stage | undefined, other: Stage | undefined): boolean {
  if (!one || !other) return one === other;
  return progress(one) === progress(other);
}

/** A stage in words: `shadow`, `canary 25 %`. */
export function stageText(stage: Stage): string {
  return stage.kind === 'canary' ? `canary ${stage.percent} %` : stage.kind;
}
