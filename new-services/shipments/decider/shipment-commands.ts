import { z } from 'zod';
import { statuses } from './shipment.ts';

/** The widths of the legacy columns: what does not fit there could never be written back. */
const name = z.string().trim().min(1).max(100);
const description = z.string().trim().min(1).max(200);

/** A shipment is named by its key, or by the id of the command that created it. */
export const shipmentId = z.union(
  [z.uuid().toLowerCase(), z.int().positive(), z.string().regex(/^[1-9]\d{0,9}$/)],
  'expected the id of the command that created the shipment, or its key',
);
export type ShipmentId = z.infer<typeof shipmentId>;

const data = {
  'create-shipment': z.strictObject({
    sender: name,
    receiver: name,
    'packing-list': z.array(description).max(1_000).default([]),
    'receiver-phone': z.string().max(40).optional(),
    'customer-id': z.int().positive().optional(),
    price: z
      .string()
      .regex(/^\d{1,8}\.\d{2}$/, 'expected an amount such as "12.50"')
      .optional(),
  }),
  'change-shipment-status': z.strictObject({ 'shipment-id': shipmentId, status: z.enum(statuses) }),
  'add-packing-list-item': z.strictObject({
    'shipment-id': shipmentId,
    description,
    quantity: z.int().min(1).max(2_147_483_647).default(1),
  }),
  'remove-packing-list-item': z.strictObject({ 'shipment-id': shipmentId, 'item-id': z.int().positive() }),
  'add-shipment-note': z.strictObject({
    'shipment-id': shipmentId,
    author: z.string().trim().min(1).max(60),
    body: z.string().min(1).max(10_000),
  }),
};

/** The commands on shipments, told apart by `action`. */
export const shipmentCommandSchema = z.discriminatedUnion('action', [
  z.object({ action: z.literal('create-shipment'), data: data['create-shipment'] }),
  z.object({ action: z.literal('change-shipment-status'), data: data['change-shipment-status'] }),
  z.object({ action: z.literal('add-packing-list-item'), data: data['add-packing-list-item'] }),
  z.object({ action: z.literal('remove-packing-list-item'), data: data['remove-packing-list-item'] }),
  z.object({ action: z.literal('add-shipment-note'), data: data['add-shipment-note'] }),
]);

export const shipmentActions = Object.keys(data);

/** A well-formed command on a shipment. */
export type ShipmentRequest = z.infer<typeof shipmentCommandSchema>;

/** Facts of the world that the events of a command will carry; they come in with it, so that deciding stays pure. */
export interface Facts {
  /** ISO 8601. */
  readonly now: string;
}

/** What is known when a shipment is created: the estimate is stored in the event and never computed again. */
export interface CreationFacts extends Facts {
  /** ISO 8601. */
  readonly estimatedArrival: string;
}

type CreateShipment = Extract<ShipmentRequest, { action: 'create-shipment' }>;

/** A command as the decider takes it. */
export type ShipmentCommand =
  | (CreateShipment & { readonly facts: CreationFacts })
  | (Exclude<ShipmentRequest, CreateShipment> & { readonly facts: Facts });
