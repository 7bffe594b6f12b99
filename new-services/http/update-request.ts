import type { IncomingMessage } from 'node:http';
import type { EventLog } from '../../contract/event-log.ts';
import { formatLogAddress } from '../../contract/log-address.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import { ServicesError } from '../errors.ts';
import { domainPosition } from './consistency.ts';

/** What a client of /update wants: the events after a place, all or some. */
export interface UpdateRequest {
  /** Offset in topic `domain`. */
  readonly after: number;
  wants(event: RecordedEvent): boolean;
}

/**
 * Reads `?after=` or Last-Event-ID (which wins: a reconnecting EventSource repeats the old URL), `?stream=` and `?action=`, each of which may
 * be repeated. Without a place it starts at the head. Throws `malformed-position`, or `not-yet-at-position` for a place beyond the head: then
 * the log is not the one that the client has seen.
 */
export async function readUpdateRequest(log: EventLog, request: IncomingMessage, url: URL): Promise<UpdateRequest> {
  const head = await log.head('domain');
  const after = placeAsked(request, url)?.offset ?? head.offset;
  if (after > head.offset) {
    throw new ServicesError(
      'not-yet-at-position',
      `found ${formatLogAddress(head)} as the log's head, expected at least the place to resume from, domain/0/${after}`,
    );
  }
  const streams = new Set(url.searchParams.getAll('stream'));
  const actions = new Set(url.searchParams.getAll('action'));
  return {
    after,
    wants: ({ action, meta }) =>
      (streams.size === 0 || streams.has(meta.stream)) && (actions.size === 0 || actions.has(action)),
  };
}

function placeAsked(request: IncomingMessage, url: URL) {
  const lastEventId = request.headers['last-event-id'];
  if (typeof lastEventId === 'string' && lastEventId !== '') return domainPosition(lastEventId, 'last-event-id');
  const after = url.searchParams.get('after');
  return after === null ? undefined : domainPosition(after, '?after');
}
