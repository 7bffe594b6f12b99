import type { Json, JsonObject } from '../../contract/json.ts';
import type { RowChange } from '../mapping/row-change.ts';
import type { SourceTransaction, UnreadWrite } from '../source/change-source.ts';
import type { Difference, Note } from './difference.ts';
import type { Replica, ReplicaTable } from './replica.ts';
import { storedRow } from './stored-row.ts';

/** Applies transactions to the replica, and keeps account of what does not fit it. */
export class Replay {
  readonly changes = new Map<string, number>();
  readonly notes: Note[] = [];
  transactions = 0;
  readonly #replica: Replica;
  readonly #tables: ReadonlyMap<string, ReplicaTable>;
  readonly #report: (difference: Difference) => void;

  constructor(replica: Replica, tables: readonly ReplicaTable[], report: (difference: Difference) => void) {
    this.#replica = replica;
    this.#tables = new Map(tables.map((table) => [table.name, table]));
    this.#report = report;
  }

  apply(transaction: SourceTransaction): void {
    this.transactions += transaction.piece?.last === false ? 0 : 1;
    const { position, unsettled, unread, schemaChanges = [], rows } = transaction;
    if (unsettled) this.notes.push({ kind: 'unsettled', detail: unsettled, position });
    for (const sql of schemaChanges) this.notes.push({ kind: 'schema-change', detail: sql, position });
    for (const write of unread) this.#unread(write, position);
    for (const change of rows) this.#change(change, position);
  }

  #unread({ reason, sql, tables }: UnreadWrite, position: string): void {
    const named = tables?.includes('*') ? [...this.#tables.keys()] : tables?.filter((name) => this.#tables.has(name));
    if (named?.length === 0) return;
    this.notes.push({ kind: reason, ...(named ? { tables: named } : {}), detail: sql, position });
    if (reason === 'table-cleared' && emptiesWholly(sql))
      for (const name of named ?? []) this.#replica.clear(this.#tables.get(name)!);
  }

  #change(change: RowChange, position: string): void {
    const table = this.#tables.get(change.table);
    if (!table) return;
    this.changes.set(table.name, (this.changes.get(table.name) ?? 0) + 1);
    const { op } = change;
    const after = change.after && storedRow(change.after);
    const before = change.before && storedRow(change.before);
    if (op === 'c' && after) this.#insert(table, after, position);
    else if (op === 'd' && before) this.#remove(table, before, position);
    else if (op === 'u' && before && after) this.#update(table, before, after, position);
  }

  #insert(table: ReplicaTable, row: JsonObject, position: string): void {
    const name = this.#replica.nameOf(table, row);
    if (name === undefined) {
      this.#contradiction(table, row, 'a new row without its key', position);
      return;
    }
    if (table.key && this.#replica.find(table, name))
      this.#contradiction(table, row, 'a new row with the key of one that is there', position);
    this.#replica.put(table, name, row);
  }

  #remove(table: ReplicaTable, before: JsonObject, position: string): void {
    this.#take(table, before, 'a deleted row', position);
  }

  #update(table: ReplicaTable, before: JsonObject, after: JsonObject, position: string): void {
    const kept = this.#take(table, before, 'a changed row', position);
    const changed = { ...without(kept ?? before, table.generated), ...after };
    const name = this.#replica.nameOf(table, changed);
    if (name !== undefined) this.#replica.put(table, name, changed);
  }

  /** Takes the row out that a before image is of, and holds one against the other. */
  #take(table: ReplicaTable, before: JsonObject, what: string, position: string): JsonObject | undefined {
    const name = this.#replica.nameOf(table, before);
    const kept = name === undefined ? undefined : this.#replica.find(table, name);
    if (name === undefined || !kept) {
      this.#contradiction(table, before, `${what} that is not there`, position);
      return undefined;
    }
    this.#replica.remove(table, name);
    for (const [column, cell] of Object.entries(before)) {
      const known = kept[column];
      if (known !== undefined && JSON.stringify(known) !== JSON.stringify(cell))
        this.#contradiction(table, before, `${what} whose ${column} was ${brief(known)}, not ${brief(cell)}`, position);
    }
    return kept;
  }

  #contradiction(table: ReplicaTable, row: JsonObject, what: string, position: string): void {
    const key = table.key ? table.key.map((column) => row[column] ?? null) : row;
    this.#report({ kind: 'contradiction', table: table.name, key, what, position });
  }
}

function without(row: JsonObject, columns: readonly string[]): JsonObject {
  if (columns.length === 0) return row;
  return Object.fromEntries(Object.entries(row).filter(([column]) => !columns.includes(column)));
}

const briefLength = 80;

function brief(cell: Json): string {
  const text = JSON.stringify(cell);
  return text.length > briefLength ? `${text.slice(0, briefLength)}…` : text;
}

/** Of the statements that take rows without telling them: whether no row is left. The others are noted alone. */
function emptiesWholly(sql: string): boolean {
  return /^(truncate|drop table|create or replace)/i.test(sql);
}
