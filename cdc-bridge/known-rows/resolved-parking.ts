import { derivedId } from '../../contract/event-id.ts';
import type { StreamAppend } from '../../contract/event-log.ts';
import type { ParkingReason } from '../errors.ts';
import { actions, type ParkedChange, parkingItem } from '../parking/parked-change.ts';
import type { SnapshotRequest } from './snapshot-request.ts';

/** Writes whose rows are unknown: reading the tables again tells what they came to. */
const unknownRows: ReadonlySet<ParkingReason> = new Set<ParkingReason>([
  'statement-format',
  'table-cleared',
  'undecodable-table',
  'xa-prepared-before',
]);

/** Of the changes that were parked before tables were read again, those that nothing is left to know of. */
export function resolvedBySnapshot(
  parked: readonly ParkedChange[],
  tables: readonly string[],
  areAll: boolean,
): ParkedChange[] {
  const isRead = (table: string) => tables.includes(table) || (table === '*' && areAll);
  return parked.filter(({ reason, index, table }) => {
    if (index >= 0 || !unknownRows.has(reason)) return false;
    return table === undefined ? areAll : table.split(', ').every(isRead);
  });
}

/** What says on the log that parked changes are settled. */
export function resolvingNotes(
  bridge: string,
  { id: request, by }: SnapshotRequest,
  resolved: readonly ParkedChange[],
): StreamAppend[] {
  const at = new Date().toISOString();
  return resolved.map(({ id }) => {
    const data = { change: id, reason: `the tables were read again: snapshot ${request}`, by };
    return parkingItem(
      bridge,
      { id: derivedId(bridge, actions.skipped, id), parent: id, action: actions.skipped, data },
      at,
    );
  });
}
