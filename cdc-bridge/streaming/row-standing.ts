import type { Row, RowChange } from '../mapping/row-change.ts';
import type { KeyOrder, Place } from '../source/initial-snapshot/key-order.ts';

/** Where a row stands to the import of its table: on the log already, in the chunk that is being read, or still to be read. */
export type Standing = 'behind' | 'in-chunk' | 'ahead';

/** A row as a change found it, or left it. */
export interface StandingRow {
  readonly standing: Standing;
  /** The same text for the same key. */
  readonly key: string;
}

/** Where a change's row stood before it and stands after it. */
export interface ChangeStanding {
  readonly before?: StandingRow;
  readonly after?: StandingRow;
}

/** How far a table is imported. */
export interface Reach {
  readonly order: KeyOrder;
  /** The last place on the log; undefined for none. */
  readonly after: Place | undefined;
  /** Where the chunk that is being read ends, `table-end` for one that has no end; absent outside of a window. */
  readonly chunkEnd?: Place | 'table-end';
}

/**
 * Tells for each change of one table where its row stands. A row whose key its image does not tell is `behind`: it goes on to the mapping, which
 * parks it aloud.
 */
export async function standings(changes: readonly RowChange[], reach: Reach): Promise<ChangeStanding[]> {
  const places = changes.map(({ op, before, after }) => ({
    before: op !== 'c' && before ? reach.order.placeOf(before) : undefined,
    after: op !== 'd' && after ? reach.order.placeOf(after, before) : undefined,
  }));
  const known = places.flatMap(({ before, after }) => [before, after]).filter((place) => place !== undefined);
  const standing = await judge(known, reach);
  const rowOf = (row: Row | undefined, place: Place | undefined): StandingRow | undefined => {
    if (place) return { standing: standing.get(place)!, key: keyText(place) };
    return row && { standing: 'behind', key: '' };
  };
  return changes.map(({ op, before, after }, index) => {
    const first = op === 'c' ? undefined : rowOf(before, places[index]!.before);
    const then = op === 'd' ? undefined : rowOf(after, places[index]!.after);
    return { ...(first && { before: first }), ...(then && { after: then }) };
  });
}

export function keyText(place: Place): string {
  return JSON.stringify(place);
}

async function judge(places: readonly Place[], { order, after, chunkEnd }: Reach): Promise<Map<Place, Standing>> {
  const toLog = after ? await order.compare(places, after) : undefined;
  const toEnd = chunkEnd && chunkEnd !== 'table-end' ? await order.compare(places, chunkEnd) : undefined;
  return new Map(
    places.map((place, index): [Place, Standing] => {
      if (toLog && toLog[index]! <= 0) return [place, 'behind'];
      if (chunkEnd === undefined) return [place, 'ahead'];
      return [place, toEnd && toEnd[index]! > 0 ? 'ahead' : 'in-chunk'];
    }),
  );
}
