import type { Json } from '../../contract/json.ts';
import type { Shipment, ShipmentFields } from './decider/shipment.ts';

type Members = { [member: string]: Json };

/** A shipment in the language of commands and events, hyphenated; null when it does not exist. */
export function shipmentJson(shipment: Shipment): Members | null {
  return shipment.record.kind === 'existing' ? shipmentMembers(shipment) : null;
}

/** The same, also for a packing list and notes whose record does not exist: those two members alone. */
export function shipmentMembers({ record, packingList, notes }: Shipment): Members {
  return { ...(record.kind === 'existing' && fieldMembers(record)), ...partMembers({ packingList, notes }) };
}

function fieldMembers(fields: ShipmentFields): Members {
  return {
    status: fields.status,
    sender: fields.sender,
    receiver: fields.receiver,
    'receiver-phone': fields.receiverPhone,
    'customer-id': fields.customerId,
    price: fields.price,
    'estimated-arrival': fields.estimatedArrival,
    document: fields.document,
    'created-at': fields.createdAt,
  };
}

function partMembers({ packingList, notes }: Pick<Shipment, 'packingList' | 'notes'>): Members {
  return {
    'packing-list': packingList.map(({ id, description, quantity }) => ({ 'item-id': id, description, quantity })),
    notes: notes.map(({ id, author, body, createdAt }) => ({ 'note-id': id, author, body, 'created-at': createdAt })),
  };
}
