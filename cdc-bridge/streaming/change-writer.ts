import type { Cursor, EventLog } from '../../contract/event-log.ts';
import type { NewEvent } from '../../contract/recorded-event.ts';
import type { Coverage } from '../coverage.ts';
import type { Mapped, MappedEvent, Mapping } from '../mapping/mapping.ts';
import type { RowChange } from '../mapping/row-change.ts';
import { columnsOf, isMapped, type TablesConfig } from '../mapping/table-mapping.ts';
import { imageOf, type ParkedChange, type ParkedChanges, snapshotTransaction } from '../parking/parked-changes.ts';
import type { Progress } from '../positions/progress.ts';
import type { SourceTransaction } from '../source/change-source.ts';
import type { SnapshotChunk } from '../source/initial-snapshot.ts';
import type { Telemetry } from '../telemetry.ts';
import { type Addressed, changeEvent, importEvent, toAppends } from './legacy-event.ts';
import { appendPatiently } from './patient-append.ts';
import type { SnapshotWindow } from './snapshot-window.ts';

/** A position that no event went with is stored at most this often; reading it again costs nothing but time. */
const quietCursorMs = 1_000;

export interface WriterPorts {
  readonly bridge: string;
  readonly tables: TablesConfig;
  readonly log: EventLog;
  readonly mapping: Mapping;
  readonly parked: ParkedChanges;
  readonly coverage: Coverage;
  readonly progress: Progress;
  readonly telemetry: Telemetry;
}

/** What one transaction comes to: events for the domain, and changes set aside. */
interface Plan {
  readonly events: Addressed[];
  readonly parked: NewEvent[];
}

/**
 * Turns row changes into appends: events and position in one atomic step, so after a crash reading goes on exactly behind what is on the log.
 * Parked changes go to their own topic just before; a transaction that parks starts a step of its own, so that a repeat meets the
 * same state.
 */
export class ChangeWriter {
  readonly #ports: WriterPorts;
  #storedAt = 0;

  constructor(ports: WriterPorts) {
    this.#ports = ports;
  }

  /** One chunk of the initial snapshot. */
  async import(chunk: SnapshotChunk, cursor: Cursor): Promise<void> {
    const plan: Plan = { events: [], parked: [] };
    const mapped = this.#ports.mapping.of(chunk.rows);
    for (const [index, change] of chunk.rows.entries()) this.#planImport(chunk, change, mapped[index]!, plan);
    await this.#park(plan.parked);
    await this.#append(plan.events, cursor);
  }

  /** Stores a place that no events go with. */
  moveTo(cursor: Cursor): Promise<void> {
    return this.#append([], cursor);
  }

  /** Transactions in their order; `cursorAt` gives the cursor that covers everything up to one of them. */
  async write(
    batch: readonly SourceTransaction[],
    cursorAt: (transaction: SourceTransaction) => Cursor,
    window: SnapshotWindow,
  ): Promise<void> {
    let events: Addressed[] = [];
    let covered: SourceTransaction | undefined;
    for (const transaction of batch) {
      const plan = await this.#plan(transaction, window);
      if (plan.parked.length > 0) {
        if (covered) await this.#append(events, cursorAt(covered));
        events = [];
        await this.#park(plan.parked);
      }
      for (const event of plan.events) events.push(event);
      covered = transaction;
    }
    if (!covered) return;
    const quiet = events.length === 0 && Date.now() - this.#storedAt < quietCursorMs;
    if (!quiet) await this.#append(events, cursorAt(covered));
    this.#ports.progress.pass(covered.position, covered.committedAt);
  }

