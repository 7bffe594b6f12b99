import type { AppendResult, Cursor, ExpectedVersion, StreamAppend } from '../../contract/event-log.ts';
import type { Lease } from '../../contract/lease.ts';
import type { History, LogAddress } from '../../contract/log-address.ts';
import type { NoteChange } from '../../contract/note.ts';
import type { Database, Statement } from '../../runtime/sqlite.ts';
import type { SqliteGenerations } from './generations.ts';
import type { SqliteLeases } from './leases.ts';
import { NoteWriter } from './notes.ts';
import { asRepeat, refuseRepeatedIds } from './repeat.ts';
import { addressOf, type StoredEvent, type StoredTopic, storedColumns, storedValues } from './stored-event.ts';

/** One call of `append`, as the port takes it. */
export interface AppendCall {
  readonly topic: History;
  readonly batch: readonly StreamAppend[];
  readonly cursor?: Cursor | undefined;
  readonly fence?: Lease | undefined;
  readonly notes?: readonly NoteChange[] | undefined;
}

/** Decides and writes append calls, inside the transaction that its caller holds. */
export class Appender {
  readonly #database: Database;
  readonly #byId: Statement;
  readonly #version: Statement;
  readonly #head: Statement;
  readonly #insert: Statement;
  readonly #putCursor: Statement;
  readonly #leases: SqliteLeases;
  readonly #generations: SqliteGenerations;
  readonly #notes: NoteWriter;

  constructor(database: Database, leases: SqliteLeases, generations: SqliteGenerations) {
    this.#database = database;
    this.#leases = leases;
    this.#generations = generations;
    this.#notes = new NoteWriter(database);
    this.#byId = database.prepare('select * from event where topic = ? and id = ?');
    this.#version = database.prepare(
      `select coalesce(
         (select max(version) from event where topic = ?1 and stream = ?2),
         (select version from trimmed_stream where topic = ?1 and stream = ?2), 0) as version`,
    );
    this.#head = database.prepare('select head from topic where name = ?');
    this.#insert = database.prepare(
      `insert into event (${storedColumns.join(', ')}) values (${storedColumns.map(() => '?').join(', ')})`,
    );
    this.#putCursor = database.prepare(
      `insert into cursor (name, value, topic, head) values (?, ?, ?, ?)
       on conflict (name) do update set value = excluded.value, topic = excluded.topic, head = excluded.head`,
    );
  }

  /** All of the call or nothing of it: nothing when an item conflicts or an error is thrown. Never touches other calls of the transaction. */
  append(call: AppendCall, recordedAt: string): AppendResult[] {
    refuseRepeatedIds(call.topic, call.batch);
    if (call.fence) this.#leases.requireNewest(call.fence);
    const topic = this.#generations.storedForAppend(call.topic, call.fence);
    this.#database.exec('savepoint call');
    try {
      const results = call.batch.map((item) => this.#appendItem(this.#topicOf(item, topic), item, recordedAt));
      if (results.some(({ kind }) => kind === 'conflict')) return this.#takeBack(topic, call.batch, results);
      if (call.cursor) this.#storeCursor(topic, call.cursor);
      for (const change of call.notes ?? []) this.#notes.apply(change);
      this.#database.exec('release call');
      return results;
    } catch (error) {
      // After a failure such as a full disk SQLite may have rolled everything back itself.
      if (this.#database.isTransaction) this.#database.exec('rollback to call; release call');
      throw error;
    }
  }

  #topicOf(item: StreamAppend, callTopic: StoredTopic): StoredTopic {
    return item.topic === undefined ? callTopic : this.#generations.stored(item.topic);
  }

  /** Repeats are recognised before `expect` is looked at: the first attempt has moved the stream on. */
  #appendItem(topic: StoredTopic, item: StreamAppend, recordedAt: string): AppendResult {
    const known = item.events.map(({ id }) => this.#byId.get(topic, id) as StoredEvent | undefined);
    const repeat = asRepeat(topic, item, known);
    if (repeat) return { kind: 'duplicate', version: repeat.at(-1)!.version, addresses: repeat.map(addressOf) };
    const actual = this.#versionOf(topic, item.stream);
    if (!isExpected(item.expect, actual)) return { kind: 'conflict', actual };
    const addresses = this.#insertAfter(actual, topic, item, recordedAt);
    return { kind: 'appended', version: actual + addresses.length, addresses };
  }

  #insertAfter(actual: number, topic: StoredTopic, { stream, events }: StreamAppend, recordedAt: string): LogAddress[] {
    const head = this.#headOf(topic);
    return events.map((event, index) => {
      const place = { topic, stream, offset: head + 1 + index, version: actual + 1 + index, recorded_at: recordedAt };
      this.#insert.run(...storedValues(event, place));
      return addressOf(place);
    });
  }

  #takeBack(topic: StoredTopic, batch: AppendCall['batch'], results: readonly AppendResult[]): AppendResult[] {
    this.#database.exec('rollback to call; release call');
    return results.map((result, index) => {
      const item = batch[index]!;
      return result.kind === 'duplicate'
        ? result
        : { kind: 'conflict', actual: this.#versionOf(this.#topicOf(item, topic), item.stream) };
    });
  }

  #storeCursor(topic: StoredTopic, { name, value }: Cursor): void {
    this.#putCursor.run(name, value, topic, this.#headOf(topic));
  }

  #versionOf(topic: StoredTopic, stream: string): number {
    return (this.#version.get(topic, stream) as { version: number }).version;
  }

  #headOf(topic: StoredTopic): number {
    return (this.#head.get(topic) as { head: number } | undefined)?.head ?? 0;
  }
}

function isExpected(expect: ExpectedVersion, actual: number): boolean {
  if (expect === 'any') return true;
  return actual === (expect === 'none' ? 0 : expect);
}
