import { z } from 'zod';
import type { EventLog } from '../../contract/event-log.ts';
import type { Lease } from '../../contract/lease.ts';
import { domainAddress, type LogAddress } from '../../contract/log-address.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import { BridgeError } from '../errors.ts';
import { compileMapping } from '../mapping/mapping.ts';
import type { MappingFunctions } from '../mapping/mapping-function.ts';
import { RequestGroups } from '../mapping/request-groups.ts';
import type { TablesConfig } from '../mapping/table-mapping.ts';
import { type PlacedTransaction, placedTransactions } from '../row-changes/kept-row-changes.ts';
import { type Addressed, toAppends } from '../streaming/legacy-event.ts';
import {
  currentGeneration,
  type MappingRecord,
  mappingRecord,
  numberIn,
  recordName,
  recordOf,
} from './mapping-record.ts';
import { beforeAll, isBehind, type RowChangesPlace, recordedPlaces } from './recorded-places.ts';
import { requireKept, requireRemappable } from './remap-refusals.ts';
import { type RemappingPorts, remapped, type UnclearChange } from './remapped-changes.ts';
import { SettledChanges } from './settled-changes.ts';

const defaultEventsPerAppend = 500;
const pageSize = 500;
/** Unclear changes that are told one by one; all are counted. */
const shownUnclear = 20;
/** How often the new side may write more between the last look and the switch than that can take along. */
const maxSwitchAttempts = 100;

export interface RemapPorts {
  readonly log: EventLog;
  /** The lease of the bridge whose row changes are mapped again: nobody else writes under its name meanwhile. */
  readonly lease: Lease;
  readonly bridge: string;
  readonly tables: TablesConfig;
  readonly functions: MappingFunctions;
  /** Whether events of row changes that are no longer kept may be carried over as they are. */
  readonly carryOld: boolean;
  /** About how many events go into one append. Default 500. */
  readonly eventsPerAppend?: number;
}

/** How far a generation is built: what of the current one and of the kept row changes it covers. */
const buildState = z.strictObject({
  mapping: z.string(),
  from: z.int(),
  /** Offset in the current generation. */
  covered: z.int(),
  rowChanges: z.strictObject({ offset: z.int(), index: z.int() }),
  carried: z.int(),
  remapped: z.int(),
  unclear: z.int(),
  groups: z.array(z.tuple([z.string(), z.string(), z.number()])),
});
type BuildState = z.infer<typeof buildState>;

/** A generation that is built, and what it is made of. */
export interface BuiltGeneration {
  readonly generation: number;
  readonly from: number;
  /** Events taken over as they are: imports, those of the new side, and those of row changes that are no longer kept. */
  readonly carried: number;
  /** Events made of kept row changes. */
  readonly remapped: number;
  /** How many kept changes the mapping would park; with any of them there is no switch. */
  readonly unclear: number;
  /** Some of those that were met in this run. */
  readonly unclearChanges: readonly UnclearChange[];
}

/**
 * Builds a generation of topic `domain` by another mapping, beside the current one, in the order of that: row changes are mapped again, everything
 * else is carried over as it is. How far it is stands on the log in the same step as the events, so after a crash it goes on exactly there;
 * what the current one has gained since is added. Throws BridgeError `remap-refused`.
 */
export class Remap {
  readonly #ports: RemapPorts;
  readonly #number: number;
  readonly #state: BuildState;
  readonly #places: ReadonlyMap<string, RowChangesPlace>;
  readonly #mapping: RemappingPorts;
  readonly #ahead: AsyncIterator<PlacedTransaction>;
  readonly #unclear: UnclearChange[] = [];
  #next: PlacedTransaction | undefined;
  readonly #eventsPerAppend: number;
  #pending: Addressed[] = [];

  private constructor(
    ports: RemapPorts,
    number: number,
    state: BuildState,
    places: ReadonlyMap<string, RowChangesPlace>,
    settled: SettledChanges,
    ahead: AsyncIterator<PlacedTransaction>,
  ) {
    const { bridge, tables, functions, eventsPerAppend = defaultEventsPerAppend } = ports;
    this.#ports = ports;
    this.#eventsPerAppend = eventsPerAppend;
    this.#number = number;
    this.#state = state;
    this.#places = places;
    const groups = new RequestGroups(bridge, tables, state.groups);
    this.#mapping = { bridge, mapping: compileMapping(tables, functions), groups, settled };
    this.#ahead = ahead;
  }

  /** Goes on with the generation that is being built by this mapping, or begins one. */
  static async open(ports: RemapPorts): Promise<Remap> {
    const { log, bridge, tables, functions, carryOld } = ports;
    const record = mappingRecord(tables, functions);
    const from = await currentGeneration(log);
    await requireRemappable(log, bridge, await recordOf(log, bridge, from), record);
    const places = await recordedPlaces(log, bridge);
    const begun = await alreadyBegun(ports, record, from);
    const state = begun?.state ?? newState(record, from);
    if (!carryOld) await requireKept(log, domainAddress(from, state.covered), state.rowChanges.offset, places);
    const number = begun?.number ?? (await begin(ports, record));
    const { offset: tail } = await log.tail('row-changes');
    const ahead = placedTransactions(log, bridge, Math.max(state.rowChanges.offset - 1, tail));
    const remap = new Remap(ports, number, state, places, await SettledChanges.load(log, bridge), ahead);
    await remap.#lookAhead();
    return remap;
  }

