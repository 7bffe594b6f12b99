import type { JsonObject } from '../../../contract/json.ts';
import { accepted, type Decider, type Decision, rejected } from '../../event-sourcing/decider/decider.ts';
import { evolve, noShipment, type Shipment, type ShipmentFields, type Status, statuses } from './shipment.ts';
import type { ShipmentCommand } from './shipment-commands.ts';

/** Why the business refuses a command; stable names, told in `command-rejected`. */
export type RejectionReason =
  | 'shipment-exists'
  | 'shipment-not-found'
  | 'shipment-closed'
  | 'status-unchanged'
  | 'status-not-reachable'
  | 'item-not-found';

type Existing = Shipment & { readonly record: { readonly kind: 'existing' } & ShipmentFields };
type CommandOf<Action extends ShipmentCommand['action']> = Extract<ShipmentCommand, { action: Action }>;

/**
 * Where a status may lead. Delivered and cancelled are final: a delivered shipment cannot be delayed.
 *
 *     created ──▶ in_transit ◀──▶ delayed      in_transit, delayed ──▶ delivered
 *     created, in_transit, delayed ──▶ cancelled
 */
const reachable: Readonly<Record<Status, readonly Status[]>> = {
  created: ['in_transit', 'cancelled'],
  in_transit: ['delayed', 'delivered', 'cancelled'],
  delayed: ['in_transit', 'delivered', 'cancelled'],
  delivered: [],
  cancelled: [],
};

/** The rules of shipments. */
export const shipmentDecider: Decider<Shipment, ShipmentCommand> = { initialState: noShipment, decide, evolve };

function decide(command: ShipmentCommand, shipment: Shipment): Decision {
  if (command.action === 'create-shipment') return create(command, shipment);
  if (!exists(shipment)) return refuse('shipment-not-found', 'there is no such shipment');
  switch (command.action) {
    case 'change-shipment-status':
      return changeStatus(command, shipment);
    case 'add-packing-list-item':
      return addItem(command, shipment);
    case 'remove-packing-list-item':
      return removeItem(command, shipment);
    case 'add-shipment-note':
      return addNote(command, shipment);
    default:
      return command satisfies never;
  }
}

function create({ data, facts }: CommandOf<'create-shipment'>, shipment: Shipment): Decision {
  if (shipment.record.kind !== 'none') return refuse('shipment-exists', 'the key belongs to another shipment');
  return accepted('shipment-created', { ...withoutAbsent(data), 'estimated-arrival': facts.estimatedArrival });
}

function changeStatus({ data: { status } }: CommandOf<'change-shipment-status'>, { record }: Existing): Decision {
  const previous = record.status;
  if (status === previous) return refuse('status-unchanged', `the shipment is ${status} already`);
  if (isClosed(record)) return closed(record, `become ${status}`);
  if (isStatus(previous) && !reachable[previous].includes(status)) {
    return refuse('status-not-reachable', `a shipment that is ${previous} cannot become ${status}`);
  }
  return accepted(statusEvent(previous, status), { status, 'previous-status': previous });
}

/** The same words for a change of status as the bridge's mapping has. */
function statusEvent(previous: string, status: Status): string {
  switch (status) {
    case 'in_transit':
      return previous === 'delayed' ? 'shipment-resumed' : 'shipment-dispatched';
    case 'created':
      return 'shipment-status-changed';
    default:
      return `shipment-${status}`;
  }
}

function addItem({ data }: CommandOf<'add-packing-list-item'>, { record, packingList }: Existing): Decision {
  if (isClosed(record)) return closed(record, 'be packed');
  const { description, quantity } = data;
  return accepted('packing-list-item-added', { 'item-id': nextId(packingList), description, quantity });
}

function removeItem({ data }: CommandOf<'remove-packing-list-item'>, { record, packingList }: Existing): Decision {
  const itemId = data['item-id'];
  if (isClosed(record)) return closed(record, 'be unpacked');
  if (!packingList.some(({ id }) => id === itemId)) {
    return refuse('item-not-found', `the packing list has no item ${itemId}`);
  }
  return accepted('packing-list-item-removed', { 'item-id': itemId });
}

function addNote({ data, facts }: CommandOf<'add-shipment-note'>, { notes }: Existing): Decision {
  const { author, body } = data;
  return accepted('shipment-note-added', { 'note-id': nextId(notes), author, body, 'created-at': facts.now });
}

function exists(shipment: Shipment): shipment is Existing {
  return shipment.record.kind === 'existing';
}

function isStatus(status: string): status is Status {
  return (statuses as readonly string[]).includes(status);
}

function isClosed({ status }: ShipmentFields): boolean {
  return isStatus(status) && reachable[status].length === 0;
}

function closed({ status }: ShipmentFields, what: string): Decision {
  return refuse('shipment-closed', `a shipment that is ${status} cannot ${what} any more`);
}

function refuse(reason: RejectionReason, detail: string): Decision {
  return rejected(reason, detail);
}

/** One beyond the largest number there; ids of parts count within their shipment. */
function nextId(parts: readonly { readonly id: number | string }[]): number {
  return 1 + parts.reduce((largest, { id }) => Math.max(largest, typeof id === 'number' ? id : 0), 0);
}

function withoutAbsent(data: CommandOf<'create-shipment'>['data']): JsonObject {
  const present = Object.entries(data).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present) as JsonObject;
}
