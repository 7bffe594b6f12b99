import { derivedId } from '../../contract/event-id.ts';
import type { StreamAppend } from '../../contract/event-log.ts';
import type { NewEvent } from '../../contract/recorded-event.ts';
import type { MappedEvent } from '../mapping/mapping.ts';
import type { RowChange } from '../mapping/row-change.ts';
import type { SourceTransaction } from '../source/change-source.ts';
import type { SnapshotChunk } from '../source/initial-snapshot/snapshot-chunk.ts';

/** An event and the stream it goes to. */
export interface Addressed {
  readonly stream: string;
  readonly event: NewEvent;
  /** Set where a repeat may be cut elsewhere, so that this event is to be joined with no other. */
  readonly alone?: boolean;
}

/** The event of a row change. Its id and all it says follow from the binlog alone, so a repeat is the same event. */
export function changeEvent(
  bridge: string,
  { name, gtid, committedAt, piece }: SourceTransaction,
  { pos, row, traceparent }: RowChange,
  { action, rule, schema, op, stream, data }: MappedEvent,
  group?: string,
): Addressed {
  return {
    stream,
    alone: piece !== undefined,
    event: {
      id: derivedId(bridge, gtid, pos, row, op, rule),
      parent: name,
      action,
      data,
      meta: {
        schema,
        occurredAt: committedAt,
        origin: 'legacy-cdc',
        position: name,
        ...(traceparent ? { traceparent } : {}),
        ...(group === undefined ? {} : { group }),
      },
    },
  };
}

/** The event of a row of a snapshot, of the one at `index`; `occurredAt` is when the snapshot was taken. */
export function importEvent(
  bridge: string,
  { table, position, takenAt, known }: SnapshotChunk,
  mapped: MappedEvent,
  index: number,
): Addressed {
  const { key, rule, op } = mapped;
  const isCorrection = op === 'r' && known?.[index] === true;
  return {
    stream: mapped.stream,
    event: {
      id: known ? derivedId(bridge, 'snapshot', position, table, key, op, rule) : importId(bridge, table, key, rule),
      parent: position,
      action: isCorrection ? correctedAction(mapped.action) : mapped.action,
      data: mapped.data,
      meta: { schema: mapped.schema, occurredAt: takenAt, origin: 'legacy-seed', position },
    },
  };
}

/** `shipment-imported` → `shipment-corrected`. */
function correctedAction(action: string): string {
  return `${action.replace(/-imported$/, '')}-corrected`;
}

/** A row is imported once in the life of a bridge, whenever and however often snapshots run. */
export function importId(bridge: string, table: string, key: string, rule: string): string {
  return derivedId(bridge, 'initial-snapshot', table, key, rule);
}

/**
 * Events in their order, neighbours of one stream and transaction appended together. Never of two transactions: a repeat may be cut elsewhere
 * (a second bridge on the same log), and then some ids of an append would be there and others not. For the same reason never in a transaction
 * that comes in pieces.
 */
export function toAppends(events: readonly Addressed[]): StreamAppend[] {
  const appends: { stream: string; expect: 'any'; events: [NewEvent, ...NewEvent[]] }[] = [];
  for (const { stream, event, alone } of events) {
    const last = appends.at(-1);
    if (!alone && last?.stream === stream && last.events[0].parent === event.parent) last.events.push(event);
    else appends.push({ stream, expect: 'any', events: [event] });
  }
  return appends;
}