  /** Adds everything that it does not cover yet. */
  async build(): Promise<BuiltGeneration> {
    const state = this.#state;
    for (;;) {
      const page = await this.#ports.log.read(`domain.${state.from}`, state.covered, pageSize);
      for (const event of page) {
        await this.#take(event);
        state.covered = event.meta.address.offset;
        if (this.#pending.length >= this.#eventsPerAppend) await this.#store();
      }
      if (page.length < pageSize) break;
    }
    await this.#mapWhile(() => true);
    await this.#store();
    const { from, carried, remapped: made, unclear } = state;
    return { generation: this.#number, from, carried, remapped: made, unclear, unclearChanges: this.#unclear };
  }

  /** Makes it the current one, with what the new side has appended meanwhile. Resolves to its head. */
  async switch(): Promise<LogAddress> {
    const { log, lease } = this.#ports;
    for (let attempt = 0; attempt < maxSwitchAttempts; attempt += 1) {
      const { from, unclear } = await this.build();
      if (unclear > 0)
        throw new BridgeError('remap-refused', `the mapping would park ${unclear} of the kept row changes`);
      const covered = domainAddress(from, this.#state.covered);
      if (await log.generations.switch(this.#number, covered, lease)) return log.head('domain');
    }
    throw new BridgeError(
      'remap-refused',
      `the new side has written too much before each of ${maxSwitchAttempts} attempts to switch`,
    );
  }

  /** An event of the current generation: of a row change those that its transaction gives now, if they are not there yet; others as they are. */
  async #take(event: RecordedEvent): Promise<void> {
    const place = event.meta.origin === 'legacy-cdc' ? this.#places.get(event.meta.position ?? '') : undefined;
    if (place) return this.#mapWhile((next) => !isBehind(next, place));
    this.#pending.push(asItIs(event));
    this.#state.carried += 1;
  }

  async #mapWhile(wanted: (next: PlacedTransaction) => boolean): Promise<void> {
    while (this.#next && wanted(this.#next)) {
      const { offset, index, transaction } = this.#next;
      const events = remapped(this.#mapping, transaction, (change) => this.#note(change));
      this.#pending.push(...events);
      this.#state.remapped += events.length;
      this.#state.rowChanges = { offset, index };
      if (this.#pending.length >= this.#eventsPerAppend) await this.#store();
      await this.#lookAhead();
    }
  }

  /** To the next transaction that is kept whole and not covered. */
  async #lookAhead(): Promise<void> {
    do {
      const { value, done } = await this.#ahead.next();
      this.#next = done ? undefined : value;
    } while (
      this.#next &&
      !(isBehind(this.#next, this.#state.rowChanges) && this.#places.has(this.#next.transaction.name))
    );
  }

  #note(change: UnclearChange): void {
    this.#state.unclear += 1;
    if (this.#unclear.length < shownUnclear) this.#unclear.push(change);
  }

  async #store(): Promise<void> {
    const { log, bridge, lease } = this.#ports;
    const groups = this.#mapping.groups.open.map(([...group]) => group);
    const value = JSON.stringify({ ...this.#state, groups });
    await log.append(
      `domain.${this.#number}`,
      toAppends(this.#pending),
      { name: stateName(bridge, this.#number), value },
      lease,
    );
    this.#pending = [];
  }
}

function stateName(bridge: string, generation: number): string {
  return `remap:${bridge}:${generation}`;
}

function newState({ hash }: MappingRecord, from: number): BuildState {
  const nothing = { covered: 0, rowChanges: beforeAll, carried: 0, remapped: 0, unclear: 0, groups: [] };
  return { mapping: hash, from, ...nothing };
}

/** The generation being built, when it is by this mapping and beside the current one. */
async function alreadyBegun(
  { log, bridge }: RemapPorts,
  { hash }: MappingRecord,
  from: number,
): Promise<{ number: number; state: BuildState } | undefined> {
  const number = numberIn(await log.generations.list(), 'building');
  const stored = number === undefined ? undefined : await log.cursor(stateName(bridge, number));
  if (number === undefined || !stored) return undefined;
  const state = buildState.parse(JSON.parse(stored.value));
  return state.mapping === hash && state.from === from ? { number, state } : undefined;
}

/** Begins one in the place of any other that was being built, with the record of the mapping that makes it. */
async function begin({ log, lease, bridge }: RemapPorts, record: MappingRecord): Promise<number> {
  await log.generations.discard(lease);
  const number = await log.generations.begin(lease);
  const cursor = { name: recordName(bridge, number), value: JSON.stringify(record) };
  await log.append(`domain.${number}`, [], cursor, lease);
  return number;
}

function asItIs({ id, parent, action, data, meta }: RecordedEvent): Addressed {
  const { schema, occurredAt, origin, position, traceparent, group, stream } = meta;
  const known = { ...(position && { position }), ...(traceparent && { traceparent }), ...(group && { group }) };
  return { stream, event: { id, parent, action, data, meta: { schema, occurredAt, origin, ...known } } };
}
