import type { DomainEvent } from './envelope.ts';
import type { LogAddress } from './log-address.ts';

/** Who made an event: the initial snapshot, a later row change in the legacy database, or the new side itself. */
export type Origin = 'legacy-seed' | 'legacy-cdc' | 'new';

/** What a writer knows about an event and the log keeps beside it. */
export interface EventMeta {
  /** Version of the payload's schema; upcasters bring older ones to the current. Starts at 1. */
  readonly schema: number;
  /** When it happened at its source, ISO 8601 in UTC. For a row change: the commit's time in the legacy database. */
  readonly occurredAt: string;
  readonly origin: Origin;
  /** Source position of the row change (`contract/source-position.ts`), absent for events of the new side. */
  readonly position?: string;
  /** W3C traceparent of the request that caused it, where known. */
  readonly traceparent?: string;
  /** Names the request, or the like, that several transactions of the legacy database belong to, where that could be told. */
  readonly group?: string;
}

/** An event to be appended. */
export interface NewEvent extends DomainEvent {
  readonly meta: EventMeta;
}

/** An event as the log gives it back: with its stream, its version in that stream and its address in the topic. */
export interface RecordedEvent extends DomainEvent {
  readonly meta: EventMeta & {
    readonly stream: string;
    /** Version within the stream: the first event has 1, gapless. */
    readonly version: number;
    /** When the log stored it, ISO 8601 in UTC. */
    readonly recordedAt: string;
    readonly address: LogAddress;
  };
}