  async #append(events: readonly Addressed[], cursor: Cursor): Promise<void> {
    const { log, progress, telemetry } = this.#ports;
    const results = await appendPatiently(log, 'domain', toAppends(events), cursor, telemetry);
    this.#storedAt = Date.now();
    const last = results.flatMap((result) => (result.kind === 'conflict' ? [] : result.addresses)).at(-1);
    if (last) progress.reach(last);
    telemetry.appended(events.length);
    progress.count(events.length);
  }

  async #park(parked: readonly NewEvent[]): Promise<void> {
    if (parked.length === 0) return;
    const { bridge, log, telemetry } = this.#ports;
    const events = parked.map((event) => ({ stream: `parked-${bridge}`, event }));
    await appendPatiently(log, 'parked', toAppends(events), undefined, telemetry);
  }

  async #plan(transaction: SourceTransaction, window: SnapshotWindow): Promise<Plan> {
    const plan: Plan = { events: [], parked: [] };
    const mapped = this.#ports.mapping.of(transaction.rows, transaction.piece === undefined);
    for (const [index, change] of transaction.rows.entries())
      await this.#planChange(transaction, change, mapped[index]!, window, plan);
    transaction.unread.forEach(({ reason, sql, tables }, index) => {
      const mapped = tables?.filter((table) => this.#isMapped(table));
      if (mapped?.length === 0) return;
      this.#setAside(plan, transaction.committedAt, {
        reason,
        detail: sql.slice(0, 500),
        transaction: transaction.name,
        pos: 0,
        rowIndex: -1 - index,
        ...(mapped && { table: mapped.join(', ') }),
      });
    });
    return plan;
  }

  #isMapped(table: string): boolean {
    const entry = this.#ports.tables[table];
    return table === '*' || isMapped(entry);
  }

  async #planChange(
    transaction: SourceTransaction,
    change: RowChange,
    mapped: Mapped,
    window: SnapshotWindow,
    plan: Plan,
  ): Promise<void> {
    const objection = this.#objection(transaction, change, mapped);
    if (objection) {
      const { name, committedAt } = transaction;
      this.#setAside(
        plan,
        committedAt,
        { ...objection, transaction: name, pos: change.pos, rowIndex: change.row, table: change.table },
        change,
      );
      return;
    }
    if (mapped.kind !== 'mapped') return this.#account(change, mapped.kind === 'ignored' ? 'ignored' : 'unmapped');
    const fresh = window.spans(transaction.gtid)
      ? await unseen(window, transaction.gtid, change.table, mapped.events)
      : mapped.events;
    this.#account(change, fresh.length > 0 ? 'mapped' : 'covered');
    plan.events.push(...fresh.map((event) => changeEvent(this.#ports.bridge, transaction, change, event)));
  }

  /** Why a change cannot go to the log, if so. */
  #objection(
    { name, unsettled }: SourceTransaction,
    change: RowChange,
    mapped: Mapped,
  ): Pick<ParkedChange, 'reason' | 'detail' | 'row' | 'stream'> | undefined {
    if (mapped.kind === 'unclear') {
      return {
        reason: mapped.reason,
        detail: mapped.detail,
        row: mapped.row,
        ...(mapped.stream ? { stream: mapped.stream } : {}),
      };
    }
    if (mapped.kind !== 'mapped') return undefined;
    const streams = mapped.events.map(({ stream }) => stream);
    const place = { row: mapped.row, stream: streams.at(-1)! };
    if (unsettled) return { reason: 'unsettled-transaction', detail: unsettled, ...place };
    if (!this.#ports.parked.hold(streams, mapped.row, name, change)) return undefined;
    return { reason: 'behind-parked', detail: 'an earlier change is parked', ...place };
  }

  #planImport(chunk: SnapshotChunk, change: RowChange, mapped: Mapped, plan: Plan): void {
    if (mapped.kind === 'unclear') {
      const { reason, detail, row, stream } = mapped;
      const place = {
        transaction: snapshotTransaction,
        pos: 0,
        rowIndex: 0,
        table: change.table,
        row,
        ...(stream ? { stream } : {}),
      };
      this.#setAside(plan, chunk.takenAt, { reason, detail, ...place }, change);
    } else if (mapped.kind === 'mapped') {
      this.#account(change, 'mapped');
      plan.events.push(...mapped.events.map((event) => importEvent(this.#ports.bridge, chunk, event)));
    } else {
      this.#account(change, mapped.kind);
    }
  }

  #setAside(plan: Plan, occurredAt: string, facts: Omit<ParkedChange, 'id'>, change?: RowChange): void {
    const { parked, telemetry, tables } = this.#ports;
    const image = change ? imageOf(change, excludedColumns(tables, change.table)) : {};
    const event = parked.park(facts, occurredAt, image);
    if (change) this.#account(change, 'parked');
    if (!event) return;
    telemetry.parked({ ...facts, id: event.id }, parked.count);
    plan.parked.push(event);
  }

  #account({ table, op }: RowChange, outcome: Parameters<Coverage['count']>[2]): void {
    this.#ports.coverage.count(table, op, outcome);
    this.#ports.telemetry.rowChange(table, op, outcome);
  }
}

async function unseen(
  window: SnapshotWindow,
  gtid: string,
  table: string,
  events: readonly MappedEvent[],
): Promise<MappedEvent[]> {
  const fresh: MappedEvent[] = [];
  for (const event of events) if (!(await window.hasSeen(gtid, table, event))) fresh.push(event);
  return fresh;
}

function excludedColumns(tables: TablesConfig, name: string): ReadonlySet<string> {
  return new Set(columnsOf(tables[name])?.exclude);
}
