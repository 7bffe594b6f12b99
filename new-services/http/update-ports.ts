import type { EventLog } from '../../contract/event-log.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import type { ServicesTelemetry } from '../telemetry.ts';

/** What both transports of /update work with. */
export interface UpdatePorts {
  readonly log: EventLog;
  readonly upcast: (event: RecordedEvent) => RecordedEvent;
  readonly telemetry: ServicesTelemetry;
  /** Aborts when the services stop. */
  readonly stopping: AbortSignal;
  readonly pace: UpdatePace;
}

/** How long clients of /update may be silent. */
export interface UpdatePace {
  /** Between two signs of life on a quiet connection; proxies cut silent ones, often after 30 s or 60 s. */
  readonly heartbeatMs: number;
  /** How long a client may leave what was sent to it unread. Nothing is read from the log for it meanwhile, so it costs no memory. */
  readonly stallMs: number;
}

export const usualPace: UpdatePace = { heartbeatMs: 15_000, stallMs: 30_000 };
