import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { EventLog, StreamAppend } from '../../contract/event-log.ts';
import type { JsonObject } from '../../contract/json.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';

const wishSchema = z.object({
  /** Absent: all that are imported. */
  tables: z.array(z.string()).nonempty().optional(),
  /** Give up what the binlog would still have told, when the bridge starts: it may not be there any more. */
  fromNow: z.boolean(),
  /** Who asks. */
  by: z.string(),
});

/** What somebody wants read again. */
export type SnapshotWish = z.infer<typeof wishSchema>;

/** A wish as it stands on the log. */
export interface SnapshotRequest extends SnapshotWish {
  readonly id: string;
}

/** What a request came to. */
export interface SnapshotAnswer {
  /** Read again, whole. */
  readonly tables: readonly string[];
  /** Rows that nobody had been told of, that were not as they had been told, and that were not there any more. */
  readonly imported: number;
  readonly corrected: number;
  readonly gone: number;
  /** Parked writes whose rows were unknown, and are told now. */
  readonly resolved: number;
  /** Table → why it was not read again. */
  readonly refused: Readonly<Record<string, string>>;
}

/** Actions in topic `parked`, in a stream of their own. */
const actions = { asked: 'snapshot-asked-for', answered: 'snapshot-request-answered' } as const;

/**
 * Puts a wish on the log, where the bridge finds it: at once, or when it is started. Gives the request's id, which is the parent of
 * the answer.
 */
export async function askForSnapshot(log: EventLog, bridge: string, wish: SnapshotWish): Promise<string> {
  const id = randomUUID();
  await log.append('parked', [item(bridge, id, id, actions.asked, wish as unknown as JsonObject)]);
  return id;
}

/** The answer to a request, as an item of an append. */
export function answered(bridge: string, { id }: SnapshotRequest, answer: SnapshotAnswer): StreamAppend {
  return item(bridge, randomUUID(), id, actions.answered, answer as unknown as JsonObject);
}

/** What was asked for and not answered yet, in the order of asking. */
export async function openRequests(log: EventLog, bridge: string): Promise<SnapshotRequest[]> {
  const open = new Map<string, SnapshotRequest>();
  for (const { id, parent, action, data } of await log.readStream('parked', streamOf(bridge))) {
    if (action === actions.asked) open.set(id, { ...wishSchema.parse(data), id });
    else open.delete(parent);
  }
  return [...open.values()];
}

/** Resolves to the answer to a request; undefined when `signal` aborts first. */
export async function snapshotAnswer(
  log: EventLog,
  request: string,
  after: number,
  signal: AbortSignal,
): Promise<SnapshotAnswer | undefined> {
  for await (const batch of log.follow('parked', after, signal)) {
    const answer = batch.find(({ action, parent }) => action === actions.answered && parent === request);
    if (!answer) continue;
    const { bridge: _bridge, ...counts } = answer.data;
    return counts as unknown as SnapshotAnswer;
  }
  return undefined;
}

/** Whether an event of topic `parked` asks for a snapshot of this bridge. */
export function asksForSnapshot({ action, meta }: RecordedEvent, bridge: string): boolean {
  return action === actions.asked && meta.stream === streamOf(bridge);
}

function streamOf(bridge: string): string {
  return `snapshots-${bridge}`;
}

function item(bridge: string, id: string, parent: string, action: string, data: JsonObject): StreamAppend {
  const meta = { schema: 1, occurredAt: new Date().toISOString(), origin: 'new' as const };
  const event = { id, parent, action, data: { ...data, bridge }, meta };
  return { topic: 'parked', stream: streamOf(bridge), expect: 'any', events: [event] };
}
