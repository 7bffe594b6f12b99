import type { JsonObject } from '../../contract/json.ts';
import { domainAddress, type LogAddress, type Topic } from '../../contract/log-address.ts';
import type { NewEvent, Origin, RecordedEvent } from '../../contract/recorded-event.ts';

/** A topic as the file names it: here `domain` is the first generation of topic `domain`, the others are topics of their own. */
export type StoredTopic = Topic | `domain.${number}`;

/** A row of table `event`; `data` is JSON text. */
export interface StoredEvent {
  readonly topic: StoredTopic;
  readonly offset: number;
  readonly id: string;
  readonly parent: string;
  readonly stream: string;
  readonly version: number;
  readonly action: string;
  readonly data: string;
  readonly schema: number;
  readonly occurred_at: string;
  readonly recorded_at: string;
  readonly origin: Origin;
  readonly position: string | null;
  readonly traceparent: string | null;
  readonly group_id: string | null;
}

/** The place in the log of the event that this row holds. */
export function addressOf({ topic, offset }: Pick<StoredEvent, 'topic' | 'offset'>): LogAddress {
  if (topic.startsWith('domain.')) return domainAddress(Number(topic.slice('domain.'.length)), offset);
  return { topic: topic as Topic, partition: 0, offset };
}

/** The topic that a generation is in the file. */
export function storedGeneration(number: number): StoredTopic {
  return number === 1 ? 'domain' : `domain.${number}`;
}

/** Where an event is stored, and when. */
export type Place = Pick<StoredEvent, 'topic' | 'offset' | 'stream' | 'version' | 'recorded_at'>;

/** The columns of table `event`, in the order of `storedValues`. */
export const storedColumns = [
  'topic',
  'offset',
  'id',
  'parent',
  'stream',
  'version',
  'action',
  'data',
  'schema',
  'occurred_at',
  'recorded_at',
  'origin',
  'position',
  'traceparent',
  'group_id',
] as const satisfies readonly (keyof StoredEvent)[];

/** The row of a new event at its place. Optimization: an array, since parameters that are bound by name cost as much as the insert itself. */
export function storedValues(event: NewEvent, place: Place): (string | number | null)[] {
  const { schema, occurredAt, origin, position = null, traceparent = null, group = null } = event.meta;
  return [
    place.topic,
    place.offset,
    event.id,
    event.parent,
    place.stream,
    place.version,
    event.action,
    JSON.stringify(event.data),
    schema,
    occurredAt,
    place.recorded_at,
    origin,
    position,
    traceparent,
    group,
  ];
}

/** The event of a row, as the port gives it back. */
export function toRecorded(row: StoredEvent): RecordedEvent {
  return {
    id: row.id,
    parent: row.parent,
    action: row.action,
    data: JSON.parse(row.data) as JsonObject,
    meta: {
      schema: row.schema,
      occurredAt: row.occurred_at,
      origin: row.origin,
      ...(row.position !== null && { position: row.position }),
      ...(row.traceparent !== null && { traceparent: row.traceparent }),
      ...(row.group_id !== null && { group: row.group_id }),
      stream: row.stream,
      version: row.version,
      recordedAt: row.recorded_at,
      address: addressOf(row),
    },
  };
}
