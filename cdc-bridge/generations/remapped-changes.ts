import type { Mapped, Mapping } from '../mapping/mapping.ts';
import type { RequestGroups } from '../mapping/request-groups.ts';
import type { TransactionStep } from '../row-changes/raw-transaction.ts';
import { type Addressed, changeEvent } from '../streaming/legacy-event.ts';
import type { SettledChanges } from './settled-changes.ts';

/** A kept change that a mapping would set aside. */
export interface UnclearChange {
  readonly transaction: string;
  readonly table: string;
  readonly reason: string;
  readonly detail: string;
}

/** What kept transactions are mapped again by. */
export interface RemappingPorts {
  readonly bridge: string;
  readonly mapping: Mapping;
  readonly groups: RequestGroups;
  readonly settled: SettledChanges;
}

/**
 * The events of a kept transaction, with the ids that the writer would have given them; what was skipped stays skipped. `unclear` is told of each
 * change that would be parked.
 */
export function remapped(
  { bridge, mapping, groups, settled }: RemappingPorts,
  transaction: TransactionStep,
  unclear: (change: UnclearChange) => void,
): Addressed[] {
  const { name, rows, covered, piece, unsettled } = transaction;
  const all = mapping.of(rows, piece === undefined);
  const groupIds = groups.assign(transaction, rows, (index) => rowName(all[index]!));
  const events: Addressed[] = [];
  for (const [index, mapped] of all.entries()) {
    const change = rows[index]!;
    const settlement = settled.of(name, change);
    if (covered?.has(change) || settlement === 'skipped') continue;
    const objection =
      settlement === 'released' && mapped.kind === 'mapped' ? undefined : objectionTo(mapped, unsettled);
    if (objection) unclear({ transaction: name, table: change.table, ...objection });
    else if (mapped.kind === 'mapped')
      for (const event of mapped.events) events.push(changeEvent(bridge, transaction, change, event, groupIds[index]));
  }
  return events;
}

function objectionTo(
  mapped: Mapped,
  unsettled: string | undefined,
): Pick<UnclearChange, 'reason' | 'detail'> | undefined {
  if (mapped.kind === 'unclear') return { reason: mapped.reason, detail: mapped.detail };
  if (mapped.kind === 'mapped' && unsettled !== undefined)
    return { reason: 'unsettled-transaction', detail: unsettled };
  return undefined;
}

function rowName(mapped: Mapped): string | undefined {
  return mapped.kind === 'mapped' || mapped.kind === 'unclear' ? mapped.row : undefined;
}
