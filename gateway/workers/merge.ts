import type { RequestCounts } from '../accounting/request-metrics.ts';
import type { Degradation } from '../degradation.ts';
import type { FlagUse } from '../flags/flag-uses.ts';
import type { TargetStatus } from '../forwarding/upstreams/target.ts';
import type { ShadowStatus } from '../shadow/shadow.ts';

/** Requests of one route in several processes. */
export function sumRequests(counts: readonly RequestCounts[]): RequestCounts {
  return counts.reduce((one, other) => ({ legacy: one.legacy + other.legacy, new: one.new + other.new }), {
    legacy: 0,
    new: 0,
  });
}

/** The shadows of several processes as one for each capability; a breaker that is not closed somewhere is shown. */
export function joinShadows(shadows: readonly ShadowStatus[]): ShadowStatus[] {
  const joined = new Map<string, ShadowStatus>();
  for (const shadow of shadows) {
    const known = joined.get(shadow.capability);
    joined.set(shadow.capability, known ? joinTwo(known, shadow) : shadow);
  }
  return [...joined.values()];
}

function joinTwo(one: ShadowStatus, other: ShadowStatus): ShadowStatus {
  return {
    capability: one.capability,
    running: one.running + other.running,
    waiting: one.waiting + other.waiting,
    heldBytes: one.heldBytes + other.heldBytes,
    breaker: one.breaker === 'closed' ? other.breaker : one.breaker,
  };
}

/** Later is worse. */
const breakerStates: readonly TargetStatus['breaker'][] = ['off', 'closed', 'half-open', 'open'];
const healths: readonly TargetStatus['health'][] = ['off', 'healthy', 'unchecked', 'unhealthy'];

/** The targets of several processes as one for each place; the worst that some process knows of it is shown. */
export function joinTargets(targets: readonly TargetStatus[]): TargetStatus[] {
  const joined = new Map<string, TargetStatus>();
  for (const target of targets) {
    const key = JSON.stringify([target.name, target.origin]);
    const known = joined.get(key);
    joined.set(key, known ? joinTwoTargets(known, target) : target);
  }
  return [...joined.values()];
}

function joinTwoTargets(one: TargetStatus, other: TargetStatus): TargetStatus {
  const sicker = healths.indexOf(other.health) > healths.indexOf(one.health) ? other : one;
  return {
    ...sicker,
    breaker: breakerStates.indexOf(other.breaker) > breakerStates.indexOf(one.breaker) ? other.breaker : one.breaker,
    requests: one.requests + other.requests,
    queued: one.queued + other.queued,
  };
}

/** Each trouble once, since it was first seen, however many processes have it. */
export function joinDegradations(degraded: readonly Degradation[]): Degradation[] {
  const joined = new Map<string, Degradation>();
  for (const trouble of degraded) {
    const key = JSON.stringify([trouble.part, trouble.detail]);
    const known = joined.get(key);
    const earlier =
      known && (trouble.since === undefined || (known.since !== undefined && known.since <= trouble.since));
    if (!earlier) joined.set(key, trouble);
  }
  return [...joined.values()];
}

/** The uses of one flag in several processes; undefined: none asked for it. */
export function sumUses(uses: readonly (FlagUse | undefined)[]): FlagUse | undefined {
  const known = uses.filter((use) => use !== undefined);
  return known.length === 0 ? undefined : known.reduce(sumTwoUses);
}

function sumTwoUses(one: FlagUse, other: FlagUse): FlagUse {
  const names = new Set([...Object.keys(one.variants), ...Object.keys(other.variants)]);
  const variants = [...names].map((name) => [name, (one.variants[name] ?? 0) + (other.variants[name] ?? 0)]);
  return {
    yes: one.yes + other.yes,
    no: one.no + other.no,
    variants: Object.fromEntries(variants),
    lastAt: one.lastAt > other.lastAt ? one.lastAt : other.lastAt,
    applications: [...new Set([...one.applications, ...other.applications])].sort(),
  };
}
