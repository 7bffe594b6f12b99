import type { Row, RowChange } from '../mapping/row-change.ts';
import type { Step } from '../parking/parked-step.ts';
import type { StreamPosition } from '../positions/cursor.ts';
import { changedStep, type SourceTransaction } from '../source/change-source.ts';
import type { Place } from '../source/initial-snapshot/key-order.ts';
import type { SnapshotChunk } from '../source/initial-snapshot/snapshot-chunk.ts';
import type { TablePlan } from '../source/initial-snapshot/table-plan.ts';
import { type ChangeStanding, keyText, type StandingRow, standings } from './row-standing.ts';
import { SnapshotWindow } from './snapshot-window.ts';

/** How far tables are imported, as it is stored. */
export type ImportProgress = Required<Pick<StreamPosition, 'imported'>> & Pick<StreamPosition, 'current'>;

/** Where a write leads, to be stored with it. */
export interface FlowPlace extends ImportProgress {
  /** The last transaction of the stream that is on the log by then; absent before the first. */
  readonly last: SourceTransaction | undefined;
}

const firstHoldMs = 500;

/** Writes steps in one append together with the place. */
export type WriteSteps = (steps: readonly Step[], place: FlowPlace) => Promise<void>;

/** The table being imported. */
interface CurrentTable {
  readonly plan: TablePlan;
  readonly after: Place | undefined;
}

/** Why a chunk is given up and read again. */
export type GivenUp = 'slow' | 'large-transaction' | 'schema-change' | 'cleared' | 'partial-image' | 'failed';

/**
 * The initial snapshot while the stream flows. Keeps this true of every row at each place that is stored: a row up to the current table's `after`,
 * and each row of an imported table, has its whole history on the log; a row beyond has nothing there.
 *
 * A change of a row that is beyond is covered by the import to come. Inside a chunk's window the first change of a row brings its image
 * of before along, and that is its import; the chunk's other rows follow when the window closes. docs/decisions/initial-snapshot.md
 * has the proof. Calls of `pass`, `close` and `giveUp` must not overlap.
 */
export class LiveSnapshot {
  readonly #write: WriteSteps;
  readonly #imported: Set<string>;
  readonly #waiting: Set<string>;
  readonly #onGivenUp: (why: GivenUp) => void;
  #current: CurrentTable | undefined;
  #window: SnapshotWindow | undefined;
  readonly #start: string;
  /** The stream has come to here: every transaction up to it is on the log, or held. */
  #last: SourceTransaction | undefined;
  /** How long a transaction waits for a chunk that is being read: longer after each chunk that was given up for it. */
  #holdMs = firstHoldMs;
  /** Set when the table's columns may have changed since its plan was made. */
  isPlanStale = false;

  constructor(
    from: StreamPosition,
    tables: readonly string[],
    write: WriteSteps,
    onGivenUp: (why: GivenUp) => void = () => {},
  ) {
    this.#write = write;
    this.#onGivenUp = onGivenUp;
    this.#start = from.position;
    this.#imported = new Set(from.imported);
    this.#waiting = new Set(tables.filter((table) => !this.#imported.has(table)));
  }

  /** Tables that are not imported whole, the current one among them. */
  get remaining(): string[] {
    return [...this.#waiting];
  }

  get #position(): string {
    return this.#last?.position ?? this.#start;
  }

  /** Goes on with a table, from where its import had come to. */
  begin(plan: TablePlan, after: Place | undefined): void {
    this.#current = { plan, after };
    this.isPlanStale = false;
  }

  /** The table being imported and its last place on the log; undefined before its first chunk. */
  get current(): StreamPosition['current'] {
    return this.#current?.after && { table: this.#current.plan.table, after: [...this.#current.after] };
  }

