import { randomUUID } from 'node:crypto';
import { derivedId } from '../../contract/event-id.ts';
import type { EventLog, StreamAppend } from '../../contract/event-log.ts';
import type { JsonObject } from '../../contract/json.ts';
import type { Mapped, Mapping } from '../mapping/mapping.ts';
import type { Progress } from '../positions/progress.ts';
import { type Addressed, changeEvent, importEvent, toAppends } from '../streaming/legacy-event.ts';
import { appendPatiently } from '../streaming/patient-append.ts';
import type { Telemetry } from '../telemetry.ts';
import { actions, groupsOf, type ParkedChange, parkingItem, type Revision } from './parked-change.ts';
import type { ParkedChanges } from './parked-changes.ts';
import { isChunk, restoredStep, type Step } from './parked-step.ts';
import { isSelected, type ParkingAnswer, type ParkingRequest } from './parking-request.ts';

/** Bounds one append, and so what a crash has to do again. */
const changesPerAppend = 200;

export interface ReleasePorts {
  /** Fenced, as all that the bridge writes through. */
  readonly log: EventLog;
  readonly mapping: Mapping;
  readonly parked: ParkedChanges;
  readonly progress: Progress;
  readonly telemetry: Telemetry;
}

/** What came of a change that was tried again. */
type Attempt = { readonly events: readonly Addressed[] } | { readonly revision: Revision };

/** One append's worth of what became of parked changes. */
interface Pass {
  readonly released: { readonly change: ParkedChange; readonly events: readonly Addressed[] }[];
  readonly revised: { readonly change: ParkedChange; readonly revision: Revision }[];
}

/**
 * Releases parked changes: maps them again, with the mapping of today, and appends the events that they would have given at first, with the same
 * ids. What waits behind a change follows in order as soon as that is gone, released or skipped. The events and the note that a change
 * is released are one append, so a crash leaves nothing half-done and a request that was not answered is done again from where it was.
 */
export class ParkedRelease {
  readonly #ports: ReleasePorts;
  #lastStep: { readonly id: string; readonly step: Step; readonly mapped: readonly Mapped[] } | undefined;

  constructor(ports: ReleasePorts) {
    this.#ports = ports;
  }

  /** Does what was asked for, and says on the log what that came to. Nothing else may write meanwhile. */
  async answer(request: ParkingRequest): Promise<ParkingAnswer> {
    const { parked } = this.#ports;
    const skipped = request.what === 'skip' ? await this.#skip(request) : 0;
    const released = await this.#drain(request);
    const stillParked = [...parked.all()].filter((change) => isSelected(change, request.selection)).length;
    const answer = { released, skipped, stillParked };
    await this.#append([], [this.#note(actions.answered, request.id, { request: request.id, ...answer })]);
    parked.answer(request.id);
    this.#ports.telemetry.parkedRequestAnswered(request.what, answer, parked.count);
    return answer;
  }

