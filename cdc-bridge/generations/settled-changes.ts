import type { EventLog } from '../../contract/event-log.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import type { RowChange } from '../mapping/row-change.ts';
import { actions, parkedIn } from '../parking/parked-change.ts';
import { isChunk, restoredStep } from '../parking/parked-step.ts';

const pageSize = 50;

/** What became of a change that was parked. */
export type Settlement = 'released' | 'skipped';

/**
 * Row changes that were parked and then released, or skipped with a reason: what was given up stays given up, whatever another mapping says of it,
 * and what was let pass has passed.
 */
export class SettledChanges {
  readonly #byPlace = new Map<string, Settlement>();

  static async load(log: Pick<EventLog, 'read'>, bridge: string): Promise<SettledChanges> {
    const settled = new SettledChanges();
    const places = new Map<string, string>();
    for (let after = 0; ; ) {
      const page = await log.read('parked', after, pageSize);
      for (const event of page) if (event.data.bridge === bridge) settled.#apply(event, places);
      if (page.length < pageSize) return settled;
      after = page.at(-1)!.meta.address.offset;
    }
  }

  of(transaction: string, change: RowChange): Settlement | undefined {
    return this.#byPlace.size === 0 ? undefined : this.#byPlace.get(placeIn(transaction, change));
  }

  #apply(event: RecordedEvent, places: Map<string, string>): void {
    const { action, data } = event;
    if (action === actions.parked) for (const [change, place] of placesIn(event)) places.set(change, place);
    const place = places.get(data.change as string);
    if (place === undefined) return;
    if (action === actions.released) this.#byPlace.set(place, 'released');
    else if (action === actions.skipped) this.#byPlace.set(place, 'skipped');
  }
}

/** Parked change → its place in the binlog; those of a snapshot have none. */
function placesIn({ id, data, meta }: RecordedEvent): [change: string, place: string][] {
  const step = restoredStep({ data, meta });
  if (isChunk(step)) return [];
  return parkedIn(id, data).flatMap(({ id: change, index }): [string, string][] => {
    const row = step.rows[index];
    return row ? [[change, placeIn(step.name, row)]] : [];
  });
}

function placeIn(transaction: string, { pos, row }: RowChange): string {
  return `${transaction} ${pos} ${row}`;
}
