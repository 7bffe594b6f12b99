import { canonicalJson, type JsonObject } from '../../contract/json.ts';
import type { Note, NoteChange } from '../../contract/note.ts';
import type { Database, Statement } from '../../runtime/sqlite.ts';

/** Names asked for by one statement. */
const namesPerQuery = 500;

/** Writes notes, inside the transaction that its caller holds. */
export class NoteWriter {
  readonly #put: Statement;
  readonly #add: Statement;
  readonly #replace: Statement;
  readonly #find: Statement;
  readonly #remove: Statement;

  constructor(database: Database) {
    const insert = 'insert into note (scope, name, value) values (?, ?, ?) on conflict (scope, name)';
    this.#put = database.prepare(`${insert} do update set value = excluded.value`);
    this.#add = database.prepare(`${insert} do nothing`);
    this.#replace = database.prepare('update note set value = ? where scope = ? and name = ? and value = ?');
    this.#find = database.prepare('select value from note where scope = ? and name = ?');
    this.#remove = database.prepare('delete from note where scope = ? and name = ?');
  }

  apply(change: NoteChange): void {
    const { kind, scope, name } = change;
    if (kind === 'put') this.#put.run(scope, name, change.value);
    else if (kind === 'add') this.#add.run(scope, name, change.value);
    else if (kind === 'revise') this.#revise(change);
    else this.#remove.run(scope, name);
  }

  /** Optimization: mostly the note is what was expected, to the letter; its members are looked at only when it is not. */
  #revise({ scope, name, from, value }: Revision): void {
    if (this.#replace.run(value, scope, name, from).changes > 0) return;
    const found = this.#find.get(scope, name) as { value: string } | undefined;
    if (!found) return;
    const members = JSON.parse(found.value) as JsonObject;
    if (!contradicts(members, JSON.parse(from) as JsonObject))
      this.#put.run(scope, name, JSON.stringify({ ...members, ...JSON.parse(value) }));
  }
}

type Revision = Extract<NoteChange, { kind: 'revise' }>;

function contradicts(found: JsonObject, expected: JsonObject): boolean {
  return Object.keys(expected).some(
    (name) => Object.hasOwn(found, name) && canonicalJson(found[name]!) !== canonicalJson(expected[name]!),
  );
}

/** Reads notes. */
export class NoteReader {
  readonly #database: Database;
  readonly #page: Statement;

  constructor(database: Database) {
    this.#database = database;
    this.#page = database.prepare('select name, value from note where scope = ? and name > ? order by name limit ?');
  }

  page(scope: string, after: string, limit: number): Note[] {
    return this.#page.all(scope, after, limit) as unknown as Note[];
  }

  named(scope: string, names: readonly string[]): Note[] {
    const found: Note[] = [];
    for (let from = 0; from < names.length; from += namesPerQuery) {
      const some = names.slice(from, from + namesPerQuery);
      const marks = some.map(() => '?').join(', ');
      const query = this.#database.prepare(`select name, value from note where scope = ? and name in (${marks})`);
      found.push(...(query.all(scope, ...some) as unknown as Note[]));
    }
    return found;
  }
}
