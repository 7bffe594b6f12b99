import type { Json, JsonObject } from '../../../contract/json.ts';
import type { PastEvent } from '../../event-sourcing/decider/decider.ts';

/** An id as the legacy database gives it: a number, or text where a number would not be exact. */
export type RecordId = number | string;

/** The statuses that the business knows; a legacy row may hold others, such as the empty text of a refused ENUM value. */
export const statuses = ['created', 'in_transit', 'delayed', 'delivered', 'cancelled'] as const;
export type Status = (typeof statuses)[number];

/** The fields of a shipment. Times are as the source tells them: `2025-12-01 10:00:00` or ISO 8601. */
export interface ShipmentFields {
  readonly customerId: RecordId | null;
  readonly sender: string;
  readonly receiver: string;
  readonly receiverPhone: string | null;
  readonly status: string;
  /** Exact text: `12.50`. */
  readonly price: string;
  /** A date `2025-12-24` or an instant; null where legacy has its zero date. */
  readonly estimatedArrival: string | null;
  readonly document: string | null;
  readonly createdAt: string | null;
}

export interface PackingListItem {
  readonly id: RecordId;
  readonly description: string;
  readonly quantity: number;
}

export interface ShipmentNote {
  readonly id: RecordId;
  readonly author: string | null;
  readonly body: string | null;
  readonly createdAt: string | null;
}

/**
 * What a stream `shipment-KEY` adds up to. Items and notes stand beside the record, not in it: legacy has no foreign keys, so they may
 * come before the record and outlive it.
 */
export interface Shipment {
  readonly record:
    | { readonly kind: 'none' }
    | { readonly kind: 'deleted' }
    | ({ readonly kind: 'existing' } & ShipmentFields);
  readonly packingList: readonly PackingListItem[];
  readonly notes: readonly ShipmentNote[];
}

export const noShipment: Shipment = { record: { kind: 'none' }, packingList: [], notes: [] };

type Evolve = (shipment: Shipment, data: JsonObject, event: PastEvent) => Shipment;

const changes: Readonly<Record<string, Evolve>> = {
  'shipment-imported': createRecord,
  'shipment-created': createRecord,
  'shipment-details-changed': (shipment, data) => ({ ...shipment, record: changeDetails(shipment.record, data) }),
  'shipment-deleted': (shipment) => ({ ...shipment, record: { kind: 'deleted' } }),
  'shipment-delayed': changeStatus,
  'shipment-resumed': changeStatus,
  'shipment-dispatched': changeStatus,
  'shipment-delivered': changeStatus,
  'shipment-cancelled': changeStatus,
  'shipment-status-changed': changeStatus,
  'packing-list-item-imported': putItem,
  'packing-list-item-added': putItem,
  'packing-list-item-changed': putItem,
  'packing-list-item-removed': (shipment, data) => ({
    ...shipment,
    packingList: without(shipment.packingList, data['item-id']),
  }),
  'shipment-note-imported': putNote,
  'shipment-note-added': putNote,
  'shipment-note-changed': putNote,
  'shipment-note-removed': (shipment, data) => ({ ...shipment, notes: without(shipment.notes, data['note-id']) }),
};

/** The shipment after one more event, from the snapshot, a row change or the new side. Total: what it cannot read changes nothing. */
export function evolve(shipment: Shipment, event: PastEvent): Shipment {
  const change = Object.hasOwn(changes, event.action) ? changes[event.action] : undefined;
  return change ? change(shipment, event.data, event) : shipment;
}

const blank: ShipmentFields = {
  customerId: null,
  sender: '',
  receiver: '',
  receiverPhone: null,
  status: 'created',
  price: '0.00',
  estimatedArrival: null,
  document: null,
  createdAt: null,
};

function createRecord(shipment: Shipment, data: JsonObject, event: PastEvent): Shipment {
  const { occurredAt } = event.meta;
  const createdAt = event.action === 'shipment-created' ? occurredAt : null;
  const status = textOr(data.status, blank.status);
  const record = { kind: 'existing', ...readDetails({ ...blank, createdAt }, data), status } as const;
  const texts = Array.isArray(data['packing-list']) ? data['packing-list'] : [];
  const items = texts.map((text, index) => ({ id: index + 1, description: String(text), quantity: 1 }));
  return { ...shipment, record, packingList: [...shipment.packingList, ...items] };
}

function changeDetails(record: Shipment['record'], data: JsonObject): Shipment['record'] {
  return record.kind === 'existing' ? { ...record, ...readDetails(record, data) } : record;
}

function changeStatus(shipment: Shipment, data: JsonObject): Shipment {
  const { record } = shipment;
  if (record.kind !== 'existing' || typeof data.status !== 'string') return shipment;
  return { ...shipment, record: { ...record, status: data.status } };
}

/** Fields that the payload does not carry (masked columns, for instance) keep what they were. */
function readDetails(known: ShipmentFields, data: JsonObject): Omit<ShipmentFields, 'status'> {
  return {
    customerId: idOr(data['customer-id'], known.customerId),
    sender: textOr(data.sender, known.sender),
    receiver: textOr(data.receiver, known.receiver),
    receiverPhone: textOrNull(data['receiver-phone'], known.receiverPhone),
    price: textOr(data.price, known.price),
    estimatedArrival: withoutZeroDate(textOrNull(data['estimated-arrival'], known.estimatedArrival)),
    document: textOrNull(data.document, known.document),
    createdAt: textOrNull(data['created-at'], known.createdAt),
  };
}

function putItem(shipment: Shipment, data: JsonObject): Shipment {
  const id = data['item-id'];
  if (!isId(id)) return shipment;
  const known = shipment.packingList.find((item) => item.id === id);
  const description = textOr(data.description, known?.description ?? '');
  const quantity = typeof data.quantity === 'number' ? data.quantity : (known?.quantity ?? 1);
  return { ...shipment, packingList: put(shipment.packingList, { id, description, quantity }) };
}

function putNote(shipment: Shipment, data: JsonObject): Shipment {
  const id = data['note-id'];
  if (!isId(id)) return shipment;
  const known = shipment.notes.find((note) => note.id === id);
  const note = {
    id,
    author: textOrNull(data.author, known?.author ?? null),
    body: textOrNull(data.body, known?.body ?? null),
    createdAt: textOrNull(data['created-at'], known?.createdAt ?? null),
  };
  return { ...shipment, notes: put(shipment.notes, note) };
}

function put<Part extends { readonly id: RecordId }>(parts: readonly Part[], part: Part): readonly Part[] {
  return parts.some(({ id }) => id === part.id)
    ? parts.map((known) => (known.id === part.id ? part : known))
    : [...parts, part];
}

function without<Part extends { readonly id: RecordId }>(
  parts: readonly Part[],
  id: Json | undefined,
): readonly Part[] {
  return parts.filter((part) => part.id !== id);
}

function isId(value: Json | undefined): value is RecordId {
  return typeof value === 'number' || typeof value === 'string';
}

function textOr(value: Json | undefined, known: string): string {
  return typeof value === 'string' ? value : known;
}

function textOrNull(value: Json | undefined, known: string | null): string | null {
  return typeof value === 'string' || value === null ? value : known;
}

function idOr(value: Json | undefined, known: RecordId | null): RecordId | null {
  return isId(value) || value === null ? value : known;
}

function withoutZeroDate(date: string | null): string | null {
  return date?.startsWith('0000-00-00') ? null : date;
}
