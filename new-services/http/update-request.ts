import type { IncomingMessage } from 'node:http';
import type { EventLog } from '../../contract/event-log.ts';
import { formatLogAddress, generationOf, type LogAddress } from '../../contract/log-address.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import { ServicesError } from '../errors.ts';
import { domainPosition } from './consistency.ts';

/** What a client of /update wants: the events after a place, all or some. */
export interface UpdateRequest {
  /** In the current generation of topic `domain`. */
  readonly after: LogAddress;
  wants(event: RecordedEvent): boolean;
}

/**
 * Reads `?after=` or Last-Event-ID (which wins: a reconnecting EventSource repeats the old URL), `?stream=` and `?action=`, each of which may
 * be repeated. Without a place it starts at the head. Throws `malformed-position`, `not-yet-at-position` for a place beyond the head: then
 * the log is not the one that the client has seen; or `position-of-another-generation`.
 */
export async function readUpdateRequest(log: EventLog, request: IncomingMessage, url: URL): Promise<UpdateRequest> {
  const head = await log.head('domain');
  const after = placeAsked(request, url) ?? head;
  requireSameGeneration(after, head);
  if (after.offset > head.offset) {
    throw new ServicesError(
      'not-yet-at-position',
      `found ${formatLogAddress(head)} as the log's head, expected at least the place to resume from, ${formatLogAddress(after)}`,
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

/** What was said in one generation is said in another order in the next: nobody can tell what a client has missed there. */
function requireSameGeneration(after: LogAddress, head: LogAddress): void {
  if (generationOf(after) === generationOf(head)) return;
  throw new ServicesError(
    'position-of-another-generation',
    `found ${formatLogAddress(head)} as the log's head, expected it in the generation to resume in, that of ${formatLogAddress(after)}`,
  );
}

function placeAsked(request: IncomingMessage, url: URL) {
  const lastEventId = request.headers['last-event-id'];
  if (typeof lastEventId === 'string' && lastEventId !== '') return domainPosition(lastEventId, 'last-event-id');
  const after = url.searchParams.get('after');
  return after === null ? undefined : domainPosition(after, '?after');
}