  /** How far the import has come, to be stored with a place of the stream. */
  get reached(): ImportProgress {
    return { imported: [...this.#imported], ...(this.current && { current: this.current }) };
  }

  /** Opens a window for the next chunk. The stream stands still until the window has its low watermark. */
  open(): SnapshotWindow {
    this.#window = new SnapshotWindow(this.#position);
    return this.#window;
  }

  /** Takes transactions of the stream in their order; resolves when they are on the log or wait for the window to close. */
  async pass(batch: readonly SourceTransaction[]): Promise<void> {
    const steps: Step[] = [];
    for (const transaction of batch) {
      const window = await this.#positionedWindow();
      if (!window?.concerns(transaction)) {
        this.#reach(transaction);
        steps.push(await this.#outside(transaction));
        if (altersTables(transaction)) await this.giveUp('schema-change');
        continue;
      }
      await this.#flush(steps);
      await this.#inside(window, transaction);
    }
    await this.#flush(steps);
    // What the chunk is known to have seen can bring the stream to its high watermark too.
    await this.closeIfReached();
  }

  /** Imports the chunk when the stream has come far enough already. */
  async closeIfReached(): Promise<void> {
    const window = this.#window;
    if (window?.isOpen && window.isReachedBy(this.#position)) await this.#close(window);
  }

  /** Ends the window without its chunk. What it held goes on as if it had not been there. */
  async giveUp(why: GivenUp): Promise<void> {
    const window = this.#window;
    if (!window) return;
    this.#window = undefined;
    const steps: Step[] = [];
    for (const transaction of window.held) steps.push(await this.#outside(transaction));
    await this.#flush(steps);
    if (why === 'slow') this.#holdMs *= 2;
    this.#onGivenUp(why);
    window.end(false);
  }

  async #positionedWindow(): Promise<SnapshotWindow | undefined> {
    const window = this.#window;
    if (window?.isPositioned === false && !(await within(window.positioned, this.#holdMs))) await this.giveUp('slow');
    return this.#window;
  }

  async #flush(steps: Step[]): Promise<void> {
    if (steps.length === 0) return;
    await this.#write(steps, this.#place());
    steps.length = 0;
  }

  #reach(transaction: SourceTransaction): void {
    this.#last = transaction;
    if (altersTables(transaction)) this.isPlanStale = true;
  }

  /** A transaction that no chunk has to do with. */
  async #outside(transaction: SourceTransaction): Promise<Step> {
    const found = await this.#standings(transaction, undefined);
    return this.#covering(transaction, found);
  }

  async #inside(window: SnapshotWindow, transaction: SourceTransaction): Promise<void> {
    const settled = await within(window.settled, this.#holdMs);
    const objection = settled ? this.#objection(transaction) : 'slow';
    if (!window.chunk || objection) {
      await this.giveUp(objection ?? 'failed');
      this.#reach(transaction);
      await this.#write([await this.#outside(transaction)], this.#place());
      return;
    }
    const found = await this.#standings(transaction, window);
    const images = imagesOfBefore(transaction.rows, found, window);
    if (!images.every((row) => this.#isWhole(row))) {
      this.#reachHeld(window, transaction);
      return this.giveUp('partial-image');
    }
    const { takenAt } = window.chunk;
    const { table } = this.#current!.plan;
    if (images.length > 0) window.steps.push({ table, rows: images, position: this.#position, takenAt });
    window.steps.push(this.#covering(transaction, found));
    this.#reachHeld(window, transaction);
    if (window.isReachedBy(transaction.position)) await this.#close(window);
    else if (window.isFull) await this.giveUp('large-transaction');
  }

  #reachHeld(window: SnapshotWindow, transaction: SourceTransaction): void {
    window.hold(transaction);
    this.#reach(transaction);
  }

  /** What makes it impossible to say what the chunk has seen of a transaction. */
  #objection(transaction: SourceTransaction): GivenUp | undefined {
    const { piece, unread } = transaction;
    if (piece) return 'large-transaction';
    if (altersTables(transaction)) return 'schema-change';
    const table = this.#current?.plan.table;
    return unread.some(({ tables }) => !tables || tables.includes('*') || tables.includes(table!))
      ? 'cleared'
      : undefined;
  }

  #isWhole({ after }: RowChange): boolean {
    return this.#current!.plan.whole.every((column) => after![column] !== undefined);
  }

  async #close(window: SnapshotWindow): Promise<void> {
    const { plan } = this.#current!;
    const { rows, upTo, takenAt } = window.chunk!;
    const left = rows.filter(({ after }) => !window.touched.has(keyText(plan.order.placeOf(after!)!)));
    const chunk: SnapshotChunk = { table: plan.table, rows: left, position: this.#position, takenAt };
    const steps = [...window.steps, chunk];
    const next = upTo && { plan, after: upTo };
    await this.#write(steps, this.#place(next ?? null, upTo ? [] : [plan.table]));
    this.#advance(next, plan.table);
    this.#holdMs = firstHoldMs;
    window.end(true);
  }

  #advance(next: CurrentTable | undefined, table: string): void {
    this.#window = undefined;
    this.#current = next;
    if (next) return;
    this.#imported.add(table);
    this.#waiting.delete(table);
  }

  #place(current: CurrentTable | null = this.#current ?? null, done: readonly string[] = []): FlowPlace {
    const unfinished = current?.after && { table: current.plan.table, after: [...current.after] };
    return { last: this.#last, imported: [...this.#imported, ...done], ...(unfinished && { current: unfinished }) };
  }

  /** Where the rows of the table being imported stand; rows of other tables are not in the answer. */
  async #standings(
    { rows }: SourceTransaction,
    window: SnapshotWindow | undefined,
  ): Promise<Map<RowChange, ChangeStanding>> {
    if (!this.#current) return new Map();
    const { plan, after } = this.#current;
    const changes = rows.filter(({ table }) => table === plan.table);
    if (changes.length === 0) return new Map();
    const reach = { order: plan.order, after, ...(window && { chunkEnd: window.chunkEnd }) };
    const found = await standings(changes, reach);
    return new Map(changes.map((change, index) => [change, found[index]!]));
  }

  /** The transaction with its rows that an import to come covers marked as such. */
  #covering(transaction: SourceTransaction, found: ReadonlyMap<RowChange, ChangeStanding>): Step {
    const covered = new Set<RowChange>();
    const rows = transaction.rows.map((change) => {
      const live = this.#live(change, found.get(change));
      if (live === undefined) covered.add(change);
      return live ?? change;
    });
    const unread = transaction.unread.filter(({ tables }) => !tables?.every((table) => this.#isUntouched(table)));
    const isWhole = covered.size === 0 && unread.length === transaction.unread.length;
    return isWhole && rows.every((row, index) => row === transaction.rows[index])
      ? transaction
      : changedStep(transaction, { rows, unread, covered });
  }

  /** What of a change goes on: undefined when the import to come covers all of it. */
  #live(change: RowChange, standing: ChangeStanding | undefined): RowChange | undefined {
    if (standing) return livePart(change, standing);
    const { table } = change;
    return this.#waiting.has(table) && table !== this.#current?.plan.table ? undefined : change;
  }

  /** Whether the log has nothing of a table yet. */
  #isUntouched(table: string): boolean {
    return this.#waiting.has(table) && !(table === this.#current?.plan.table && this.#current.after);
  }
}

/** What a change is to the log: all of it, one end of a row that changed places, or nothing. */
function livePart(change: RowChange, { before, after }: ChangeStanding): RowChange | undefined {
  const wasThere = isLive(before);
  const isThere = isLive(after);
  if (change.op !== 'u' || wasThere === isThere) return wasThere || isThere ? change : undefined;
  const { table, pos, row, traceparent } = change;
  const place = { table, pos, row, ...(traceparent && { traceparent }) };
  return wasThere ? { ...place, op: 'd', before: change.before! } : { ...place, op: 'c', after: change.after! };
}

function isLive(row: StandingRow | undefined): boolean {
  return row !== undefined && row.standing !== 'ahead';
}

/** The imports of the chunk's rows that a transaction is the first to change, and from now on their keys as touched. */
function imagesOfBefore(
  rows: readonly RowChange[],
  found: ReadonlyMap<RowChange, ChangeStanding>,
  { touched }: SnapshotWindow,
): RowChange[] {
  const images: RowChange[] = [];
  for (const change of rows) {
    const { before, after } = found.get(change) ?? {};
    if (before?.standing === 'in-chunk' && !touched.has(before.key)) {
      images.push(imageOf(change, change.before!, images.length));
      touched.add(before.key);
    }
    if (after?.standing === 'in-chunk') touched.add(after.key);
  }
  return images;
}

function imageOf({ table }: RowChange, after: Row, row: number): RowChange {
  return { table, op: 'r', after, pos: 0, row };
}

function altersTables({ schemaChanges = [] }: SourceTransaction): boolean {
  return schemaChanges.length > 0;
}

/** Whether it settles within the time. */
async function within(work: Promise<unknown>, waitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, waitMs, false);
  });
  const inTime = await Promise.race([work.then(() => true as const), late]);
  clearTimeout(timer);
  return inTime;
}
