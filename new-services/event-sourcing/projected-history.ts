import type { EventLog } from '../../contract/event-log.ts';
import { domainAddress, formatLogAddress, historyOf, type LogAddress } from '../../contract/log-address.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import type { Database } from '../../runtime/sqlite.ts';
import { ServicesError } from '../errors.ts';
import { type Follower, followForever } from './follow-forever.ts';
import type { Projection } from './projection.ts';
import { openProjectionStore, type ProjectionStore } from './projection-store.ts';

/** What a projection is made from, and where its files are. */
export interface HistoryPorts {
  readonly log: EventLog;
  readonly dataDir: string;
  readonly upcast: (event: RecordedEvent) => RecordedEvent;
  /** Told of events that were applied and had not been there at the start, with the time at which that began. */
  readonly projected?: ((events: readonly RecordedEvent[], startTime: number) => void) | undefined;
}

/** Who is told what becomes of it. */
export interface HistoryListener {
  moved(): void;
  failed(error: unknown): void;
}

/** Rows and the position they were read at. */
export interface ReadAt<T> {
  readonly position: LogAddress;
  readonly rows: T;
}

/** A projection's rows made from one generation of topic `domain`, which it follows. */
export class ProjectedHistory {
  readonly generation: number;
  readonly headAtStart: number;
  readonly #ports: HistoryPorts;
  readonly #store: ProjectionStore;
  readonly #stopping = new AbortController();
  #offset: number;
  #failure: string | undefined;
  #following: Promise<'aborted' | 'over'> | undefined;
  #stopped: Promise<void> | undefined;

  private constructor(ports: HistoryPorts, store: ProjectionStore, head: LogAddress, generation: number) {
    this.#ports = ports;
    this.#store = store;
    this.generation = generation;
    this.headAtStart = head.offset;
    this.#offset = store.checkpoint().offset;
  }

  /** Opens its file and checks that the file belongs to this log. Rejects with `projection-of-another-log`. */
  static async open(ports: HistoryPorts, projection: Projection, generation: number): Promise<ProjectedHistory> {
    const store = openProjectionStore(ports.dataDir, projection, generation);
    try {
      await refuseAnotherLog(ports.log, store, generation);
      const head = await ports.log.head(`domain.${generation}`);
      return new ProjectedHistory(ports, store, head, generation);
    } catch (error) {
      store.close();
      throw error;
    }
  }

  get position(): LogAddress {
    return domainAddress(this.generation, this.#offset);
  }

  /** The failure it is stopped at, while it lasts. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Whether it has everything that its generation had when it was opened. */
  get isComplete(): boolean {
    return this.#offset >= this.headAtStart;
  }

  get wasBuilt(): boolean {
    return this.#store.wasBuilt();
  }

  /** From now on it is the one that is read. */
  takeOver(): void {
    this.#store.markBuilt();
    this.#store.removeOthers();
  }

  read<T>(query: (database: Database) => T): ReadAt<T> {
    return this.#store.read((database, { offset }) => ({
      position: domainAddress(this.generation, offset),
      rows: query(database),
    }));
  }

  /** Follows until it is stopped, or its generation is over and all of it applied. */
  follow(listener: HistoryListener): Promise<'aborted' | 'over'> {
    const follower: Follower = {
      after: async () => this.#offset,
      handle: (batch) => this.#apply(batch, listener),
      failed: (error) => {
        this.#failure = error instanceof Error ? error.message : String(error);
        listener.failed(error);
      },
      recovered: () => {
        this.#failure = undefined;
      },
    };
    this.#following = followForever(this.#ports.log, historyOf(this.position), follower, this.#stopping.signal);
    return this.#following;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#stopping.abort();
    await this.#following;
    this.#store.close();
  }

  #apply(batch: readonly RecordedEvent[], listener: HistoryListener): void {
    const startTime = Date.now();
    const isLive = this.isComplete;
    try {
      applyBatch(this.#store, batch.map(this.#ports.upcast));
      if (isLive) this.#ports.projected?.(batch, startTime);
    } finally {
      const { offset } = this.#store.checkpoint();
      if (offset > this.#offset) {
        this.#offset = offset;
        this.#failure = undefined;
        listener.moved();
      }
    }
  }
}

async function refuseAnotherLog(log: EventLog, store: ProjectionStore, generation: number): Promise<void> {
  const { offset, eventId } = store.checkpoint();
  if (offset === 0) return;
  const head = await log.head(`domain.${generation}`);
  const [event] = head.offset < offset ? [] : await log.read(`domain.${generation}`, offset - 1, 1);
  if (event?.id === eventId) return;
  throw new ServicesError(
    'projection-of-another-log',
    `${store.path} was built up to event ${eventId} at ${formatLogAddress(domainAddress(generation, offset))}; ` +
      `the log has ${event ? `event ${event.id} there` : `nothing there, it ends at ${formatLogAddress(head)}`}`,
  );
}

/** One transaction for the batch; where that fails one for each event, so that it stands right before the one that cannot be applied. */
function applyBatch(store: ProjectionStore, events: readonly RecordedEvent[]): void {
  try {
    store.apply(events);
  } catch {
    for (const event of events) store.apply([event]);
  }
}
