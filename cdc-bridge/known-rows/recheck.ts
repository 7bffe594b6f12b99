import { setTimeout as delay } from 'node:timers/promises';
import type { EventLog } from '../../contract/event-log.ts';
import { isMapped } from '../mapping/table-mapping.ts';
import type { ParkedChanges } from '../parking/parked-changes.ts';
import type { Turns } from '../parking/turns.ts';
import { kindOf } from '../positions/gtid.ts';
import type { SourceTransaction } from '../source/change-source.ts';
import { ChunkReader } from '../source/initial-snapshot/chunk-reader.ts';
import { Estimate } from '../source/initial-snapshot/estimate.ts';
import type { Place } from '../source/initial-snapshot/key-order.ts';
import { Pace } from '../source/initial-snapshot/pace.ts';
import { planTable, type TablePlan } from '../source/initial-snapshot/table-plan.ts';
import type { Told } from '../streaming/change-writer.ts';
import { type ImportPorts, importedTables, patiently } from '../streaming/import-snapshot.ts';
import { appendPatiently } from '../streaming/patient-append.ts';
import type { KnownRows } from './known-rows.ts';
import { resolvedBySnapshot, resolvingNotes } from './resolved-parking.ts';
import {
  answered,
  asksForSnapshot,
  openRequests,
  type SnapshotAnswer,
  type SnapshotRequest,
} from './snapshot-request.ts';
import { type Seen, TableLook, type TableState } from './table-look.ts';

/** Between two looks at a server that has logged a transaction and does not show it yet. */
const unseenMs = 2;
/** Known rows that are looked for at once. */
const namesPerLook = 500;

export interface RecheckPorts extends Pick<ImportPorts, 'config' | 'database' | 'flow' | 'telemetry' | 'report'> {
  readonly log: EventLog;
  readonly known: KnownRows;
  readonly parked: ParkedChanges;
  /** Turns of those who write beside the flow. */
  readonly turns: Turns;
  /** Where the stream stands: everything up to here is on the log. */
  readonly position: () => string;
  readonly tell: (state: TableState) => Promise<Told>;
}

/** What has been told so far of a request's tables. */
type Tally = { -readonly [Count in keyof Told]: Told[Count] };

/**
 * The differential snapshot: reads tables again that are imported, while the stream flows, and tells what of their rows the log has not been told.
 * What is told is known in the same step, so whatever interrupts it, it begins again and tells nothing twice.
 */
export class Recheck {
  readonly #ports: RecheckPorts;
  #look: TableLook | undefined;

  constructor(ports: RecheckPorts) {
    this.#ports = ports;
  }

  /** Takes note of transactions that are on the log. To be called in their turn of the flow. */
  async passed(batch: readonly SourceTransaction[]): Promise<void> {
    const look = this.#look;
    if (!look) return;
    for (const transaction of batch) look.pass(transaction);
    if (batch.at(-1)?.piece?.last !== false) await this.#endIfReached(look);
  }

