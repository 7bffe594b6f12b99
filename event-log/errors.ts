import { LogError } from '../contract/event-log.ts';
import type { Lease } from '../contract/lease.ts';
import { formatLogAddress, type LogAddress } from '../contract/log-address.ts';

/** What each code of LogError means, and what the operator should do. Mirrored by docs/errors.md. */
export const logErrors: Record<LogError['code'], { readonly title: string; readonly remedy: string }> = {
  'event-id-reused': {
    title: 'An event id came a second time with another payload, or only part of an append was there already.',
    remedy: 'Two writers derive the same id from different facts: find both in the message and correct the mapping.',
  },
  'log-unavailable': {
    title: 'The store could not be read or written: disk full, read-only, locked for too long, deleted, or closed.',
    remedy: 'See the cause. Nothing unacknowledged is half-written; appending again with the same ids is safe.',
  },
  'log-format-newer': {
    title: 'The log was written by a later version of this program.',
    remedy: 'Run that version or a later one, or point `log` at another file.',
  },
  'log-behind': {
    title:
      "A reader asked for events after a position that the log has not reached: the log is older than the reader's position.",
    remedy:
      'The log was replaced or restored from a backup. Restore the right one, or rebuild the reader from the start.',
  },
  'log-trimmed': {
    title: 'A reader asked for events that the topic no longer keeps.',
    remedy: 'Read from the tail named in the message on, or keep more: legacy.database.keepRowChanges.',
  },
  fenced: {
    title: 'A writer was replaced: another has taken its lease.',
    remedy:
      'Nothing was written. Find out why two run, or why the first stood still for longer than its lease; then start it again.',
  },
  'generation-changed': {
    title:
      'The generation of domain streams that was meant is not the current one any more, or not the one being built.',
    remedy: 'Nothing was written. Read the current generation from its start: strangler cdc status says which it is.',
  },
  'not-a-log': {
    title: 'The file is not an event log of this program.',
    remedy: 'Point `log` at another path; the file was left as it is.',
  },
};

/** The reader stands before the first event that is kept. */
export function logTrimmed(tail: LogAddress, after: number): LogError {
  const found = formatLogAddress(tail);
  const expected = formatLogAddress({ ...tail, offset: after });
  return new LogError(
    'log-trimmed',
    `event log: found everything up to ${found} trimmed, expected ${expected} to be kept`,
  );
}

/** The lease has passed on; `found` is the newest epoch there is. */
export function fenced({ name, epoch }: Lease, found: number, holder: string): LogError {
  const by = holder === '' ? '' : ` held by ${holder}`;
  return new LogError('fenced', `event log: lease ${name}: found epoch ${found}${by}, expected ${epoch}`);
}

/** What was asked of one generation of topic `domain` holds of another. */
export function generationChanged(found: string, expected: string): LogError {
  return new LogError('generation-changed', `event log: topic domain: found ${found}, expected ${expected}`);
}

/** The store failed; `what` says how and the cause has the system's own words. */
export function unavailable(path: string, what: string, cause?: unknown): LogError {
  return new LogError('log-unavailable', `event log ${path}: ${what}`, { cause });
}

/** A file of another program; it was not touched. */
export function notALog(path: string, found: string, cause?: unknown): LogError {
  return new LogError('not-a-log', `event log ${path}: found ${found}, expected an event log or no file`, { cause });
}

export function formatNewer(path: string, found: number, supported: number): LogError {
  return new LogError('log-format-newer', `event log ${path}: found format ${found}, expected at most ${supported}`);
}

/** The reader stands beyond the log's end. */
export function logBehind(head: LogAddress, after: number): LogError {
  const found = formatLogAddress(head);
  const expected = formatLogAddress({ ...head, offset: after });
  return new LogError('log-behind', `event log: found its head at ${found}, expected ${expected} or later`);
}
