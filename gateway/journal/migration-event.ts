import { z } from 'zod';
import { tallySchema } from '../evidence/tally.ts';
import { featureSchema, segmentDefinitionSchema } from '../flags/feature.ts';

const stage = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('legacy') }),
  z.object({ kind: z.literal('shadow') }),
  z.object({ kind: z.literal('canary'), percent: z.number().min(0).max(100) }),
  z.object({ kind: z.literal('new') }),
  z.object({ kind: z.literal('retired') }),
]);
const who = { by: z.string(), reason: z.string() };

/** The gateway's events in topic `migration`, by action. */
export const migrationEvents = {
  /** Stream `route-NAME`. `from` is null for a route that was never moved and has no step in the plan. */
  'route-stage-changed': z.object({ route: z.string(), from: stage.nullable(), to: stage, ...who }),
  /** Stream `flag-NAME`. `feature` in the shape of Unleash's client API. */
  'flag-changed': z.object({ flag: z.string(), feature: featureSchema, ...who }),
  /** Stream `flag-NAME`. The flag is gone; a later `flag-changed` makes it anew. */
  'flag-archived': z.object({ flag: z.string(), ...who }),
  /** Stream `segment-NAME`. Its id is the one it had, else this event's offset. */
  'segment-changed': z.object({ segment: segmentDefinitionSchema, ...who }),
  /** Stream `segment-NAME`. */
  'segment-archived': z.object({ name: z.string(), id: z.int(), ...who }),
  /** Stream `evidence-ROUTE`. `delta` is what came in since the last such event of the same gateway. */
  'shadow-tallied': z.object({ route: z.string(), delta: tallySchema }),
  /** Stream `evidence-ROUTE`. What was tallied before tells nothing any more. */
  'shadow-reset': z.object({ route: z.string(), ...who }),
} as const;

export type MigrationAction = keyof typeof migrationEvents;
export type MigrationData<Action extends MigrationAction> = z.infer<(typeof migrationEvents)[Action]>;

/** Any of the gateway's events, read. */
export type MigrationEvent = { [A in MigrationAction]: { action: A; data: MigrationData<A> } }[MigrationAction];

/** Reads an event of topic `migration`; undefined when it is another part's, or not in the shape this version knows. */
export function readMigrationEvent({ action, data }: { action: string; data: unknown }): MigrationEvent | undefined {
  if (!Object.hasOwn(migrationEvents, action)) return undefined;
  const parsed = migrationEvents[action as MigrationAction].safeParse(data);
  return parsed.success ? ({ action, data: parsed.data } as MigrationEvent) : undefined;
}
