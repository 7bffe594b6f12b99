import type { EventLog } from '../../contract/event-log.ts';
import { type PlacedTransaction, placedTransactions } from '../row-changes/kept-row-changes.ts';

/** A place in topic `row-changes`: an event, and which of the transactions that share it. */
export type RowChangesPlace = Pick<PlacedTransaction, 'offset' | 'index'>;

export const beforeAll: RowChangesPlace = { offset: 0, index: -1 };

export function isBehind(one: RowChangesPlace, other: RowChangesPlace): boolean {
  return one.offset > other.offset || (one.offset === other.offset && one.index > other.index);
}

/**
 * Where each transaction is kept that is kept whole, by its name; of one that came in pieces where the last piece is. Holds the names of all that
 * are kept in memory.
 */
export async function recordedPlaces(log: EventLog, bridge: string): Promise<ReadonlyMap<string, RowChangesPlace>> {
  const places = new Map<string, RowChangesPlace>();
  for await (const { offset, index, transaction } of placedTransactions(log, bridge)) {
    const { name, piece } = transaction;
    const hasItsFront = (piece?.index ?? 0) === 0 || places.has(name);
    if (hasItsFront) places.set(name, { offset, index });
  }
  return places;
}
