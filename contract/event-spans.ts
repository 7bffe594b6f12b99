import type { RecordedEvent } from './recorded-event.ts';

/** What of an event a span tells. */
export type TracedEvent = Pick<RecordedEvent, 'id' | 'action'> & {
  readonly meta: Pick<RecordedEvent['meta'], 'stream' | 'origin' | 'occurredAt'> & {
    readonly position?: string;
    readonly traceparent?: string;
  };
};

/**
 * Records what becomes of events as spans of the requests that caused them: those whose `traceparent` says that it is sampled, and no others. The
 * span of an append is the child of the request's, and that of a projection the child of the append's: its id follows from the event's, so
 * neither process has to tell the other. Times are milliseconds since the epoch.
 */
export interface EventSpans {
  /** A row change's event went to the log. */
  appended(event: TracedEvent, startTime: number, endTime: number): void;
  /** It was applied to a projection, together with others. */
  projected(event: TracedEvent, projection: string, startTime: number, endTime: number): void;
}
