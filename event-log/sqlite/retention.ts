import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Keep } from '../../contract/event-log.ts';
import type { LogAddress, TrimmedTopic } from '../../contract/log-address.ts';
import { inTransaction, type Statement } from '../../runtime/sqlite.ts';
import type { LogFile, SqliteLogOptions } from './log-file.ts';
import { addressOf, type StoredTopic } from './stored-event.ts';

/** How many events, and about how many bytes, one step deletes: it holds the write lock, and the event loop, for a moment only. */
const eventsPerStep = 200;
const bytesPerStep = 4 * 1024 ** 2;

interface TopicState {
  readonly head: number;
  readonly tail: number;
  readonly bytes: number;
}

interface OldestEvent {
  readonly recorded_at: string;
  readonly bytes: number;
}

/** Deletes the oldest events of a trimmed topic. A kill between two steps leaves the topic shorter and whole. */
export class Retention {
  readonly #file: LogFile;
  readonly #now: () => Date;
  readonly #state: Statement;
  readonly #oldest: Statement;
  readonly #delete: Statement;

  constructor(file: LogFile, { now }: SqliteLogOptions) {
    this.#file = file;
    this.#now = now;
    this.#state = file.database.prepare('select head, tail, bytes from topic where name = ?');
    this.#oldest = file.database.prepare(
      'select recorded_at, octet_length(data) as bytes from event where topic = ? and offset = ?',
    );
    this.#delete = file.database.prepare('delete from event where topic = ? and offset = ?');
  }

  async tail(topic: StoredTopic): Promise<LogAddress> {
    const { tail } = await this.#file.whenFree(() => this.#stateOf(topic));
    return addressOf({ topic, offset: tail });
  }

  async trim(topic: TrimmedTopic, keep: Keep): Promise<LogAddress> {
    const oldest = new Date(this.#now().getTime() - keep.ageMs).toISOString();
    while (await this.#hasTooMuch(topic, keep.bytes, oldest)) {
      await this.#file.whenFree(() => inTransaction(this.#file.database, () => this.#step(topic, keep.bytes, oldest)));
      await nextTurn();
    }
    return this.tail(topic);
  }

  /** Asked outside a write transaction: mostly there is nothing to do. */
  #hasTooMuch(topic: TrimmedTopic, bytes: number, oldest: string): Promise<boolean> {
    return this.#file.whenFree(() => this.#goes(topic, this.#stateOf(topic), bytes, oldest) !== undefined);
  }

  #step(topic: TrimmedTopic, bytes: number, oldest: string): void {
    for (let events = 0, deleted = 0; events < eventsPerStep && deleted < bytesPerStep; events += 1) {
      const state = this.#stateOf(topic);
      const event = this.#goes(topic, state, bytes, oldest);
      if (!event) return;
      this.#delete.run(topic, state.tail + 1);
      deleted += event.bytes;
    }
  }

  /** The event at the front, when it is one too many or too old. */
  #goes(
    topic: StoredTopic,
    { head, tail, bytes }: TopicState,
    maxBytes: number,
    oldest: string,
  ): OldestEvent | undefined {
    if (tail === head) return undefined;
    const event = this.#oldest.get(topic, tail + 1) as unknown as OldestEvent;
    return bytes > maxBytes || event.recorded_at < oldest ? event : undefined;
  }

  #stateOf(topic: StoredTopic): TopicState {
    return (this.#state.get(topic) as TopicState | undefined) ?? { head: 0, tail: 0, bytes: 0 };
  }
}
