import { derivedId } from '../../contract/event-id.ts';
import type { EventLog } from '../../contract/event-log.ts';
import type { Json, JsonObject } from '../../contract/json.ts';
import type { NewEvent, RecordedEvent } from '../../contract/recorded-event.ts';
import type { ParkingReason } from '../errors.ts';
import { type Row, type RowChange, Unreadable } from '../mapping/row-change.ts';

/** A change that was set aside, as it is kept on the log and shown. */
export interface ParkedChange {
  readonly id: string;
  readonly reason: ParkingReason;
  readonly detail: string;
  /** `mariadb:0-1-57`, or `initial-snapshot`. */
  readonly transaction: string;
  /** Of its rows event, see RowChange; `rowIndex` is the change's place in it. */
  readonly pos: number;
  readonly rowIndex: number;
  readonly table?: string;
  /** `shipments/[17]`: the row, which together with the stream holds later changes back. */
  readonly row?: string;
  readonly stream?: string;
}

/** Stands for the transaction of a row of the initial snapshot. */
export const snapshotTransaction = 'initial-snapshot';

const action = 'row-change-parked';
const pageSize = 1_000;

/**
 * Changes that the mapping could not understand, kept with their row images on the log (topic `parked`), so they survive a restart.
 * A later change of the same stream or row is held back behind them.
 */
export class ParkedChanges {
  readonly #bridge: string;
  readonly #byId = new Map<string, ParkedChange>();
  readonly #firstOf = new Map<string, ParkedChange>();

  private constructor(bridge: string) {
    this.#bridge = bridge;
  }

  /** Reads back what this bridge has parked before. */
  static async load(log: EventLog, bridge: string): Promise<ParkedChanges> {
    const parked = new ParkedChanges(bridge);
    for (let after = 0; ; ) {
      const page = await log.read('parked', after, pageSize);
      for (const event of page)
        if (event.action === action && event.data.bridge === bridge) parked.#remember(restored(event));
      if (page.length < pageSize) return parked;
      after = page.at(-1)!.meta.address.offset;
    }
  }

  get count(): number {
    return this.#byId.size;
  }

  /** The ones parked first, at most `limit`. */
  list(limit: number): ParkedChange[] {
    return [...this.#byId.values()].slice(0, limit);
  }

  streams(): string[] {
    return [...new Set([...this.#byId.values()].flatMap(({ stream }) => stream ?? []))];
  }

  /**
   * Whether an earlier change of one of these streams, or of this row, is parked. A transaction that is read again after a crash finds its own
   * parked changes here already: of those only the ones before it in the transaction count.
   */
  hold(streams: readonly string[], row: string, transaction: string, { pos, row: rowIndex }: RowChange): boolean {
    return [...streams, row].some((group) => {
      const first = this.#firstOf.get(group);
      return (
        first !== undefined &&
        (first.transaction !== transaction || first.pos < pos || (first.pos === pos && first.rowIndex < rowIndex))
      );
    });
  }

  /** The event to append for a change, or undefined when it is on the log already. From now on the change holds later ones back. */
  park(change: Omit<ParkedChange, 'id'>, occurredAt: string, image: JsonObject): NewEvent | undefined {
    const id = derivedId(this.#bridge, 'parked', change.transaction, change.pos, change.rowIndex, change.row ?? '');
    if (this.#byId.has(id)) return undefined;
    const parked = { ...change, id };
    this.#remember(parked);
    const { id: _id, ...facts } = parked;
    return {
      id,
      parent: change.transaction,
      action,
      data: { ...(facts as unknown as JsonObject), bridge: this.#bridge, ...image },
      meta: {
        schema: 1,
        occurredAt,
        origin: change.transaction === snapshotTransaction ? 'legacy-seed' : 'legacy-cdc',
      },
    };
  }

  #remember(parked: ParkedChange): void {
    this.#byId.set(parked.id, parked);
    for (const group of [parked.stream, parked.row]) {
      if (group !== undefined && !this.#firstOf.has(group)) this.#firstOf.set(group, parked);
    }
  }
}

function restored({ id, data }: RecordedEvent): ParkedChange {
  const { reason, detail, transaction, pos, rowIndex, table, row, stream } = data as unknown as ParkedChange;
  return {
    id,
    reason,
    detail,
    transaction,
    pos,
    rowIndex,
    ...(table && { table }),
    ...(row && { row }),
    ...(stream && { stream }),
  };
}

/** The row images of a change as JSON, without excluded columns; what could not be read is told as `{unreadable: reason}`. */
export function imageOf({ op, before, after }: RowChange, excluded: ReadonlySet<string>): JsonObject {
  return { op, before: before ? rowJson(before, excluded) : null, after: after ? rowJson(after, excluded) : null };
}

function rowJson(row: Row, excluded: ReadonlySet<string>): JsonObject {
  const kept = Object.entries(row).filter(([column]) => !excluded.has(column));
  return Object.fromEntries(
    kept.map(([column, cell]): [string, Json] => [
      column,
      cell instanceof Unreadable ? { unreadable: cell.reason } : cell,
    ]),
  );
}
