import { derivedId } from '../../contract/event-id.ts';
import type { StreamAppend } from '../../contract/event-log.ts';
import type { JsonObject } from '../../contract/json.ts';
import { actions, type ParkedChange, parkingItem } from './parked-change.ts';
import type { ParkedChanges } from './parked-changes.ts';
import { isChunk, occurredAt, type Step, stepJson, transactionOf } from './parked-step.ts';

/** What the writer says of a change that it sets aside. */
export type SetAside = Omit<ParkedChange, 'id' | 'transaction' | 'piece' | 'keptIn'>;

/** Parks changes of one step. */
export class Parking {
  readonly #parked: ParkedChanges;
  readonly #step: Step;
  readonly #piece: number;
  readonly #aside: ParkedChange[] = [];

  constructor(parked: ParkedChanges, step: Step) {
    this.#parked = parked;
    this.#step = step;
    this.#piece = isChunk(step) ? 0 : (step.piece?.index ?? 0);
  }

  /**
   * Whether an earlier change of one of these streams, or of this row, is parked; `index` is the change's place among the rows of the
   * step. A transaction that comes in pieces may be read again after a crash and find its own parked changes here already: of those only
   * the ones before it count.
   */
  holds(streams: readonly string[], row: string, index: number): boolean {
    if (this.#parked.count === 0) return false;
    for (const earlier of this.#parked.inGroups([...streams, row])) if (this.#isBefore(earlier, index)) return true;
    return false;
  }

  /** Parks a change: from now on it holds later ones back. Undefined for one that was parked before the step was read again. */
  setAside(facts: SetAside): ParkedChange | undefined {
    const id = this.#idOf(facts);
    if (this.#parked.knows(id)) return undefined;
    const keptIn = this.#aside[0]?.keptIn ?? derivedId(this.#parked.bridge, 'parked-step', id);
    const change = { ...facts, id, transaction: transactionOf(this.#step), piece: this.#piece, keptIn };
    this.#aside.push(change);
    this.#parked.remember(change);
    return change;
  }

  /** What keeps the parked changes on the log, with the step that they came in: to be appended with the events of the step. */
  items(): StreamAppend[] {
    const [first] = this.#aside;
    if (!first) return [];
    const changes = this.#aside.map(({ keptIn: _keptIn, ...change }) => change) as unknown as JsonObject[];
    const data = { ...stepJson(this.#step), changes };
    const event = { id: first.keptIn, parent: first.transaction, action: actions.parked, data };
    return [parkingItem(this.#parked.bridge, event, occurredAt(this.#step))];
  }

  #isBefore({ transaction, piece, index }: ParkedChange, ours: number): boolean {
    if (isChunk(this.#step) || transaction !== this.#step.name) return true;
    return piece < this.#piece || (piece === this.#piece && index < ours);
  }

  /** Of a row in a snapshot the position tells which of several looks at it was meant. */
  #idOf({ index, row = '', table = '' }: SetAside): string {
    const { bridge } = this.#parked;
    const look = isChunk(this.#step) ? this.#step.position : '';
    const change = index < 0 ? undefined : this.#step.rows[index];
    const place = change && !isChunk(this.#step) ? `${change.pos}/${change.row}` : `${table}/${Math.min(index, 0)}`;
    return derivedId(bridge, 'parked', transactionOf(this.#step), look, this.#piece, place, row);
  }
}
