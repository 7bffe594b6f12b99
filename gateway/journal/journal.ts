import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { EventLog, ExpectedVersion } from '../../contract/event-log.ts';
import type { JsonObject } from '../../contract/json.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import { DiskCopy, readDiskCopy } from './disk-copy.ts';
import { emptyJournal, foldJournal, type JournalState } from './journal-state.ts';
import { type JournalTelemetry, journalTelemetry } from './journal-telemetry.ts';
import type { MigrationAction, MigrationData } from './migration-event.ts';

const topic = 'migration';
const batchSize = 1_000;
/** Pauses between attempts to reach a log that is away. */
const firstPauseMs = 100;
const longestPauseMs = 5_000;
/** How long a start waits for the log before it goes on with the copy on disk. */
const startPatienceMs = 3_000;

/** Whether the log answers. `away`: state is as last known, nothing can be changed; `detail` says why and, where known, what to do. */
export interface JournalStatus {
  readonly kind: 'following' | 'away';
  /** ISO 8601 in UTC. */
  readonly since: string;
  readonly detail: string;
}

/** One event to record. `id` makes a repeat harmless: the same id has one effect. */
export interface JournalEntry<Action extends MigrationAction = MigrationAction> {
  readonly id?: string;
  readonly stream: string;
  readonly expect: ExpectedVersion;
  readonly action: Action;
  readonly data: MigrationData<Action>;
}

/** `recorded`: durable and, unless the log went away just then, already in the state. `conflict`: somebody was faster, the state has it. */
export type RecordOutcome =
  | { readonly kind: 'recorded' }
  | { readonly kind: 'conflict' }
  /** The log is away or failed: whether the event is there is not known when it failed while writing. */
  | { readonly kind: 'refused'; readonly reason: string };

/** Called in the tick in which the state was swapped. */
export type JournalListener = (state: JournalState, event: RecordedEvent) => void;

/** The gateway's own state, event-sourced on the log and shared by all gateways on it. */
export interface Journal {
  /** The state now: synchronous, immutable, never waiting for the log. */
  readonly state: JournalState;
  /** Returns how to stop being told. */
  subscribe(listener: JournalListener): () => void;
  record<Action extends MigrationAction>(entry: JournalEntry<Action>): Promise<RecordOutcome>;
  /** All events of one stream, oldest first; undefined while the log is away. */
  history(stream: string): Promise<readonly RecordedEvent[] | undefined>;
  status(): JournalStatus;
  /** Reads what the log has now, without waiting for its notice. Resolves at once while the log is away. */
  look(): Promise<void>;
  /** Resolves when the state is on disk and the log closed. */
  stop(): Promise<void>;
}

/** What a journal stands on. */
export interface JournalPorts {
  /** Opens the log; may reject, then it is tried again. Undefined: there is no log, nothing can be changed. */
  readonly openLog: (() => Promise<EventLog>) | undefined;
  /** Folder of `journal.json`, the last state. */
  readonly dataDir: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly now?: () => Date;
}

/**
 * Starts with the copy on disk, then follows the log, for ever: a log that is away is opened again with growing pauses. Resolves when the
 * state has caught up, or after 3 s with the state from disk; never rejects.
 */
export async function startJournal(ports: JournalPorts): Promise<Journal> {
  const telemetry = journalTelemetry(ports.logger, ports.metrics);
  const path = join(ports.dataDir, 'journal.json');
  const state = await readDiskCopy(path).catch((error) => telemetry.copyUnreadable(path, error));
  const journal = new FollowingJournal(ports, state ?? emptyJournal, path, telemetry);
  await journal.start();
  return journal;
}

class FollowingJournal implements Journal {
  #state: JournalState;
  #status: JournalStatus;
  #log: EventLog | undefined;
  #following: Promise<void> | undefined;
  readonly #openLog: (() => Promise<EventLog>) | undefined;
  readonly #now: () => Date;
  readonly #copy: DiskCopy;
  readonly #telemetry: JournalTelemetry;
  readonly #listeners = new Set<JournalListener>();
  readonly #stopping = new AbortController();

  constructor({ openLog, now }: JournalPorts, state: JournalState, path: string, telemetry: JournalTelemetry) {
    this.#openLog = openLog;
    this.#now = now ?? (() => new Date());
    this.#state = state;
    this.#telemetry = telemetry;
    this.#copy = new DiskCopy(path, (error) => telemetry.copyNotWritten(path, error));
    this.#status = this.#statusNow('away', openLog ? 'the log was not reached yet' : 'no log is configured');
  }

  get state(): JournalState {
    return this.#state;
  }

  status(): JournalStatus {
    return this.#status;
  }

