import type { Row, RowChange } from '../mapping/row-change.ts';
import { passedAt } from '../positions/gtid.ts';
import type { GtidSet } from '../positions/gtid-set.ts';
import type { SourceTransaction } from '../source/change-source.ts';

/** What one SELECT saw of a table: rows, and of rows that were asked for by name those that are not there. */
export interface Seen {
  readonly rows: readonly RowChange[];
  readonly missing: readonly string[];
  readonly takenAt: string;
}

/** A table as it is at one place of the stream, as far as a look has seen it. */
export interface TableState extends Seen {
  readonly table: string;
  /** Columns that every whole row image of the binlog has. */
  readonly whole: readonly string[];
}

/**
 * One SELECT, made comparable with the stream, which flows on meanwhile. It begins when readers see all that the stream has given, and ends
 * when the stream has given all that the SELECT can have seen. A row that no transaction between the two has changed is as it was seen, and
 * one that some have changed is as the last of them left it.
 */
export class TableLook {
  readonly #table: string;
  readonly #nameOf: (row: Row, before?: Row) => string | undefined;
  readonly #from: GtidSet;
  /** Columns as transactions since have left them. */
  readonly #changed = new Map<string, Row | 'gone'>();
  readonly #tell: (state: Seen) => Promise<void>;
  readonly #end: (usable: boolean) => void;
  #seen: Seen | undefined;
  #isOver = false;
  #high: GtidSet | undefined;
  /** Resolves to whether what was seen can be used; false when the table was altered, or changed in a way that is not told. */
  readonly ended: Promise<boolean>;

  /** `tell` is given what was seen, as the stream has left it, when the look ends. */
  constructor(
    table: string,
    nameOf: (row: Row, before?: Row) => string | undefined,
    position: string,
    tell: (state: Seen) => Promise<void>,
  ) {
    this.#table = table;
    this.#tell = tell;
    this.#nameOf = nameOf;
    this.#from = passedAt(position);
    let end!: (usable: boolean) => void;
    this.ended = new Promise((resolve) => (end = resolve));
    this.#end = end;
  }

  /** Whether readers see by now all that the stream had given when the look began. */
  isVisible(low: string): boolean {
    return passedAt(low).covers(this.#from);
  }

  read(seen: Seen, high: string): void {
    this.#seen = seen;
    this.#high = passedAt(high);
  }

  /** Takes note of what is on the log since. */
  pass({ rows, unread, schemaChanges = [] }: SourceTransaction): void {
    const isUnclear = unread.some(({ tables }) => !tables || tables.includes('*') || tables.includes(this.#table));
    if (isUnclear || schemaChanges.length > 0) this.end(false);
    else for (const change of rows) if (change.table === this.#table) this.#take(change);
  }

  /** Whether all that it can have seen has come by. */
  isReachedBy(position: string): boolean {
    return !this.#isOver && this.#high !== undefined && passedAt(position).covers(this.#high);
  }

  async close(): Promise<void> {
    await this.#tell(this.#state());
    this.end(true);
  }

  end(usable: boolean): void {
    this.#isOver = true;
    this.#end(usable);
  }

  #state(): Seen {
    const { rows, missing, takenAt } = this.#seen!;
    return {
      rows: rows.flatMap((row) => this.#asLeft(row)),
      missing: missing.filter((name) => !this.#changed.has(name)),
      takenAt,
    };
  }

  #take({ op, before, after }: RowChange): void {
    const was = op === 'c' ? undefined : this.#nameOf(before!);
    const is = op === 'd' ? undefined : this.#nameOf(after!, before);
    if (was !== undefined && was !== is) this.#changed.set(was, 'gone');
    if (is === undefined) return;
    const earlier = this.#changed.get(is);
    this.#changed.set(is, { ...(earlier !== 'gone' && earlier), ...(was !== is && before), ...after });
  }

  #asLeft(row: RowChange): RowChange[] {
    const changed = this.#changed.get(this.#nameOf(row.after!) ?? '');
    if (changed === undefined) return [row];
    if (changed === 'gone') return [];
    const { table, op, pos, row: index } = row;
    return [{ table, op, pos, row: index, after: { ...row.after, ...changed } }];
  }
}
