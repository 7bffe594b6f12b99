import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { EventLog } from '../../contract/event-log.ts';
import type { JsonObject } from '../../contract/json.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import { actions, type ParkedChange, parkingItem } from './parked-change.ts';

/** Which parked changes somebody means. */
const selectionSchema = z.union([
  z.strictObject({ ids: z.array(z.string()).nonempty() }),
  z.strictObject({ stream: z.string() }),
  z.strictObject({ all: z.literal(true) }),
]);

export type Selection = z.infer<typeof selectionSchema>;

export function isSelected({ id, streams }: ParkedChange, selection: Selection): boolean {
  if ('ids' in selection) return selection.ids.includes(id);
  return 'all' in selection || streams.includes(selection.stream);
}

const wishSchema = z.object({
  what: z.enum(['retry', 'skip']),
  selection: selectionSchema,
  /** Why they may be skipped. */
  reason: z.string().optional(),
  /** Who asks. */
  by: z.string(),
});

/** What somebody wants done with parked changes. */
export type ParkingWish = z.infer<typeof wishSchema>;

/** A wish as it stands on the log. */
export interface ParkingRequest extends ParkingWish {
  readonly id: string;
  /** ISO 8601 in UTC. */
  readonly at: string;
}

/** What a request came to: how many changes went, and how many of those that were meant are parked still. */
export interface ParkingAnswer {
  readonly released: number;
  readonly skipped: number;
  readonly stillParked: number;
}

/**
 * Puts a wish on the log, where the bridge finds it: at once, or when it is started again. Gives the request's id, which is the parent of
 * the answer.
 */
export async function askFor(log: EventLog, bridge: string, wish: ParkingWish): Promise<string> {
  const id = randomUUID();
  const data = wish as unknown as JsonObject;
  const at = new Date().toISOString();
  await log.append('parked', [parkingItem(bridge, { id, parent: id, action: actions.asked, data }, at)]);
  return id;
}

/** Resolves to the answer to a request; undefined when `signal` aborts first. */
export async function answerTo(
  log: EventLog,
  request: string,
  after: number,
  signal: AbortSignal,
): Promise<ParkingAnswer | undefined> {
  for await (const batch of log.follow('parked', after, signal)) {
    const answer = batch.find(({ action, parent }) => action === actions.answered && parent === request);
    if (answer) return answer.data as unknown as ParkingAnswer;
  }
  return undefined;
}

/** The request that an event `parked-changes-asked-for` holds. Throws a ZodError when it is none. */
export function parkingRequest({ id, data, meta }: Pick<RecordedEvent, 'id' | 'data' | 'meta'>): ParkingRequest {
  return { ...wishSchema.parse(data), id, at: meta.recordedAt };
}
