import type { Database, SqlValue } from './database.ts';
import { type Fields, field, toInteger } from './form.ts';

/**
 * The values of the ENUM, in its order. With `sql_mode=''` a row may also hold '', which is what MySQL makes of any
 * other value.
 */
export const shipmentStatuses = ['created', 'in_transit', 'delayed', 'delivered', 'cancelled'] as const;

export interface CustomerRow {
  readonly id: number;
  readonly name: string;
  readonly email: string | null;
  readonly city: string | null;
  readonly created_at: string;
}

/**
 * A shipment as lists show it. `price` and the dates are the text that SELECT gives: "12.50", "2025-12-24" or
 * "0000-00-00".
 */
export interface ShipmentRow {
  readonly id: number;
  readonly customer_id: number | null;
  readonly customer_name: string | null;
  readonly sender: string;
  readonly receiver: string;
  readonly receiver_phone: string | null;
  readonly shipment_status: string;
  readonly price: string;
  readonly estimated_arrival: string;
  readonly document: string | null;
  readonly created_at: string;
  readonly updated_at: string;
}

/** A shipment as its own page shows it. */
export interface ShipmentDetails extends ShipmentRow {
  readonly packing_list: readonly { id: number; description: string; quantity: number }[];
  readonly notes: readonly { id: number; author: string | null; body: string | null; created_at: string }[];
  readonly views: number;
}

/** What the form of a shipment asks for. */
export type ShipmentFields = Pick<
  ShipmentRow,
  'customer_id' | 'sender' | 'receiver' | 'receiver_phone' | 'price' | 'estimated_arrival'
>;

/** What the list is narrowed to; '' means not at all. */
export interface ShipmentFilter {
  /** A part of the sender's or receiver's name. */
  readonly q: string;
  readonly status: string;
}

const selectShipments = `SELECT s.id, s.customer_id, c.name AS customer_name, s.sender, s.receiver, s.receiver_phone,
  s.shipment_status, s.price, s.estimated_arrival, s.document, s.created_at, s.updated_at
  FROM shipments s LEFT JOIN customers c ON c.id = s.customer_id`;

export function filterOf(query: Fields): ShipmentFilter {
  return { q: field(query, 'q'), status: field(query, 'status') };
}

/** The matching shipments, newest first; all of them, or `limit` from `offset` on. */
export function listShipments(
  database: Database,
  filter: ShipmentFilter,
  range?: { limit: number; offset: number },
): Promise<ShipmentRow[]> {
  const { where, values } = conditions(filter);
  const limit = range === undefined ? '' : ' LIMIT ? OFFSET ?';
  const rangeValues = range === undefined ? [] : [range.limit, range.offset];
  return database.rows(`${selectShipments}${where} ORDER BY s.id DESC${limit}`, [...values, ...rangeValues]);
}

export async function countShipments(database: Database, filter: ShipmentFilter): Promise<number> {
  const { where, values } = conditions(filter);
  const row = await database.row<{ total: number }>(`SELECT COUNT(*) AS total FROM shipments s${where}`, values);
  return row?.total ?? 0;
}

export function findShipment(database: Database, id: number): Promise<ShipmentRow | undefined> {
  return database.row(`${selectShipments} WHERE s.id = ?`, [id]);
}

export function shipmentsOfCustomer(database: Database, customerId: number, limit: number): Promise<ShipmentRow[]> {
  return database.rows(`${selectShipments} WHERE s.customer_id = ? ORDER BY s.id DESC LIMIT ?`, [customerId, limit]);
}

/**
 * The shipment with its packing list, notes and counted views, read one statement after the other, as rows are at that
 * moment.
 */
export async function shipmentDetails(database: Database, shipment: ShipmentRow): Promise<ShipmentDetails> {
  const packing_list = await database.rows<ShipmentDetails['packing_list'][number]>(
    'SELECT id, description, quantity FROM packing_list_items WHERE shipment_id = ? ORDER BY id',
    [shipment.id],
  );
  const notes = await database.rows<ShipmentDetails['notes'][number]>(
    'SELECT id, author, body, created_at FROM shipment_notes WHERE shipment_id = ? ORDER BY id',
    [shipment.id],
  );
  const counter = await database.row<{ views: number }>('SELECT views FROM page_views WHERE path = ?', [
    `/shipments/${shipment.id}`,
  ]);
  return { ...shipment, packing_list, notes, views: counter?.views ?? 0 };
}

/**
 * The fields of a posted form; what the form does not have stays as in `before`. An empty phone or customer is NULL, an
 * empty date a zero date.
 */
export function shipmentFields(form: Fields | undefined, before: ShipmentFields): ShipmentFields {
  const posted = (name: keyof ShipmentFields) =>
    form?.[name] === undefined ? String(before[name] ?? '') : field(form, name);
  const customer = posted('customer_id');
  return {
    customer_id: customer === '' ? null : toInteger(customer),
    sender: posted('sender'),
    receiver: posted('receiver'),
    receiver_phone: posted('receiver_phone') || null,
    price: posted('price') || '0.00',
    estimated_arrival: posted('estimated_arrival') || '0000-00-00',
  };
}

/** Why the fields cannot be saved, or undefined. The rest is left to MySQL, which cuts and converts. */
export function problemOf({ sender, receiver }: ShipmentFields): string | undefined {
  if (sender === '') return 'Please say who sends the shipment.';
  if (receiver === '') return 'Please say who receives the shipment.';
  return undefined;
}

function conditions({ q, status }: ShipmentFilter): { where: string; values: SqlValue[] } {
  const parts: { sql: string; values: SqlValue[] }[] = [];
  if (q !== '') parts.push({ sql: '(s.sender LIKE ? OR s.receiver LIKE ?)', values: [containing(q), containing(q)] });
  if (status !== '') parts.push({ sql: 's.shipment_status = ?', values: [status] });
  if (parts.length === 0) return { where: '', values: [] };
  return {
    where: ` WHERE ${parts.map(({ sql }) => sql).join(' AND ')}`,
    values: parts.flatMap(({ values }) => values),
  };
}

/** The LIKE pattern for text that contains `q`, whose own % and _ stand for themselves. */
function containing(q: string): string {
  return `%${q.replace(/[\\%_]/g, '\\$&')}%`;
}
