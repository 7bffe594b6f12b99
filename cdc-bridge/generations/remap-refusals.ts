import type { EventLog } from '../../contract/event-log.ts';
import { formatLogAddress, historyOf, type LogAddress } from '../../contract/log-address.ts';
import { BridgeError } from '../errors.ts';
import { ParkedChanges } from '../parking/parked-changes.ts';
import { differing, type MappingRecord } from './mapping-record.ts';
import type { RowChangesPlace } from './recorded-places.ts';

const pageSize = 500;

/**
 * Refuses what mapping kept row changes again could not do rightly: changes that are parked; imports by another rule, whose rows are not kept; rows
 * that were kept behind another shield; and joins with tables whose rows were not kept. Throws BridgeError `remap-refused` with all of it.
 */
export async function requireRemappable(
  log: EventLog,
  bridge: string,
  made: MappingRecord | undefined,
  wanted: MappingRecord,
): Promise<void> {
  if (!made) {
    refuse(['no bridge has said yet by which mapping the current generation is made: start it once with that mapping']);
    return;
  }
  const { count } = await ParkedChanges.load(log, bridge);
  const kept = new Set(made.kept);
  const joined = wanted.kept.filter((table) => !kept.has(table) && !isMapped(wanted, table));
  const shields = differing(made.shields, wanted.shields).filter((table) => kept.has(table));
  const imports = differing(made.imports, wanted.imports).filter((table) => table in made.imports);
  refuse([
    ...(count > 0 ? [`${count} row changes are parked: retry or skip them first, see strangler cdc parked`] : []),
    ...(imports.length > 0
      ? [
          `imported rows are not kept, so their events cannot be made anew: leave the rules of op r, key, stream and columns of ${imports.join(', ')} as they were`,
        ]
      : []),
    ...(shields.length > 0
      ? [
          `the row changes of ${shields.join(', ')} were kept with other columns excluded, masked or hashed: leave those as they were`,
        ]
      : []),
    ...(joined.length > 0 ? [`row changes of ${joined.join(', ')}, which is joined now, were not kept`] : []),
  ]);
}

function isMapped({ rules }: MappingRecord, table: string): boolean {
  return Object.keys(rules).some((rule) => rule === table || rule.startsWith(`${table}.`));
}

/**
 * Refuses a history behind `from` with events of row changes that are no longer kept, and kept row changes that do not reach back to
 * `needed`: the transactions that are gone may have given events, or should now.
 */
export async function requireKept(
  log: EventLog,
  from: LogAddress,
  needed: number,
  places: ReadonlyMap<string, RowChangesPlace>,
): Promise<void> {
  const tail = await log.tail('row-changes');
  const gone = await positionsNotKept(log, from, places);
  const isTrimmed = tail.offset > Math.max(needed, 0);
  if (gone.length === 0 && !isTrimmed) return;
  const events =
    gone.length === 0
      ? 'none of the events is of them'
      : `${gone.length} events are of them, from ${gone[0]} to ${gone.at(-1)}`;
  const trimmed = isTrimmed ? `those up to ${formatLogAddress(tail)} were trimmed, ` : '';
  refuse([
    `not all row changes are kept (${trimmed}${events}): keep more by legacy.database.keepRowChanges, or carry the events of before over as they are by --carry-old`,
  ]);
}

async function positionsNotKept(
  log: EventLog,
  from: LogAddress,
  places: ReadonlyMap<string, RowChangesPlace>,
): Promise<string[]> {
  const gone: string[] = [];
  for (let after = from.offset; ; ) {
    const page = await log.read(historyOf(from), after, pageSize);
    for (const { meta } of page)
      if (meta.origin === 'legacy-cdc' && !places.has(meta.position ?? '')) gone.push(meta.position ?? 'unknown');
    if (page.length < pageSize) return gone;
    after = page.at(-1)!.meta.address.offset;
  }
}

function refuse(reasons: readonly string[]): void {
  if (reasons.length > 0) throw new BridgeError('remap-refused', reasons.join('; '));
}
