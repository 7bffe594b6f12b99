import type { PackingListItem, RecordId } from '../../shipments/decider/shipment.ts';
import type { ShipmentRow } from '../../shipments/find-shipments.ts';

/** A shipment as legacy's lists show it. */
export interface LegacyRow {
  readonly id: number;
  readonly customer_id: RecordId | null;
  readonly customer_name: string | null;
  readonly sender: string;
  readonly receiver: string;
  readonly receiver_phone: string | null;
  readonly shipment_status: string;
  readonly price: string;
  /** `2025-12-24`; null where legacy shows its zero date. */
  readonly estimated_arrival: string | null;
  readonly document: string | null;
  /** `2025-12-01 10:00:00` */
  readonly created_at: string | null;
  /** When the record's last event occurred, in UTC. */
  readonly updated_at: string;
}

/** A shipment as legacy's own page of it shows it, without the counted views: the new side does not count page views. */
export interface LegacyDetails extends LegacyRow {
  readonly packing_list: readonly PackingListItem[];
  readonly notes: readonly {
    readonly id: RecordId;
    readonly author: string | null;
    readonly body: string | null;
    readonly created_at: string | null;
  }[];
}

/** The members in legacy's order and spelling. */
export function legacyRow({ key, fields, customerName, updatedAt }: ShipmentRow): LegacyRow {
  return {
    id: key,
    customer_id: fields.customerId,
    customer_name: customerName,
    sender: fields.sender,
    receiver: fields.receiver,
    receiver_phone: fields.receiverPhone,
    shipment_status: fields.status,
    price: fields.price,
    estimated_arrival: fields.estimatedArrival?.slice(0, 'YYYY-MM-DD'.length) ?? null,
    document: fields.document,
    created_at: legacyTime(fields.createdAt),
    updated_at: legacyTime(updatedAt),
  };
}

export function legacyDetails(row: ShipmentRow): LegacyDetails {
  return {
    ...legacyRow(row),
    packing_list: byId(row.packingList).map(({ id, description, quantity }) => ({ id, description, quantity })),
    notes: byId(row.notes).map(({ id, author, body, createdAt }) => ({
      id,
      author,
      body,
      created_at: legacyTime(createdAt),
    })),
  };
}

/** `2025-12-01T10:00:00.000Z` → `2025-12-01 10:00:00`; what legacy wrote already is left as it is. */
function legacyTime<Time extends string | null>(time: Time): Time | string {
  return time?.includes('T')
    ? new Date(time).toISOString().slice(0, 'YYYY-MM-DDTHH:MM:SS'.length).replace('T', ' ')
    : time;
}

function byId<Part extends { readonly id: RecordId }>(parts: readonly Part[]): Part[] {
  return [...parts].sort((a, b) => Number(a.id) - Number(b.id));
}
