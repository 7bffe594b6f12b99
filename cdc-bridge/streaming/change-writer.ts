import type { Cursor, EventLog, StreamAppend } from '../../contract/event-log.ts';
import type { NoteChange } from '../../contract/note.ts';
import type { Coverage } from '../coverage.ts';
import type { ParkingReason } from '../errors.ts';
import { differences } from '../known-rows/differences.ts';
import type { KnownRows } from '../known-rows/known-rows.ts';
import type { TableState } from '../known-rows/table-look.ts';
import type { Mapped, Mapping } from '../mapping/mapping.ts';
import type { OpenGroups, RequestGroups } from '../mapping/request-groups.ts';
import type { RowChange } from '../mapping/row-change.ts';
import { isMapped, keptTables, type TablesConfig } from '../mapping/table-mapping.ts';
import type { ParkedChanges } from '../parking/parked-changes.ts';
import { isChunk, type Step } from '../parking/parked-step.ts';
import { Parking } from '../parking/parking.ts';
import type { Turns } from '../parking/turns.ts';
import type { Progress } from '../positions/progress.ts';
import { keptRowChanges } from '../row-changes/kept-row-changes.ts';
import type { TransactionStep } from '../row-changes/raw-transaction.ts';
import type { SourceTransaction } from '../source/change-source.ts';
import type { SnapshotChunk } from '../source/initial-snapshot/snapshot-chunk.ts';
import type { Outcome, Telemetry } from '../telemetry.ts';
import { type Addressed, changeEvent, importEvent, toAppends } from './legacy-event.ts';
import { appendPatiently } from './patient-append.ts';
import type { StepShield } from './shielded-step.ts';

/** A position that nothing went with is stored at most this often; reading it again costs nothing but time. */
const quietCursorMs = 1_000;

/** How much of the text of a statement is kept. */
const maxSqlLength = 500;

/** What is covered when the steps are on the log. */
export interface Place {
  readonly position: string;
  readonly committedAt?: string;
  /** To be stored with the steps, with the groups that may still go on. */
  cursor(groups: OpenGroups): Cursor;
}

export interface WriterPorts {
  readonly bridge: string;
  readonly tables: TablesConfig;
  readonly log: EventLog;
  readonly shield: StepShield;
  readonly mapping: Mapping;
  readonly groups: RequestGroups;
  readonly parked: ParkedChanges;
  readonly known: KnownRows;
  /** One piece of work at a time writes: releases of parked changes take turns with the writer. */
  readonly turns: Turns;
  /** Whether raw row changes are kept in topic `row-changes`. */
  readonly keepRowChanges: boolean;
  readonly coverage: Coverage;
  readonly progress: Progress;
  readonly telemetry: Telemetry;
}

/** What steps come to: changes kept as they were read, changes set aside, and events for the domain. */
interface Plan {
  /** As they passed the shield. */
  readonly transactions: TransactionStep[];
  readonly kept: StreamAppend[];
  readonly parked: StreamAppend[];
  readonly events: Addressed[];
  /** What is known of rows from then on. */
  readonly notes: NoteChange[];
}

/** How many rows a look at a table has told of. */
export interface Told {
  readonly imported: number;
  readonly corrected: number;
  readonly gone: number;
}

/**
 * Turns row changes into appends: all that steps come to and their position in one atomic step, so after a crash reading goes on exactly behind
 * what is on the log. Values that are not to leave are taken out first: nothing behind sees them.
 */
export class ChangeWriter {
  readonly #ports: WriterPorts;
  readonly #keptTables: ReadonlySet<string>;
  #storedAt = 0;

  constructor(ports: WriterPorts) {
    this.#ports = ports;
    this.#keptTables = keptTables(ports.tables);
  }

  /** Writes steps in their order with the place behind them; a place that nothing goes with may wait for the next. */
  write(steps: readonly Step[], place: Place): Promise<void> {
    return this.#ports.turns.take(() => this.#write(steps, place));
  }

  /** Stores a place that nothing goes with. */
  moveTo(place: Place): Promise<void> {
    return this.#ports.turns.take(() => this.#append(nothing(), place.cursor(this.#ports.groups.open)));
  }

  /** Writes what the log has not been told of rows as they are at this place. */
  look(state: TableState, place: Place): Promise<Told> {
    return this.#ports.turns.take(() => this.#look(state, place));
  }

  async #look({ table, rows, missing, whole, takenAt }: TableState, place: Place): Promise<Told> {
    const { shield, known, groups } = this.#ports;
    const chunk = shield({ table, rows, position: place.position, takenAt });
    const { told, untold } = await differences(this.#ports, chunk, missing, whole);
    const plan = nothing();
    this.#planChunk(told, plan);
    known.take({ ...told, rows: untold }, plan.notes);
    if (plan.notes.length > 0) await this.#append(plan, place.cursor(groups.open));
    const gone = told.rows.filter(({ op }) => op === 'd').length;
    const corrected = told.known!.filter((wasKnown) => wasKnown).length - gone;
    return { imported: told.rows.length - gone - corrected, corrected, gone };
  }