  /** Does what was asked for while no bridge ran, then what is asked for, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, config } = this.#ports;
    const { offset } = await log.head('parked');
    for (const request of await openRequests(log, config.name)) await this.#answer(request, signal);
    for await (const batch of log.follow('parked', offset, signal)) {
      if (!batch.some((event) => asksForSnapshot(event, config.name))) continue;
      for (const request of await openRequests(log, config.name)) await this.#answer(request, signal);
    }
  }

  async #answer(request: SnapshotRequest, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { log, config, parked, turns, telemetry, report } = this.#ports;
    const imported = importedTables(config.tables);
    const asked = request.tables ?? imported;
    const refused = Object.fromEntries(asked.flatMap((table) => this.#refusal(table)));
    const tables = asked.filter((table) => !Object.hasOwn(refused, table));
    telemetry.recheckStarted(request.id, tables);
    report.start('differential', tables.length);
    const before = [...parked.all()];
    const tally: Tally = { imported: 0, corrected: 0, gone: 0 };
    await patiently(this.#ports, signal, () => this.#oneRun(tables, tally, signal));
    if (signal.aborted) return;
    const resolved = resolvedBySnapshot(before, tables, tables.length === imported.length);
    const answer: SnapshotAnswer = { tables, ...tally, resolved: resolved.length, refused };
    await turns.take(async () => {
      const notes = resolvingNotes(config.name, request, resolved);
      await appendPatiently(log, 'parked', [...notes, answered(config.name, request, answer)], undefined, telemetry);
      for (const { id } of resolved) parked.settle(id);
    });
    telemetry.recheckFinished(request.id, answer, parked.count);
  }

  /** Why a table cannot be read again, if so. */
  #refusal(table: string): [table: string, why: string][] {
    const { config, known, position } = this.#ports;
    if (kindOf(position()) === 'file')
      return [[table, 'without GTIDs nobody can tell which transactions a SELECT has seen']];
    if (known.tables.includes(table)) return [];
    if (!importedTables(config.tables).includes(table)) return [[table, 'no rule of the mapping imports its rows']];
    return [
      [table, 'it was imported while legacy.database.knownRows was false, so nobody knows what the log was told of it'],
    ];
  }

  async #oneRun(tables: readonly string[], tally: Tally, signal: AbortSignal): Promise<void> {
    const reader = await ChunkReader.open(this.#ports.database);
    const stop = () => {
      this.#look?.end(false);
      reader.close();
    };
    signal.addEventListener('abort', stop, { once: true });
    try {
      for (const [done, table] of tables.entries()) {
        const plan = await this.#plan(table);
        this.#ports.report.begin(table, await Estimate.of(this.#ports.database, plan, undefined), tables.length - done);
        await this.#findGone(reader, plan, tally, signal);
        await this.#readAgain(reader, plan, tally, signal);
      }
    } finally {
      signal.removeEventListener('abort', stop);
      reader.close();
    }
  }

  #plan(table: string): Promise<TablePlan> {
    const { config, database } = this.#ports;
    const mapped = config.tables[table];
    if (!isMapped(mapped)) throw new RangeError(`table ${table} is to be read again but not mapped`);
    return planTable(database, table, mapped);
  }

  /** Looks for each row that is known: their ends come first, so that what was theirs is free for others. */
  async #findGone(reader: ChunkReader, first: TablePlan, tally: Tally, signal: AbortSignal): Promise<void> {
    const { log, known } = this.#ports;
    const { table } = first;
    let plan = first;
    for (let after = ''; !signal.aborted; ) {
      const names = await known.names(log, table, after, namesPerLook);
      if (names.length === 0) return;
      const seen = await this.#see(reader, plan, tally, signal, async () => {
        const places = names.map((name) => plan.order.placeOf(known.keyOf(table, name))!);
        const { keys, takenAt } = await reader.keysAmong(plan, places);
        const found = new Set(keys.map((key) => known.nameOf(table, key)));
        return { rows: [], missing: names.filter((name) => !found.has(name)), takenAt };
      });
      if (seen) after = names.at(-1)!;
      else plan = await this.#plan(table);
    }
  }

  /** Reads the table whole, in chunks. */
  async #readAgain(reader: ChunkReader, first: TablePlan, tally: Tally, signal: AbortSignal): Promise<void> {
    const { config, report } = this.#ports;
    const pace = new Pace(config.database.snapshot);
    let plan = first;
    let after: Place | undefined;
    while (!signal.aborted) {
      const wait = (threads: number, limit: number) => report.wait(threads, limit);
      await pace.turn(() => reader.threadsRunning(), wait, signal);
      const began = performance.now();
      let upTo: Place | undefined;
      const seen = await this.#see(reader, plan, tally, signal, async () => {
        const chunk = await reader.read(plan, after, pace.rows);
        upTo = chunk.upTo;
        pace.learn(performance.now() - began);
        return { rows: chunk.rows, missing: [], takenAt: chunk.takenAt };
      });
      if (!seen) plan = await this.#plan(plan.table);
      else {
        report.imported(seen.rows.length, upTo);
        if (!upTo) return;
        after = upTo;
      }
    }
  }

  /** One look: resolves when what was seen is told; undefined when it has to be taken again. */
  async #see(
    reader: ChunkReader,
    plan: TablePlan,
    tally: Tally,
    signal: AbortSignal,
    select: () => Promise<Seen>,
  ): Promise<Seen | undefined> {
    const { flow, known, position } = this.#ports;
    const nameOf = known.nameOf.bind(known, plan.table);
    const look = await flow.take(async () => {
      const told = (state: Seen) => this.#tell(plan, state, tally);
      this.#look = new TableLook(plan.table, nameOf, position(), told);
      return this.#look;
    });
    try {
      while (!look.isVisible(await reader.low())) await delay(unseenMs);
      const seen = await select();
      look.read(seen, await reader.high());
      await flow.take(() => this.#endIfReached(look));
      if (signal.aborted) look.end(false);
      return (await look.ended) ? seen : undefined;
    } finally {
      this.#look = undefined;
    }
  }

  async #tell({ table, whole }: TablePlan, seen: Seen, tally: Tally): Promise<void> {
    const { imported, corrected, gone } = await this.#ports.tell({ table, whole, ...seen });
    tally.imported += imported;
    tally.corrected += corrected;
    tally.gone += gone;
  }

  async #endIfReached(look: TableLook): Promise<void> {
    if (look.isReachedBy(this.#ports.position())) await look.close();
  }
}
