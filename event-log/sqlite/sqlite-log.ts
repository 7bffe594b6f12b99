import type {
  AppendResult,
  Cursor,
  EventLog,
  Keep,
  LogCapabilities,
  StoredCursor,
  StreamAppend,
} from '../../contract/event-log.ts';
import type { Generations } from '../../contract/generations.ts';
import type { Lease, Leases } from '../../contract/lease.ts';
import { formatLogAddress, type History, type LogAddress, type TrimmedTopic } from '../../contract/log-address.ts';
import type { Note, NoteChange } from '../../contract/note.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import type { Statement } from '../../runtime/sqlite.ts';
import { generationChanged, logBehind, logTrimmed, unavailable } from '../errors.ts';
import { CommitBell } from './commit-bell.ts';
import { SqliteGenerations } from './generations.ts';
import { GroupCommit } from './group-commit.ts';
import { SqliteLeases } from './leases.ts';
import { LogFile, type SqliteLogOptions } from './log-file.ts';
import { NoteReader } from './notes.ts';
import { Retention } from './retention.ts';
import { addressOf, type StoredEvent, type StoredTopic, toRecorded } from './stored-event.ts';

/** Events that a follower is given at once; the next batch is read when it asks for it. */
const followBatch = 500;

/** Reads of followers that are remembered until the next commit; those who stand at the end need few. */
const maxSharedReads = 8;

/** Opens the log in the SQLite file at `path`; creates it when it is missing. Throws LogError. */
export function openSqliteLog(path: string, options: SqliteLogOptions): EventLog {
  return new SqliteLog(new LogFile(path, options), options);
}

/**
 * The event log in one SQLite file (write-ahead log, `synchronous=FULL`), shared by the processes of one machine.
 * One writer at a time: offsets are given under the write lock and so become visible in order. No read transaction outlives a call, so
 * a reader that is slow or dies holds up nobody.
 */
class SqliteLog implements EventLog {
  readonly capabilities: LogCapabilities = { partitions: 1, decides: true, atomicAcrossStreams: true };
  readonly leases: Leases;
  readonly generations: Generations;
  readonly #generations: SqliteGenerations;
  readonly #file: LogFile;
  readonly #retention: Retention;
  readonly #bell: CommitBell;
  readonly #commits: GroupCommit;
  readonly #after: Statement;
  readonly #ofStream: Statement;
  readonly #byId: Statement;
  readonly #head: Statement;
  readonly #cursor: Statement;
  readonly #notes: NoteReader;
  readonly #sharedReads = new Map<string, Promise<readonly RecordedEvent[]>>();
  #sharedAt = 0;
  #closing: Promise<void> | undefined;

