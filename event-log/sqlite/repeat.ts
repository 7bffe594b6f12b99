import { LogError, type StreamAppend } from '../../contract/event-log.ts';
import { canonicalJson, type JsonObject } from '../../contract/json.ts';
import { formatLogAddress, type History } from '../../contract/log-address.ts';
import type { NewEvent } from '../../contract/recorded-event.ts';
import { addressOf, type StoredEvent } from './stored-event.ts';

/** Throws LogError `event-id-reused` when an id comes twice in one append: the log could not answer both. */
export function refuseRepeatedIds(topic: History, batch: readonly StreamAppend[]): void {
  const seen = new Set<string>();
  for (const event of batch.flatMap((item) => item.events)) {
    if (seen.has(event.id)) {
      throw reused(`${topic}: found event id ${event.id} twice in one append, expected each id once`);
    }
    seen.add(event.id);
  }
}

/**
 * Recognises an item that is in the log already: `known` has for each of its events the stored row with that id, if any.
 * The rows when all are there with the same payload, undefined when none is there.
 *
 * The same payload means the same `parent`, `action`, `data` and stream, compared as canonical JSON. The rest of `meta` may differ, since
 * a source read again after a restart may tell another position, time or traceparent of the same fact; what was stored first stays.
 *
 * Throws LogError `event-id-reused` when a payload differs, and when some ids of the item are there and others are not: then it is
 * neither a repeat nor new.
 */
export function asRepeat(
  topic: History,
  item: StreamAppend,
  known: readonly (StoredEvent | undefined)[],
): readonly StoredEvent[] | undefined {
  const rows = known.filter((row) => row !== undefined);
  if (rows.length === 0) return undefined;
  item.events.forEach((event, index) => {
    const row = known[index];
    if (row) refuseOtherPayload(item.stream, event, row);
  });
  if (rows.length === item.events.length) return rows;
  throw reused(
    `${topic}, stream ${item.stream}: found ${rows.length} of the ${item.events.length} event ids of one append in the log already ` +
      `(${rows[0]!.id} at ${formatLogAddress(addressOf(rows[0]!))}), expected all of them or none`,
  );
}

function refuseOtherPayload(stream: string, event: NewEvent, row: StoredEvent): void {
  const differing = [
    stream !== row.stream && 'stream',
    event.parent !== row.parent && 'parent',
    event.action !== row.action && 'action',
    !sameData(JSON.stringify(event.data), row.data) && 'data',
  ].filter((name) => name !== false);
  if (differing.length === 0) return;
  throw reused(
    `${row.topic}: found event id ${event.id} at ${formatLogAddress(addressOf(row))} as ${row.action} in stream ${row.stream} ` +
      `with another ${differing.join(' and ')}, expected the same payload (${event.action} in stream ${stream}) or an id of its own`,
  );
}

function sameData(given: string, stored: string): boolean {
  return given === stored || canonicalText(given) === canonicalText(stored);
}

function canonicalText(text: string): string {
  return canonicalJson(JSON.parse(text) as JsonObject);
}

function reused(message: string): LogError {
  return new LogError('event-id-reused', message);
}
