import type { EventLog } from '../../contract/event-log.ts';
import type { KeyRange } from '../config.ts';
import { firstEffectId } from '../event-sourcing/handle-command.ts';
import type { ShipmentId } from './decider/shipment-commands.ts';

export function shipmentStream(key: number): string {
  return `shipment-${key}`;
}

/** The key in a stream's name, `shipment-17` → 17; undefined for another kind of stream. */
export function shipmentKey(stream: string): number | undefined {
  const digits = /^shipment-([1-9]\d{0,14})$/.exec(stream)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The key of a shipment named by itself or by the command that created it; undefined when no such command took effect. */
export async function resolveShipmentId(log: EventLog, id: ShipmentId): Promise<number | undefined> {
  if (typeof id === 'number') return id;
  if (/^\d+$/.test(id)) return Number(id);
  return createdKey(log, id);
}

/** The key that a create command was given, if it took effect. Asked of the log itself: a projection may be behind. */
export async function createdKey(log: EventLog, commandId: string): Promise<number | undefined> {
  const event = await log.find('domain', firstEffectId(commandId));
  return event?.action === 'shipment-created' ? shipmentKey(event.meta.stream) : undefined;
}

/**
 * The next free keys of the range. Keys are given in sequence and a stream never ends, so the used ones are a prefix of the range: its
 * end is found once by doubling and halving, then remembered. A key that another writer took meanwhile is passed over.
 */
export class ShipmentKeys {
  readonly #log: EventLog;
  readonly #range: KeyRange;
  #next: number | undefined;

  constructor(log: EventLog, range: KeyRange) {
    this.#log = log;
    this.#range = range;
  }

  includes(key: number): boolean {
    return key >= this.#range.keysFrom && key <= this.#range.keysTo;
  }

  /** A key whose stream is empty now; undefined when the range is used up. */
  async nextFree(): Promise<number | undefined> {
    let key = this.#next ?? (await this.#firstUnused());
    while (this.includes(key) && (await this.#isUsed(key))) key += 1;
    this.#next = key;
    return this.includes(key) ? key : undefined;
  }

  async #firstUnused(): Promise<number> {
    const { keysFrom, keysTo } = this.#range;
    let step = 1;
    while (keysFrom + step <= keysTo && (await this.#isUsed(keysFrom + step - 1))) step *= 2;
    let low = keysFrom;
    let high = Math.min(keysFrom + step, keysTo + 1);
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (await this.#isUsed(middle)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  async #isUsed(key: number): Promise<boolean> {
    return (await this.#log.readStream('domain', shipmentStream(key))).length > 0;
  }
}
