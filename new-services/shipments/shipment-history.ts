import type { EventLog } from '../../contract/event-log.ts';
import type { Json } from '../../contract/json.ts';
import type { Origin, RecordedEvent } from '../../contract/recorded-event.ts';
import { evolve, noShipment, type Shipment } from './decider/shipment.ts';
import { shipmentJson, shipmentMembers } from './shipment-json.ts';
import { shipmentStream } from './shipment-keys.ts';
import { upcast } from './upcasters.ts';

/** A moment in a shipment's life: a version of its stream, or a time. */
export type Moment = { readonly version: number } | { readonly time: string };

/** The event that gave a field its value. */
export interface Setter {
  readonly event: string;
  readonly action: string;
  readonly version: number;
  readonly occurredAt: string;
  readonly origin: Origin;
  readonly parent: string;
  /** Place in the legacy database's binlog; absent for the new side's own events. */
  readonly position?: string;
  readonly traceparent?: string;
}

/**
 * What can be known of the moment. `observed`: the answer is the fold of the events up to it. `not yet created`: the record begins with
 * a creation that came later. `unknown before the import`: it begins with the initial snapshot, before which nobody watched.
 */
export type Knowledge = 'observed' | 'not yet created' | 'unknown before the import';

/** A shipment as it was at a moment. */
export interface ShipmentAsOf {
  readonly knowledge: Knowledge;
  /** Version of the last event taken in; 0 before the first. */
  readonly version: number;
  /** When that event occurred; null before the first. */
  readonly occurredAt: string | null;
  /** The shipment's members with their values; null when it did not exist. */
  readonly shipment: { readonly [field: string]: Json } | null;
  /** Who set each member. */
  readonly setBy: { readonly [field: string]: Setter };
}

/** The shipment as it was at a moment, folded from exactly the events up to it; undefined when its stream is empty. */
export async function shipmentAsOf(log: EventLog, key: number, moment: Moment): Promise<ShipmentAsOf | undefined> {
  const history = (await log.readStream('domain', shipmentStream(key))).map(upcast);
  const beginning = history.find(({ action }) => isBeginning(action)) ?? history[0];
  return beginning && asOf(beginning, prefixUpTo(history, moment));
}

/** Items and notes may come before the record that they belong to: what is known of a shipment begins with the record. */
function isBeginning(action: string): boolean {
  return action === 'shipment-imported' || action === 'shipment-created';
}

/**
 * The events up to a moment. By time it ends before the first event that occurred later, so that it is always a prefix, also where the
 * clocks of two sources disagree.
 */
export function prefixUpTo(history: readonly RecordedEvent[], moment: Moment): readonly RecordedEvent[] {
  if ('version' in moment) return history.slice(0, moment.version);
  const later = history.findIndex((event) => Date.parse(event.meta.occurredAt) > Date.parse(moment.time));
  return later === -1 ? history : history.slice(0, later);
}

function asOf(beginning: RecordedEvent, prefix: readonly RecordedEvent[]): ShipmentAsOf {
  const { shipment, setBy } = foldWithSetters(prefix);
  const last = prefix.at(-1)?.meta;
  const version = last?.version ?? 0;
  return {
    knowledge: version >= beginning.meta.version ? 'observed' : knowledgeBefore(beginning),
    version,
    occurredAt: last?.occurredAt ?? null,
    shipment: shipmentJson(shipment),
    setBy,
  };
}

function knowledgeBefore({ meta: { origin } }: RecordedEvent): Knowledge {
  return origin === 'legacy-seed' ? 'unknown before the import' : 'not yet created';
}

/** Folds, and notes for each member which event last changed it. A packing list that stayed empty was set by nobody. */
function foldWithSetters(events: readonly RecordedEvent[]): { shipment: Shipment; setBy: Record<string, Setter> } {
  let shipment = noShipment;
  let setBy: Record<string, Setter> = {};
  for (const event of events) {
    const next = evolve(shipment, event);
    setBy = attribute(shipmentMembers(shipment), shipmentMembers(next), setBy, event);
    shipment = next;
  }
  return { shipment, setBy: shipment.record.kind === 'existing' ? setBy : {} };
}

type Members = ReturnType<typeof shipmentMembers>;

function attribute(
  before: Members,
  after: Members,
  setBy: Record<string, Setter>,
  event: RecordedEvent,
): Record<string, Setter> {
  const next: Record<string, Setter> = {};
  for (const [member, value] of Object.entries(after)) {
    const changed = JSON.stringify(before[member]) !== JSON.stringify(value);
    const by = changed ? setter(event) : setBy[member];
    if (by) next[member] = by;
  }
  return next;
}

function setter({ id, action, parent, meta }: RecordedEvent): Setter {
  const { version, occurredAt, origin, position, traceparent } = meta;
  return {
    event: id,
    action,
    version,
    occurredAt,
    origin,
    parent,
    ...(position && { position }),
    ...(traceparent && { traceparent }),
  };
}
