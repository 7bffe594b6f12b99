import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Json, JsonObject } from '../../contract/json.ts';
import { type Database, openDatabase, type Statement } from '../../runtime/sqlite.ts';
import { keyText, wholeText } from './stored-row.ts';

/** A row that is kept, and what names it. */
export interface KeptRow {
  readonly key: Json;
  readonly row: JsonObject;
}

/** One table of the replica. Of a table without a key equal rows are counted. */
export interface ReplicaTable {
  readonly name: string;
  readonly key: readonly string[] | undefined;
  /** Columns that the server works out from others. Where an image after leaves one out, its cell is not the one from before. */
  readonly generated: readonly string[];
}

/** Rows of many tables in a temporary file: a replay of any size needs no more memory than its largest row. */
export class Replica {
  readonly #folder = mkdtempSync(join(tmpdir(), 'strangler-verify-'));
  readonly #database: Database;
  readonly #find: Statement;
  readonly #put: Statement;
  readonly #remove: Statement;
  readonly #clear: Statement;
  readonly #left: Statement;

  constructor() {
    this.#database = openDatabase(join(this.#folder, 'replica.db'));
    this.#database.exec('pragma journal_mode = off; pragma synchronous = off');
    this.#database.exec(
      'create table kept (tab text, key text, row text, copies integer, primary key (tab, key)) without rowid; begin',
    );
    this.#find = this.#database.prepare('select row, copies from kept where tab = ? and key = ?');
    this.#put = this.#database.prepare('insert or replace into kept values (?, ?, ?, ?)');
    this.#remove = this.#database.prepare('delete from kept where tab = ? and key = ?');
    this.#clear = this.#database.prepare('delete from kept where tab = ?');
    this.#left = this.#database.prepare('select key, row, copies from kept where tab = ?');
  }

  /** What names the row in its table; undefined when the row does not have its key columns. */
  nameOf(table: ReplicaTable, row: JsonObject): string | undefined {
    return table.key ? keyText(row, table.key) : wholeText(row);
  }

  find(table: ReplicaTable, name: string): JsonObject | undefined {
    const kept = this.#find.get(table.name, name) as { row: string } | undefined;
    return kept && (JSON.parse(kept.row) as JsonObject);
  }

  /** Adds a row, or takes the place of the one with its key. */
  put(table: ReplicaTable, name: string, row: JsonObject): void {
    const copies = table.key ? 0 : this.#copies(table, name);
    this.#put.run(table.name, name, JSON.stringify(row), copies + 1);
  }

  /** Takes a row out, of equal ones one; false when there is none. */
  remove(table: ReplicaTable, name: string): boolean {
    const copies = this.#copies(table, name);
    if (copies === 0) return false;
    if (copies === 1) this.#remove.run(table.name, name);
    else this.#put.run(table.name, name, name, copies - 1);
    return true;
  }

  clear(table: ReplicaTable): void {
    this.#clear.run(table.name);
  }

  /** Every row that is kept; equal ones one by one. */
  *rows(table: ReplicaTable): Generator<KeptRow, void, undefined> {
    for (const kept of this.#left.iterate(table.name)) {
      const { key, row, copies } = kept as { key: string; row: string; copies: number };
      for (let copy = 0; copy < copies; copy++)
        yield { key: JSON.parse(key) as Json, row: JSON.parse(row) as JsonObject };
    }
  }

  close(): void {
    this.#database.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #copies(table: ReplicaTable, name: string): number {
    return (this.#find.get(table.name, name) as { copies: number } | undefined)?.copies ?? 0;
  }
}