  async #write(steps: readonly Step[], place: Place): Promise<void> {
    const plan = nothing();
    let mustStore = false;
    for (const step of steps) {
      if (isChunk(step)) {
        mustStore = true;
        this.#planChunk(this.#ports.shield(step), plan);
      } else this.#planTransaction(step, plan);
    }
    if (this.#ports.keepRowChanges) plan.kept.push(...this.#keep(plan.transactions));
    const { kept, parked, events, notes } = plan;
    const isQuiet = kept.length + parked.length + events.length + notes.length === 0 && !mustStore;
    if (isQuiet && Date.now() - this.#storedAt < quietCursorMs) return;
    await this.#append(plan, place.cursor(this.#ports.groups.open));
  }

  #keep(transactions: readonly TransactionStep[]): StreamAppend[] {
    return keptRowChanges(this.#ports.bridge, transactions, (table) => this.#keptTables.has(table));
  }

  async #append({ kept, parked, events, notes }: Plan, cursor: Cursor): Promise<void> {
    const { log, progress, telemetry } = this.#ports;
    const batch = [...kept, ...parked, ...toAppends(events)];
    const results = await appendPatiently(log, 'domain', batch, cursor, telemetry, notes);
    this.#storedAt = Date.now();
    for (const result of results.slice(kept.length + parked.length)) {
      const last = result.kind === 'conflict' ? undefined : result.addresses.at(-1);
      if (last) progress.reach(last);
    }
    telemetry.appended(events.length);
    progress.count(events.length);
  }

  /** Of a chunk behind the shield. */
  #planChunk(chunk: SnapshotChunk, plan: Plan): void {
    const { bridge, mapping, parked, known } = this.#ports;
    const parking = new Parking(parked, chunk);
    for (const [index, mapped] of mapping.of(chunk.rows).entries()) {
      const change = chunk.rows[index]!;
      const outcome = this.#outcomeOf(parking, change, index, mapped);
      this.#account(change, outcome);
      if (outcome !== 'mapped' || mapped.kind !== 'mapped') continue;
      for (const event of mapped.events) plan.events.push(importEvent(bridge, chunk, event, index));
    }
    plan.parked.push(...parking.items());
    known.take(chunk, plan.notes);
  }

  #planTransaction(step: TransactionStep, plan: Plan): void {
    const { bridge, shield, mapping, groups, parked, known } = this.#ports;
    const transaction = shield(step);
    const all = mapping.of(transaction.rows, transaction.piece === undefined);
    const groupIds = groups.assign(transaction, transaction.rows, (index) => rowName(all[index]!));
    const parking = new Parking(parked, transaction);
    for (const [index, mapped] of all.entries()) {
      const change = transaction.rows[index]!;
      const group = groupIds[index];
      const outcome = transaction.covered?.has(change)
        ? 'covered'
        : this.#outcomeOf(parking, change, index, mapped, transaction.unsettled, group);
      this.#account(change, outcome);
      if (outcome !== 'mapped' || mapped.kind !== 'mapped') continue;
      for (const event of mapped.events) plan.events.push(changeEvent(bridge, transaction, change, event, group));
    }
    this.#parkUnread(parking, transaction);
    plan.parked.push(...parking.items());
    plan.transactions.push(transaction);
    known.take(transaction, plan.notes);
  }

  /** What becomes of a change; one that cannot go to the log is set aside. */
  #outcomeOf(
    parking: Parking,
    { table }: RowChange,
    index: number,
    mapped: Mapped,
    unsettled?: string,
    group?: string,
  ): Outcome {
    if (mapped.kind !== 'mapped' && mapped.kind !== 'unclear') return mapped.kind;
    const objection = objectionTo(parking, index, mapped, unsettled);
    if (!objection) return 'mapped';
    this.#setAside(parking, { ...objection, index, row: mapped.row, table, ...(group !== undefined && { group }) });
    return 'parked';
  }

  /** Writes whose rows are unknown; those about other tables only are nothing to us. */
  #parkUnread(parking: Parking, { unread }: SourceTransaction): void {
    for (const [index, { reason, sql, tables }] of unread.entries()) {
      const concerned = tables?.filter((table) => table === '*' || isMapped(this.#ports.tables[table]));
      if (concerned?.length === 0) continue;
      this.#setAside(parking, {
        reason,
        detail: sql.slice(0, maxSqlLength),
        index: -1 - index,
        streams: [],
        ...(concerned && { table: concerned.join(', ') }),
      });
    }
  }

  #setAside(parking: Parking, facts: Parameters<Parking['setAside']>[0]): void {
    const { parked, telemetry } = this.#ports;
    const change = parking.setAside(facts);
    if (change) telemetry.parked(change, parked.count);
  }

  #account(change: RowChange, outcome: Outcome): void {
    this.#ports.coverage.count(change, outcome);
    this.#ports.telemetry.rowChange(change.table, change.op, outcome);
  }
}

function nothing(): Plan {
  return { transactions: [], kept: [], parked: [], events: [], notes: [] };
}

interface Objection {
  readonly reason: ParkingReason;
  readonly detail: string;
  readonly streams: string[];
}

/** Why a change cannot go to the log, if so. */
function objectionTo(
  parking: Parking,
  index: number,
  mapped: Extract<Mapped, { kind: 'mapped' | 'unclear' }>,
  unsettled: string | undefined,
): Objection | undefined {
  if (mapped.kind === 'unclear') {
    const { reason, detail, stream } = mapped;
    return { reason, detail, streams: stream === undefined ? [] : [stream] };
  }
  const streams = [...new Set(mapped.events.map(({ stream }) => stream))];
  if (unsettled !== undefined) return { reason: 'unsettled-transaction', detail: unsettled, streams };
  if (!parking.holds(streams, mapped.row, index)) return undefined;
  return { reason: 'behind-parked', detail: 'an earlier change is parked', streams };
}

function rowName(mapped: Mapped): string | undefined {
  return mapped.kind === 'mapped' || mapped.kind === 'unclear' ? mapped.row : undefined;
}
