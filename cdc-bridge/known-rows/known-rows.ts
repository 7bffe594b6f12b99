import type { EventLog } from '../../contract/event-log.ts';
import type { Note, NoteChange } from '../../contract/note.ts';
import type { Row, RowChange } from '../mapping/row-change.ts';
import { isMapped, keyColumns, type TablesConfig } from '../mapping/table-mapping.ts';
import { isChunk, type Step } from '../parking/parked-step.ts';
import { restoredRow } from '../row-changes/raw-transaction.ts';

/**
 * What the log was last told of each row of some tables, kept as notes in the same step as the events. A change that does not go on from
 * what is known, because something came between that nobody saw, leaves the note as it is: until a look at the table has corrected it.
 */
export class KnownRows {
  readonly #bridge: string;
  readonly #keys: ReadonlyMap<string, readonly string[]>;

  /** Of those of the tables named that are mapped. */
  constructor(bridge: string, tables: TablesConfig, named: readonly string[]) {
    this.#bridge = bridge;
    this.#keys = new Map(
      named.flatMap((name) => {
        const table = tables[name];
        return isMapped(table) ? [[name, keyColumns(table)] as const] : [];
      }),
    );
  }

  get tables(): string[] {
    return [...this.#keys.keys()];
  }

  /** Adds what a step, behind the shield, makes of the notes. */
  take(step: Step, changes: NoteChange[]): void {
    if (this.#keys.size === 0 || (!isChunk(step) && step.unsettled !== undefined)) return;
    const covered = isChunk(step) ? undefined : step.covered;
    for (const change of step.rows) if (!covered?.has(change)) this.#take(change, changes);
  }

  /** The name of a row's note; undefined when its images do not tell its key, or nothing is kept of its table. */
  nameOf(table: string, row: Row, before?: Row): string | undefined {
    const cells: (string | number)[] = [];
    for (const column of this.#keys.get(table) ?? []) {
      const cell = row[column] ?? before?.[column];
      if (typeof cell !== 'string' && typeof cell !== 'number') return undefined;
      cells.push(cell);
    }
    return cells.length === 0 ? undefined : JSON.stringify(cells);
  }

  /** The key that a note's name tells, as a row of its columns. */
  keyOf(table: string, name: string): Row {
    const cells = JSON.parse(name) as (string | number)[];
    return Object.fromEntries((this.#keys.get(table) ?? []).map((column, index) => [column, cells[index]!]));
  }

  /** Names of rows that are known, in pages. */
  async names(log: EventLog, table: string, after: string, limit: number): Promise<string[]> {
    return (await log.notes(this.#scope(table), after, limit)).map(({ name }) => name);
  }

  /** Rows that are known, by their names. */
  async rows(log: EventLog, table: string, names: readonly string[]): Promise<Map<string, Row>> {
    const notes: Note[] = await log.notesNamed(this.#scope(table), names);
    return new Map(notes.map(({ name, value }) => [name, restoredRow(JSON.parse(value) as Row)]));
  }

  #scope(table: string): string {
    return `${this.#bridge}/${table}`;
  }

  #take({ table, op, before, after }: RowChange, changes: NoteChange[]): void {
    if (!this.#keys.has(table)) return;
    const scope = this.#scope(table);
    const was = op === 'u' || op === 'd' ? this.nameOf(table, before!) : undefined;
    const is = op === 'd' ? undefined : this.nameOf(table, after!, before);
    if (was !== undefined && was !== is) changes.push({ kind: 'remove', scope, name: was });
    if (is === undefined) return;
    if (was === is)
      changes.push({
        kind: 'revise',
        scope,
        name: is,
        from: JSON.stringify(before),
        value: imageText(before!, after!),
      });
    else changes.push({ kind: op === 'r' ? 'put' : 'add', scope, name: is, value: imageText(before ?? {}, after!) });
  }
}

/** The row after an update. Optimization: the image of after is all there is to it when it lacks nothing. */
function imageText(before: Row, after: Row): string {
  for (const column in before) if (after[column] === undefined) return JSON.stringify({ ...before, ...after });
  return JSON.stringify(after);
}