  async #skip({ selection, reason = '', by }: ParkingRequest): Promise<number> {
    const { parked } = this.#ports;
    const meant = [...parked.all()].filter((change) => isSelected(change, selection));
    for (let from = 0; from < meant.length; from += changesPerAppend) {
      const changes = meant.slice(from, from + changesPerAppend);
      await this.#append(
        [],
        changes.map(({ id }) => this.#note(actions.skipped, id, { change: id, reason, by })),
      );
      for (const { id } of changes) parked.settle(id);
    }
    return meant.length;
  }

  /** Passes over what is parked until nothing moves any more. Gives how many were released. */
  async #drain(request: ParkingRequest): Promise<number> {
    const { parked } = this.#ports;
    const tried = new Set<string>();
    for (let count = 0; ; ) {
      const { released, revised } = await this.#pass(request, tried);
      if (released.length + revised.length === 0) return count;
      await this.#append(
        released.flatMap(({ events }) => events),
        [
          ...released.map(({ change: { id } }) => this.#note(actions.released, id, { change: id, by: request.by })),
          ...revised.map(({ change: { id }, revision }) =>
            this.#note(actions.stillParked, id, { change: id, ...revision }, randomUUID()),
          ),
        ],
      );
      for (const { change } of released) parked.settle(change.id);
      for (const { change, revision } of revised) parked.revise(change.id, revision);
      count += released.length;
    }
  }

  /** In the order of parking: what is meant, and what only waits, is tried unless something that stays stands before it. */
  async #pass(request: ParkingRequest, tried: Set<string>): Promise<Pass> {
    const pass: Pass = { released: [], revised: [] };
    const blocked = new Set<string>();
    for (const change of this.#ports.parked.all()) {
      const isFree = !tried.has(change.id) && !groupsOf(change).some((group) => blocked.has(group));
      const attempt = isFree && isDue(change, request) ? await this.#attempt(change, blocked) : undefined;
      if (attempt && 'events' in attempt) {
        pass.released.push({ change, events: attempt.events });
      } else {
        for (const group of groupsOf({ ...change, ...attempt?.revision })) blocked.add(group);
        if (attempt) tried.add(change.id);
        if (attempt && says(change, attempt.revision)) pass.revised.push({ change, revision: attempt.revision });
      }
      if (pass.released.length + pass.revised.length === changesPerAppend) break;
    }
    return pass;
  }

  async #attempt(change: ParkedChange, blocked: ReadonlySet<string>): Promise<Attempt> {
    const { index, reason, detail } = change;
    if (index < 0 || reason === 'unsettled-transaction')
      return { revision: { reason, detail, streams: change.streams } };
    const { step, mapped } = await this.#stepOf(change);
    const found = mapped[index]!;
    if (found.kind === 'unclear') {
      return {
        revision: { reason: found.reason, detail: found.detail, streams: united(change.streams, found.stream) },
      };
    }
    const events = found.kind === 'mapped' ? this.#eventsOf(step, change, found) : [];
    const streams = united(change.streams, ...events.map(({ stream }) => stream));
    const waits = groupsOf({ ...change, streams }).some((group) => blocked.has(group));
    return waits ? { revision: { ...behind, streams } } : { events };
  }

  #eventsOf(step: Step, { index, group }: ParkedChange, { events }: Mapped & { kind: 'mapped' }): Addressed[] {
    const { bridge } = this.#ports.parked;
    return events.map((event) =>
      isChunk(step)
        ? importEvent(bridge, step, event, index)
        : changeEvent(bridge, step, step.rows[index]!, event, group),
    );
  }

  /** Changes of one step are neighbours mostly: the last step is remembered. */
  async #stepOf({ keptIn }: ParkedChange): Promise<{ readonly step: Step; readonly mapped: readonly Mapped[] }> {
    if (this.#lastStep?.id === keptIn) return this.#lastStep;
    const event = await this.#ports.log.find('parked', keptIn);
    const step = restoredStep(event!);
    const whole = isChunk(step) || step.piece === undefined;
    this.#lastStep = { id: keptIn, step, mapped: this.#ports.mapping.of(step.rows, whole) };
    return this.#lastStep;
  }

  async #append(events: readonly Addressed[], notes: readonly StreamAppend[]): Promise<void> {
    const { log, progress, telemetry } = this.#ports;
    const results = await appendPatiently(log, 'domain', [...toAppends(events), ...notes], undefined, telemetry);
    for (const result of results.slice(0, -notes.length))
      if (result.kind !== 'conflict') progress.reach(result.addresses.at(-1)!);
    progress.count(events.length);
    telemetry.appended(events.length);
  }

  /** An event of topic `parked` about a change, or about a request. What happens once has an id of its own making. */
  #note(action: string, about: string, data: object, id?: string): StreamAppend {
    const { bridge } = this.#ports.parked;
    const event = { id: id ?? derivedId(bridge, action, about), parent: about, action, data: data as JsonObject };
    return parkingItem(bridge, event, new Date().toISOString());
  }
}

const behind = { reason: 'behind-parked', detail: 'an earlier change is parked' } as const;

function united(streams: readonly string[], ...more: readonly (string | undefined)[]): string[] {
  return [...new Set([...streams, ...more.filter((stream) => stream !== undefined)])];
}

/** Whether a request is about the change, or it only waits for others. */
function isDue(change: ParkedChange, { what, selection }: ParkingRequest): boolean {
  return change.reason === 'behind-parked' || (what === 'retry' && isSelected(change, selection));
}

/** Whether a vain attempt has found out anything. */
function says(change: ParkedChange, { reason, detail, streams }: Revision): boolean {
  return change.reason !== reason || change.detail !== detail || change.streams.length !== streams.length;
}
