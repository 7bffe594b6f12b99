import type { StreamAppend } from '../../contract/event-log.ts';
import type { JsonObject } from '../../contract/json.ts';
import type { NewEvent } from '../../contract/recorded-event.ts';
import type { ParkingReason } from '../errors.ts';

/** A change that was set aside, as it is kept on the log and shown. */
export interface ParkedChange {
  readonly id: string;
  readonly reason: ParkingReason;
  readonly detail: string;
  /** `mariadb:0-1-57`, or `initial-snapshot`. */
  readonly transaction: string;
  /** Which piece of its transaction it came in; 0 when that came whole. */
  readonly piece: number;
  /** Its place among the rows of its transaction, piece or chunk; below 0 for a write whose rows are unknown. */
  readonly index: number;
  readonly table?: string;
  /** `shipments/[17]`: the row, which together with the streams holds later changes back. */
  readonly row?: string;
  /** The streams that its events go to, as far as they can be told. */
  readonly streams: readonly string[];
  /** The request that its transaction belongs to, see EventMeta. */
  readonly group?: string;
  /** Id of the event in topic `parked` that has the step it came in. */
  readonly keptIn: string;
}

/** What a vain attempt to release a change finds out about it. */
export type Revision = Pick<ParkedChange, 'reason' | 'detail' | 'streams'>;

/** What a later change is held back by: one of the streams, or the row. */
export function groupsOf({ streams, row }: Pick<ParkedChange, 'streams' | 'row'>): readonly string[] {
  return row === undefined ? streams : [...streams, row];
}

/** Actions in topic `parked`. */
export const actions = {
  /** Changes of one step were set aside; the step is in the event. */
  parked: 'row-changes-parked',
  /** Its events are on the log, appended in the same step as this. */
  released: 'row-change-released',
  /** It will never be on the log; says why and by whom. */
  skipped: 'row-change-skipped',
  /** It was tried again in vain, and says why. */
  stillParked: 'row-change-still-parked',
  /** Somebody asks for changes to be tried again, or skipped. */
  asked: 'parked-changes-asked-for',
  /** What that came to. */
  answered: 'parked-changes-request-answered',
  /** One change with its images, as it was kept before whole steps were. */
  parkedAlone: 'row-change-parked',
} as const;

/** An event of topic `parked`, as an item of an append. */
export function parkingItem(bridge: string, event: Omit<NewEvent, 'meta'>, at: string): StreamAppend {
  const { data } = event;
  const meta = { schema: 1, occurredAt: at, origin: 'new' as const };
  return {
    topic: 'parked',
    stream: `parked-${bridge}`,
    expect: 'any',
    events: [{ ...event, data: { ...data, bridge }, meta }],
  };
}

/** The changes that an event `row-changes-parked` set aside. */
export function parkedIn(keptIn: string, { changes }: JsonObject): ParkedChange[] {
  return (changes as unknown as Omit<ParkedChange, 'keptIn'>[]).map((change) => ({ ...change, keptIn }));
}

/** The change that an event `row-change-parked` set aside. */
export function parkedAlone(id: string, data: JsonObject): ParkedChange {
  const { reason, detail, transaction, table, row, stream } = data as unknown as ParkedChange & { stream?: string };
  return {
    id,
    reason,
    detail,
    transaction,
    piece: 0,
    index: table === undefined || row === undefined ? -1 : 0,
    ...(table === undefined ? {} : { table }),
    ...(row === undefined ? {} : { row }),
    streams: stream === undefined ? [] : [stream],
    keptIn: id,
  };
}
