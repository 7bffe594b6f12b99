import type { EventLog } from '../../contract/event-log.ts';
import { strangler } from '../../contract/headers.ts';
import { formatLogAddress, isAtOrAfter, type LogAddress, parseLogAddress } from '../../contract/log-address.ts';
import type { Database } from '../../runtime/sqlite.ts';
import { ServicesError } from '../errors.ts';
import type { RunningProjection } from '../event-sourcing/run-projection.ts';
import type { Exchange } from './exchange.ts';

/** Reads at a position: how up to date an answer is, and how up to date its reader wants it. */
export interface ConsistentReads {
  readonly view: RunningProjection;
  /** How long a read waits for its position. */
  readonly waitMs: number;
}

/**
 * Runs queries on rows that include everything up to the request's `strangler-at-least`, and tells their position in the answer's
 * `strangler-position`. Rows of a later generation of topic `domain` include every place of the ones before. Throws `malformed-position`, or `not-yet-at-position` after the wait.
 */
export async function readConsistently<T>(
  { request, response }: Exchange,
  { view, waitMs }: ConsistentReads,
  query: (database: Database) => T,
): Promise<T> {
  const wanted = wantedPosition(request.headers[strangler.atLeast]);
  const reached = wanted === undefined || (await view.waitFor(wanted, waitMs));
  if (wanted && !reached) {
    response.setHeader(strangler.position, formatLogAddress(view.position()));
    throw notYetAt(wanted, view.position());
  }
  const { position, rows } = view.read(query);
  response.setHeader(strangler.position, formatLogAddress(position));
  return rows;
}

/** The same for an answer that is taken from the log itself: it is at the log's head. */
export async function readFromLog<T>(
  { request, response }: Exchange,
  log: EventLog,
  read: () => Promise<T>,
): Promise<T> {
  const wanted = wantedPosition(request.headers[strangler.atLeast]);
  const head = await log.head('domain');
  response.setHeader(strangler.position, formatLogAddress(head));
  if (wanted && !isAtOrAfter(head, wanted)) throw notYetAt(wanted, head);
  return read();
}

/** A position in topic `domain` as a client sent it. Throws `malformed-position`. */
export function domainPosition(text: string, where: string): LogAddress {
  const position = parsePosition(text, where);
  if (position.topic === 'domain' && position.partition === 0) return position;
  throw new ServicesError(
    'malformed-position',
    `${where}: found "${formatLogAddress(position)}", expected a place in partition 0 of topic domain, such as domain/0/1234`,
  );
}

function wantedPosition(header: string | string[] | undefined): LogAddress | undefined {
  return header === undefined ? undefined : domainPosition(String(header), strangler.atLeast);
}

function parsePosition(text: string, where: string): LogAddress {
  try {
    return parseLogAddress(text);
  } catch (cause) {
    throw new ServicesError('malformed-position', `${where}: ${(cause as RangeError).message}`, { cause });
  }
}

function notYetAt(wanted: LogAddress, reached: LogAddress): ServicesError {
  const position = formatLogAddress(reached);
  return new ServicesError('not-yet-at-position', `found ${position}, expected at least ${formatLogAddress(wanted)}`, {
    facts: { position },
  });
}
