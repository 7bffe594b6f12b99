import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Generation, Generations } from '../../contract/generations.ts';
import type { Lease } from '../../contract/lease.ts';
import { formatLogAddress, generationOf, type History, type LogAddress } from '../../contract/log-address.ts';
import { inTransaction, type Statement } from '../../runtime/sqlite.ts';
import { generationChanged } from '../errors.ts';
import type { SqliteLeases } from './leases.ts';
import type { LogFile } from './log-file.ts';
import { type StoredTopic, storedGeneration } from './stored-event.ts';

/** How many events one step deletes: it holds the write lock, and the event loop, for a moment only. */
const eventsPerStep = 500;

/** What others appended last is carried over under the write lock: no more of it than this. */
const maxEventsCarried = 1_000;

/** Generations in the log's file: each is a topic there, `domain` the first and `domain.2` the second. */
export class SqliteGenerations implements Generations {
  readonly #file: LogFile;
  readonly #leases: SqliteLeases;
  readonly #switched: () => void;
  readonly #all: Statement;
  readonly #inState: Statement;
  readonly #insert: Statement;
  readonly #setState: Statement;
  readonly #head: Statement;
  readonly #carry: Statement;
  readonly #deleteOldest: Statement;
  readonly #forgetVersions: Statement;

  /** `switched` is called when another generation has become the current one. */
  constructor(file: LogFile, leases: SqliteLeases, switched: () => void) {
    this.#file = file;
    this.#leases = leases;
    this.#switched = switched;
    const { database } = file;
    this.#all = database.prepare('select number, state from generation order by number');
    this.#inState = database.prepare('select number from generation where state = ?');
    this.#insert = database.prepare(
      "insert into generation (number, state) select max(number) + 1, 'building' from generation returning number",
    );
    this.#setState = database.prepare('update generation set state = ? where number = ?');
    this.#head = database.prepare('select head from topic where name = ?');
    this.#carry = database.prepare(
      `insert into event (topic, offset, id, parent, stream, version, action, data, schema, occurred_at, recorded_at, origin, position, traceparent, group_id)
       select :to, :target, id, parent, stream,
         1 + coalesce((select max(version) from event as last where last.topic = :to and last.stream = event.stream), 0),
         action, data, schema, occurred_at, recorded_at, origin, position, traceparent, group_id
       from event where topic = :from and offset = :source`,
    );
    this.#deleteOldest = database.prepare(
      'delete from event where topic = :topic and offset = (select min(offset) from event where topic = :topic)',
    );
    this.#forgetVersions = database.prepare('delete from trimmed_stream where topic = ?');
  }

  list(): Promise<Generation[]> {
    return this.#file.whenFree(() => this.#all.all().map((row) => ({ ...row }) as unknown as Generation));
  }

  begin(fence: Lease): Promise<number> {
    return this.#inTransaction(fence, () => {
      const building = this.#find('building');
      if (building !== undefined) throw generationChanged(`generation ${building} being built`, 'none being built');
      return (this.#insert.get() as { number: number }).number;
    });
  }

  async switch(to: number, covered: LogAddress, fence: Lease): Promise<boolean> {
    const isDone = await this.#inTransaction(fence, () => {
      const current = this.#current();
      if (current !== generationOf(covered)) {
        throw generationChanged(`generation ${current} to be current`, `${formatLogAddress(covered)} to be in it`);
      }
      this.#requireBuilding(to);
      if (this.#headOf(current) - covered.offset > maxEventsCarried) return false;
      this.#carryOver(current, covered.offset, to);
      this.#setState.run('old', current);
      this.#setState.run('current', to);
      return true;
    });
    if (isDone) this.#switched();
    return isDone;
  }

  async discard(fence: Lease): Promise<void> {
    await this.#inTransaction(fence, () => {
      const building = this.#find('building');
      if (building !== undefined) this.#setState.run('discarded', building);
    });
    for (const { number, state } of await this.list()) if (state === 'discarded') await this.#empty(number, fence);
  }

  #carryOver(current: number, covered: number, to: number): void {
    const head = this.#headOf(current);
    let target = this.#headOf(to);
    const topics = { from: storedGeneration(current), to: storedGeneration(to) };
    for (let source = covered + 1; source <= head; source += 1) {
      target += 1;
      this.#carry.run({ ...topics, source, target });
    }
  }

  /** The topic in the file that `history` is now; for topic `domain` the current generation. */
  stored(history: History): StoredTopic {
    if (history === 'domain') return storedGeneration(this.#current());
    return history === 'domain.1' ? 'domain' : history;
  }

  /** The same for an append, in its transaction. Throws LogError `generation-changed` where nothing may be appended. */
  storedForAppend(history: History, fence: Lease | undefined): StoredTopic {
    if (!history.startsWith('domain.')) return this.stored(history);
    const number = Number(history.slice('domain.'.length));
    const current = this.#current();
    if (number !== current && fence) this.#requireBuilding(number);
    else if (number !== current)
      throw generationChanged(`generation ${current} to be current`, `generation ${number} to append to`);
    return this.stored(history);
  }

  /** Whether nothing will ever be appended to `topic` any more. */
  isOver(topic: StoredTopic): boolean {
    return topic.startsWith('domain') && topic !== storedGeneration(this.#current()) && !this.#isBuilding(topic);
  }

  #isBuilding(topic: StoredTopic): boolean {
    const building = this.#find('building');
    return building !== undefined && topic === storedGeneration(building);
  }

  /** One step at a time: a kill between two leaves less, which the next call goes on with. */
  async #empty(number: number, fence: Lease): Promise<void> {
    const topic = storedGeneration(number);
    let hasMore = true;
    while (hasMore) {
      hasMore = await this.#inTransaction(fence, () => this.#deleteSome(topic));
      await nextTurn();
    }
  }

  #deleteSome(topic: StoredTopic): boolean {
    for (let deleted = 0; deleted < eventsPerStep; deleted += 1) {
      if (this.#deleteOldest.run({ topic }).changes > 0) continue;
      this.#forgetVersions.run(topic);
      return false;
    }
    return true;
  }

  #requireBuilding(number: number): void {
    const building = this.#find('building');
    if (building === number) return;
    const found = building === undefined ? 'no generation being built' : `generation ${building} being built`;
    throw generationChanged(found, `generation ${number} to be`);
  }

  #current(): number {
    return this.#find('current')!;
  }

  #find(state: 'current' | 'building'): number | undefined {
    return (this.#inState.get(state) as { number: number } | undefined)?.number;
  }

  #headOf(generation: number): number {
    return (this.#head.get(storedGeneration(generation)) as { head: number } | undefined)?.head ?? 0;
  }

  #inTransaction<T>(fence: Lease, work: () => T): Promise<T> {
    return this.#file.whenFree(() =>
      inTransaction(this.#file.database, () => {
        this.#leases.requireNewest(fence);
        return work();
      }),
    );
  }
}