  constructor(file: LogFile, options: SqliteLogOptions) {
    this.#file = file;
    this.#bell = new CommitBell(file, options.telemetry);
    const leases = new SqliteLeases(file, options);
    this.leases = leases;
    this.#generations = new SqliteGenerations(file, leases, () => this.#bell.ring());
    this.generations = this.#generations;
    this.#retention = new Retention(file, options);
    this.#commits = new GroupCommit(file, options, leases, this.#generations, () => this.#bell.ring());
    const { database } = file;
    this.#after = database.prepare('select * from event where topic = ? and offset > ? order by offset limit ?');
    this.#ofStream = database.prepare(
      'select * from event where topic = ? and stream = ? and version >= ? order by version',
    );
    this.#byId = database.prepare('select * from event where topic = ? and id = ?');
    this.#head = database.prepare('select head from topic where name = ?');
    this.#notes = new NoteReader(database);
    this.#cursor = database.prepare('select name, value, topic, head from cursor where name = ?');
  }

  async append(
    topic: History,
    batch: readonly StreamAppend[],
    cursor?: Cursor,
    fence?: Lease,
    notes?: readonly NoteChange[],
  ): Promise<AppendResult[]> {
    if (this.#closing) throw unavailable(this.#file.path, 'it was closed');
    return this.#commits.append({ topic, batch, cursor, fence, notes });
  }

  async read(topic: History, after: number, limit: number): Promise<RecordedEvent[]> {
    requireWhole('after', after, 0);
    requireWhole('limit', limit, 1);
    return this.#read(await this.#stored(topic), after, limit);
  }

  async #read(topic: StoredTopic, after: number, limit: number): Promise<RecordedEvent[]> {
    const rows = await this.#file.whenFree(() => this.#after.all(topic, after, limit) as unknown as StoredEvent[]);
    if (rows[0]?.offset !== after + 1) await this.#requireWithin(topic, after);
    return rows.map(toRecorded);
  }

  async readStream(topic: History, stream: string, from = 1): Promise<RecordedEvent[]> {
    requireWhole('from', from, 0);
    const rows = await this.#file.whenFree(
      () => this.#ofStream.all(this.#generations.stored(topic), stream, from) as unknown as StoredEvent[],
    );
    return rows.map(toRecorded);
  }

  async find(topic: History, id: string): Promise<RecordedEvent | undefined> {
    const row = await this.#file.whenFree(
      () => this.#byId.get(this.#generations.stored(topic), id) as StoredEvent | undefined,
    );
    return row && toRecorded(row);
  }

  async *follow(topic: History, after: number, signal: AbortSignal): AsyncGenerator<readonly RecordedEvent[]> {
    requireWhole('after', after, 0);
    if (signal.aborted) return;
    const stored = await this.#stored(topic);
    let position = after;
    while (!signal.aborted) {
      const { rings } = this.#bell;
      const events = await this.#readShared(stored, position);
      if (signal.aborted) return;
      if (events.length === 0) {
        await this.#bell.next(rings, signal);
      } else {
        yield events;
        position = events.at(-1)!.meta.address.offset;
      }
    }
  }

  async head(topic: History): Promise<LogAddress> {
    return this.#headOf(await this.#stored(topic));
  }

  async #headOf(topic: StoredTopic): Promise<LogAddress> {
    const row = await this.#file.whenFree(() => this.#head.get(topic) as { head: number } | undefined);
    return addressOf({ topic, offset: row?.head ?? 0 });
  }

  /** What `history` is in the file now; `domain` may be another generation the next time. */
  #stored(history: History): Promise<StoredTopic> {
    return this.#file.whenFree(() => this.#generations.stored(history));
  }

  async tail(topic: History): Promise<LogAddress> {
    return this.#retention.tail(await this.#stored(topic));
  }

  trim(topic: TrimmedTopic, keep: Keep): Promise<LogAddress> {
    return this.#retention.trim(topic, keep);
  }

  async cursor(name: string): Promise<StoredCursor | undefined> {
    const row = await this.#file.whenFree(
      () => this.#cursor.get(name) as { name: string; value: string; topic: StoredTopic; head: number } | undefined,
    );
    return row && { name: row.name, value: row.value, head: addressOf({ topic: row.topic, offset: row.head }) };
  }

  notes(scope: string, after: string, limit: number): Promise<Note[]> {
    return this.#file.whenFree(() => this.#notes.page(scope, after, limit));
  }

  notesNamed(scope: string, names: readonly string[]): Promise<Note[]> {
    return this.#file.whenFree(() => this.#notes.named(scope, names));
  }

  /** Answers the appends that are under way, then closes; followers that still wait are told `log-unavailable`. */
  close(): Promise<void> {
    this.#closing ??= this.#commits.idle().then(() => {
      this.#file.close();
      this.#bell.close();
    });
    return this.#closing;
  }

  /**
   * Optimization: hundreds of followers at the same place are woken by the same ring; one read serves them all. It holds until the next ring:
   * whoever reads between a commit and its ring is rung for afterwards, here as there.
   */
  #readShared(topic: StoredTopic, after: number): Promise<readonly RecordedEvent[]> {
    const { rings } = this.#bell;
    if (rings !== this.#sharedAt || this.#sharedReads.size >= maxSharedReads) this.#sharedReads.clear();
    this.#sharedAt = rings;
    const place = `${topic} ${after}`;
    const known = this.#sharedReads.get(place);
    if (known) return known;
    const reading = this.#readOn(topic, after);
    this.#sharedReads.set(place, reading);
    reading.catch(() => this.#sharedReads.delete(place));
    return reading;
  }

  /** A generation that is over has no more after its last event, and that was looked for after it was over. */
  async #readOn(topic: StoredTopic, after: number): Promise<readonly RecordedEvent[]> {
    const events = await this.#read(topic, after, followBatch);
    if (events.length > 0 || !(await this.#file.whenFree(() => this.#generations.isOver(topic)))) return events;
    const last = await this.#read(topic, after, followBatch);
    if (last.length > 0) return last;
    throw generationChanged(
      'another one to be current',
      `${formatLogAddress(addressOf({ topic, offset: after }))} to be read on`,
    );
  }

  /** A reader beyond the end would wait for offsets that other events will take: the log is not the one it has read. */
  async #requireWithin(topic: StoredTopic, after: number): Promise<void> {
    const head = await this.#headOf(topic);
    if (head.offset < after) throw logBehind(head, after);
    if (head.offset === after) return;
    const tail = await this.#retention.tail(topic);
    if (tail.offset > after) throw logTrimmed(tail, after);
  }
}

function requireWhole(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new RangeError(`event log: found ${name} ${value}, expected a whole number from ${least} on`);
}
