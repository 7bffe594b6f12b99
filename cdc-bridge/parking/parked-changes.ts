import type { EventLog } from '../../contract/event-log.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import { actions, groupsOf, type ParkedChange, parkedAlone, parkedIn, type Revision } from './parked-change.ts';
import { type ParkingRequest, parkingRequest } from './parking-request.ts';

/** One event may hold a piece of a transaction that fills megabytes. */
const pageSize = 50;

/**
 * Changes that the mapping could not understand, kept with their transactions on the log (topic `parked`), so they survive a restart. A later
 * change of the same stream or row is held back behind them, until they are released or skipped.
 */
export class ParkedChanges {
  readonly bridge: string;
  readonly #byId = new Map<string, ParkedChange>();
  readonly #byGroup = new Map<string, Set<ParkedChange['id']>>();
  readonly #settled = new Set<string>();
  readonly #requests = new Map<string, ParkingRequest>();
  #readUpTo = 0;

  constructor(bridge: string) {
    this.bridge = bridge;
  }

  /** What this bridge has parked, released, skipped and been asked for before. */
  static async load(log: EventLog, bridge: string): Promise<ParkedChanges> {
    const parked = new ParkedChanges(bridge);
    await parked.catchUp(log);
    return parked;
  }

  /** Reads on from where the last call ended. */
  async catchUp(log: EventLog): Promise<void> {
    for (;;) {
      const page = await log.read('parked', this.#readUpTo, pageSize);
      for (const event of page) this.#apply(event);
      this.#readUpTo = page.at(-1)?.meta.address.offset ?? this.#readUpTo;
      if (page.length < pageSize) return;
    }
  }

  /** Offset in topic `parked` up to which `catchUp` has read. */
  get readUpTo(): number {
    return this.#readUpTo;
  }

  get count(): number {
    return this.#byId.size;
  }

  /** In the order in which they were parked. */
  all(): IterableIterator<ParkedChange> {
    return this.#byId.values();
  }

  /** The ones parked first, at most `limit`. */
  list(limit: number): ParkedChange[] {
    return [...this.all()].slice(0, limit);
  }

  find(id: string): ParkedChange | undefined {
    return this.#byId.get(id);
  }

  streams(): string[] {
    return [...new Set([...this.all()].flatMap(({ streams }) => streams))];
  }

  /** What was asked for and not answered yet. */
  requests(): ParkingRequest[] {
    return [...this.#requests.values()];
  }

  /** The parked changes of these groups. */
  *inGroups(groups: readonly string[]): Generator<ParkedChange> {
    for (const group of groups) for (const id of this.#byGroup.get(group) ?? []) yield this.#byId.get(id)!;
  }

  /** Whether a change with this id is parked, or was. */
  knows(id: string): boolean {
    return this.#byId.has(id) || this.#settled.has(id);
  }

  /** From now on it holds later changes back. */
  remember(change: ParkedChange): void {
    if (this.knows(change.id)) return;
    this.#byId.set(change.id, change);
    this.#index(change);
  }

  /** It was released or skipped, and holds nothing back any more. */
  settle(id: string): void {
    this.#settled.add(id);
    const change = this.#byId.get(id);
    if (!change) return;
    this.#unindex(change);
    this.#byId.delete(id);
  }

  /** It was tried again in vain, for the reason that is told; its place in the order stays. */
  revise(id: string, revision: Revision): void {
    const change = this.#byId.get(id);
    if (!change) return;
    this.#unindex(change);
    const revised = { ...change, ...revision };
    this.#byId.set(id, revised);
    this.#index(revised);
  }

  /** A request was answered. */
  answer(id: string): void {
    this.#requests.delete(id);
  }

  #index({ id, ...change }: ParkedChange): void {
    for (const group of groupsOf(change)) {
      const ids = this.#byGroup.get(group);
      if (ids) ids.add(id);
      else this.#byGroup.set(group, new Set([id]));
    }
  }

  #unindex({ id, ...change }: ParkedChange): void {
    for (const group of groupsOf(change)) {
      const ids = this.#byGroup.get(group);
      ids?.delete(id);
      if (ids?.size === 0) this.#byGroup.delete(group);
    }
  }

  #apply({ id, action, data, meta }: RecordedEvent): void {
    if (data.bridge !== this.bridge) return;
    const { change, reason, detail, streams } = data as unknown as Revision & { change: string };
    if (action === actions.parked) for (const parked of parkedIn(id, data)) this.remember(parked);
    else if (action === actions.released || action === actions.skipped) this.settle(change);
    else if (action === actions.stillParked) this.revise(change, { reason, detail, streams });
    else if (action === actions.asked) this.#requests.set(id, parkingRequest({ id, data, meta }));
    else if (action === actions.answered) this.answer(data.request as string);
    else if (action === actions.parkedAlone) this.remember(parkedAlone(id, data));
  }
}
