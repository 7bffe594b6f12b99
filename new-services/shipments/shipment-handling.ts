import type { EventLog } from '../../contract/event-log.ts';
import type { CommandHandling, RecordedCommand, Target } from '../event-sourcing/handle-command.ts';
import { describeIssues } from '../issues.ts';
import type { Shipment } from './decider/shipment.ts';
import { type ShipmentCommand, type ShipmentRequest, shipmentCommandSchema } from './decider/shipment-commands.ts';
import { shipmentDecider } from './decider/shipment-decider.ts';
import type { EstimateArrival } from './estimate-arrival.ts';
import { createdKey, resolveShipmentId, type ShipmentKeys, shipmentStream } from './shipment-keys.ts';
import { upcast } from './upcasters.ts';

/** What handling shipments' commands needs from outside. */
export interface ShipmentPorts {
  readonly log: EventLog;
  readonly keys: ShipmentKeys;
  readonly now: () => Date;
  readonly estimateArrival: EstimateArrival;
}

type ShipmentTarget = Target<ShipmentCommand>;

/** Command handling for shipments: which stream a command is about, and the facts that its events will carry. */
export function shipmentHandling(ports: ShipmentPorts): CommandHandling<Shipment, ShipmentCommand> {
  const { log, now } = ports;
  return { log, decider: shipmentDecider, upcast, now, target: (command) => findTarget(ports, command) };
}

async function findTarget(ports: ShipmentPorts, command: RecordedCommand): Promise<ShipmentTarget> {
  const parsed = shipmentCommandSchema.safeParse({ action: command.action, data: command.data });
  if (!parsed.success) return noStream('malformed-command', describeIssues(parsed.error));
  const found = await findKey(ports, command.id, parsed.data);
  if (typeof found !== 'number') return found;
  return { kind: 'stream', stream: shipmentStream(found), command: withFacts(ports, parsed.data) };
}

type NoStream = Extract<ShipmentTarget, { kind: 'rejected' }>;

async function findKey(
  { log, keys }: ShipmentPorts,
  commandId: string,
  { action, data }: ShipmentRequest,
): Promise<number | NoStream> {
  if (action === 'create-shipment') {
    const key = (await createdKey(log, commandId)) ?? (await keys.nextFree());
    return key ?? noStream('key-range-exhausted', 'every key of services.shipments is used');
  }
  const id = data['shipment-id'];
  const key = await resolveShipmentId(log, id);
  if (key === undefined) return noStream('shipment-not-found', `no shipment was created by command ${id}`);
  if (!keys.includes(key)) {
    return noStream(
      'legacy-owns-record',
      `shipment ${key} belongs to legacy: change it there, the new side only reads it`,
    );
  }
  return key;
}

function noStream(reason: string, detail: string): NoStream {
  return { kind: 'rejected', reason, detail };
}

function withFacts({ now, estimateArrival }: ShipmentPorts, request: ShipmentRequest): ShipmentCommand {
  const at = now();
  const facts = { now: at.toISOString() };
  return request.action === 'create-shipment'
    ? { ...request, facts: { ...facts, estimatedArrival: estimateArrival(request.data, at) } }
    : { ...request, facts };
}