  subscribe(listener: JournalListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  start(): Promise<void> {
    const openLog = this.#openLog;
    if (!openLog) return Promise.resolve();
    return new Promise((caughtUp) => {
      const patience = setTimeout(caughtUp, startPatienceMs);
      const settled = () => {
        clearTimeout(patience);
        caughtUp();
      };
      this.#following = this.#followForEver(openLog, settled).finally(settled);
    });
  }

  async record<Action extends MigrationAction>(entry: JournalEntry<Action>): Promise<RecordOutcome> {
    const log = this.#log;
    if (!log) return { kind: 'refused', reason: this.#status.detail };
    try {
      const [result] = await log.append(topic, [this.#streamAppend(entry)]);
      await this.#catchUp(log);
      return { kind: result!.kind === 'conflict' ? 'conflict' : 'recorded' };
    } catch (error) {
      return { kind: 'refused', reason: (error as Error).message };
    }
  }

  async history(stream: string): Promise<readonly RecordedEvent[] | undefined> {
    return this.#log?.readStream(topic, stream);
  }

  async look(): Promise<void> {
    const log = this.#log;
    // A log that fails is for the follower to notice, who reads it too.
    if (log) await this.#catchUp(log).catch(() => {});
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#following;
    this.#status = this.#statusNow('away', 'this gateway is stopping');
    await this.#copy.written();
  }

  #streamAppend({ id = randomUUID(), stream, expect, action, data }: JournalEntry) {
    const occurredAt = this.#now().toISOString();
    const meta = { schema: 1, occurredAt, origin: 'new' } as const;
    return { stream, expect, events: [{ id, parent: id, action, data: data as unknown as JsonObject, meta }] as const };
  }

  async #followForEver(openLog: () => Promise<EventLog>, onSettled: () => void): Promise<void> {
    let pauseMs = firstPauseMs;
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#followOnce(openLog, () => {
          pauseMs = firstPauseMs;
          onSettled();
        });
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        this.#goAway((error as Error).message);
        onSettled();
      }
      await pause(pauseMs, this.#stopping.signal);
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  }

  async #followOnce(openLog: () => Promise<EventLog>, onCaughtUp: () => void): Promise<void> {
    const log = await unlessAborted(openLog(), this.#stopping.signal);
    if (!log) return;
    try {
      await this.#requireSameLog(log);
      await this.#catchUp(log);
      this.#log = log;
      this.#status = this.#statusNow('following', 'the log answers');
      this.#telemetry.following(this.#state.offset);
      onCaughtUp();
      for await (const events of log.follow(topic, this.#state.offset, this.#stopping.signal)) this.#take(events);
      this.#stopping.signal.throwIfAborted();
      throw new Error('the log stopped telling of new events');
    } finally {
      this.#log = undefined;
      await log.close();
    }
  }

  /** A log that was replaced or restored holds other events at the offsets already folded: mixing both would be nobody's state. */
  async #requireSameLog(log: EventLog): Promise<void> {
    const { offset, lastEventId } = this.#state;
    if (offset === 0) return;
    const head = await log.head(topic);
    const [event] = head.offset < offset ? [] : await log.read(topic, offset - 1, 1);
    if (event?.id === lastEventId) return;
    throw new Error(
      `the log is not the one this gateway followed: topic ${topic} at offset ${offset} has ${event ? `event ${event.id}` : `no event, its head is ${head.offset}`}, ` +
        `expected event ${lastEventId}. Restore the log, or delete ${this.#copy.path} and start the gateway again to take the log as it is`,
    );
  }

  async #catchUp(log: EventLog): Promise<void> {
    for (;;) {
      const events = await log.read(topic, this.#state.offset, batchSize);
      this.#take(events);
      if (events.length < batchSize) return;
    }
  }

  /** Folds what is new; the follower and a recording read the same events. */
  #take(events: readonly RecordedEvent[]): void {
    const fresh = events.filter(({ meta }) => meta.address.offset > this.#state.offset);
    for (const event of fresh) {
      this.#state = foldJournal(this.#state, event);
      this.#telemetry.changed(event);
      for (const listener of this.#listeners) this.#tell(listener, event);
    }
    if (fresh.length > 0) this.#copy.save(this.#state);
  }

  #tell(listener: JournalListener, event: RecordedEvent): void {
    try {
      listener(this.#state, event);
    } catch (error) {
      this.#telemetry.subscriberFailed(error);
    }
  }

  #goAway(detail: string): void {
    if (this.#status.kind === 'following' || this.#status.detail !== detail) this.#telemetry.away(detail);
    this.#status = this.#statusNow('away', detail);
  }

  /** `since` stays while the kind stays. */
  #statusNow(kind: JournalStatus['kind'], detail: string): JournalStatus {
    const before: JournalStatus | undefined = this.#status;
    return { kind, detail, since: before?.kind === kind ? before.since : this.#now().toISOString() };
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}

/** What opens, or undefined when `signal` aborts first; what opens later is closed. */
function unlessAborted(opening: Promise<EventLog>, signal: AbortSignal): Promise<EventLog | undefined> {
  return new Promise((resolve, reject) => {
    const giveUp = () => resolve(undefined);
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    const opened = (log: EventLog) => (signal.aborted ? log.close() : resolve(log));
    opening.then(opened, reject).finally(() => signal.removeEventListener('abort', giveUp));
  });
}
