import { setTimeout as delay } from 'node:timers/promises';
import type { Connection, ResultSetHeader } from 'mysql2/promise';
import type { RecordedEvent } from '../../contract/recorded-event.ts';

/**
 * An oracle for "none lost, none doubled": every write raises the price of a shipment by one, so the events of each shipment must count without a gap
 * or a repeat, from its one import or its creation, before which there is nothing, to what SELECT shows.
 */
export interface Writes {
  readonly changes: number;
}

/** Inserts, updates and deletes at random until `more` says no, with a rest after each; autocommit. Resolves to how many rows were changed. */
export async function writeShipments(
  connection: Connection,
  random: () => number,
  more: (changes: number) => boolean,
  restMs = 0,
): Promise<Writes> {
  const change = async (sql: string, values: unknown[] = []) =>
    (await connection.query<ResultSetHeader>(sql, values))[0].affectedRows;
  const [range] = (await connection.query('SELECT COALESCE(MAX(id), 0) AS top FROM shipments'))[0] as {
    top: unknown;
  }[];
  let top = Number(range!.top);
  let changes = 0;
  while (more(changes)) {
    const dice = random();
    const id = 1 + Math.floor(random() * (top + 20));
    if (dice < 0.25) {
      changes += await change("INSERT INTO shipments (sender, receiver, created_at) VALUES ('a', 'b', NOW())");
      top += 1;
    } else if (dice < 0.32) changes += await change('DELETE FROM shipments WHERE id = ?', [id]);
    else changes += await change('UPDATE shipments SET price = price + 1 WHERE id = ?', [id]);
    if (restMs > 0) await delay(restMs);
  }
  return { changes };
}

/** Replays events strictly. Gives the price of every shipment that is left, and every contradiction found on the way. */
export function replay(events: readonly RecordedEvent[]): { shipments: Map<string, string>; contradictions: string[] } {
  const shipments = new Map<string, string>();
  const contradictions: string[] = [];
  for (const { action, data, meta } of events) {
    const price = shipments.get(meta.stream);
    const object = (what: string) => contradictions.push(`${meta.stream} v${meta.version} ${action}: ${what}`);
    if (action === 'shipment-imported' || action === 'shipment-created') {
      if (price !== undefined) object('it was there already');
      if (action === 'shipment-created' && data.price !== '0.00') object(`created with ${data.price}`);
      shipments.set(meta.stream, String(data.price));
    } else if (action === 'shipment-details-changed') {
      if (Number(data.price) !== Number(price) + 1) object(`${price} became ${data.price}`);
      shipments.set(meta.stream, String(data.price));
    } else if (action === 'shipment-deleted') {
      if (!shipments.delete(meta.stream)) object('it was not there');
    } else object('unexpected');
  }
  return { shipments, contradictions };
}

export async function pricesInTable(connection: Connection): Promise<Map<string, string>> {
  const [rows] = (await connection.query('SELECT id, price FROM shipments')) as unknown as [
    { id: number; price: string }[],
  ];
  return new Map(rows.map(({ id, price }) => [`shipment-${id}`, price]));
}

/** A small seeded generator (mulberry32), so that a failure can be run again. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function sorted(map: ReadonlyMap<string, string>): [string, string][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}
