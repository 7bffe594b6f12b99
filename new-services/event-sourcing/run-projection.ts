import type { EventLog } from '../../contract/event-log.ts';
import { formatLogAddress, type LogAddress } from '../../contract/log-address.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import type { RunningPart } from '../../runtime/part.ts';
import type { Database } from '../../runtime/sqlite.ts';
import { ServicesError } from '../errors.ts';
import { type Follower, followForever } from './follow-forever.ts';
import { PositionWaiters } from './position-waiters.ts';
import type { Projection } from './projection.ts';
import { openProjectionStore, type ProjectionStore } from './projection-store.ts';

/** What running a projection needs, and whom it tells. */
export interface ProjectionPorts {
  readonly log: EventLog;
  readonly dataDir: string;
  readonly upcast: (event: RecordedEvent) => RecordedEvent;
  advanced(name: string, position: LogAddress): void;
  switched(name: string, version: number): void;
  failed(name: string, error: unknown): void;
}

/** Rows and the position they were read at. */
export interface ReadAt<T> {
  readonly position: LogAddress;
  readonly rows: T;
}

/** A projection that follows the log. */
export interface RunningProjection extends RunningPart {
  readonly name: string;
  position(): LogAddress;
  /** False while this version is first built up to the head that the log had at start; its rows are not served until then. */
  built(): boolean;
  /** The failure it is stopped at, while it lasts. */
  stuckAt(): string | undefined;
  /** Whether the rows include everything up to `position`, waiting for at most `timeoutMs`. */
  waitFor(position: LogAddress, timeoutMs: number): Promise<boolean>;
  /** Runs queries on one state of the rows. Throws `projection-building` before that is served. */
  read<T>(query: (database: Database) => T): ReadAt<T>;
}

/**
 * Starts a projection: opens its file, checks that the file belongs to this log, then follows topic `domain`.
 *
 * Guarantees: (1) rows and checkpoint change in one transaction, so a kill at any point leaves exactly the rows of the checkpoint;
 * (2) a new version is built in a file beside the old one's, which is removed only when the new one has caught up; (3) an event that
 * cannot be applied stops it, visibly, and is never skipped. Rejects with `projection-of-another-log`.
 */
export async function startProjection(ports: ProjectionPorts, projection: Projection): Promise<RunningProjection> {
  const store = openProjectionStore(ports.dataDir, projection);
  try {
    await refuseAnotherLog(ports.log, store);
    const { offset } = await ports.log.head('domain');
    return new FollowingProjection(ports, projection, store, offset);
  } catch (error) {
    store.close();
    throw error;
  }
}

async function refuseAnotherLog(log: EventLog, store: ProjectionStore): Promise<void> {
  const { offset, eventId } = store.checkpoint();
  if (offset === 0) return;
  const head = await log.head('domain');
  const [event] = head.offset < offset ? [] : await log.read('domain', offset - 1, 1);
  if (event?.id === eventId) return;
  throw new ServicesError(
    'projection-of-another-log',
    `${store.path} was built up to event ${eventId} at ${formatLogAddress(addressOf(offset))}; ` +
      `the log has ${event ? `event ${event.id} there` : `nothing there, it ends at ${formatLogAddress(head)}`}`,
  );
}

class FollowingProjection implements RunningProjection {
  readonly name: string;
  readonly #version: number;
  readonly #ports: ProjectionPorts;
  readonly #store: ProjectionStore;
  readonly #headAtStart: number;
  readonly #waiters = new PositionWaiters();
  readonly #stopping = new AbortController();
  readonly #closed: Promise<void>;
  #offset: number;
  #built = false;
  #failure: string | undefined;

  constructor(ports: ProjectionPorts, { name, version }: Projection, store: ProjectionStore, headAtStart: number) {
    this.name = name;
    this.#version = version;
    this.#ports = ports;
    this.#store = store;
    this.#headAtStart = headAtStart;
    this.#offset = store.checkpoint().offset;
    this.#moved();
    this.#closed = this.#follow().then(() => store.close());
  }

  position(): LogAddress {
    return addressOf(this.#offset);
  }

  built(): boolean {
    return this.#built;
  }

  stuckAt(): string | undefined {
    return this.#failure;
  }

  async waitFor({ offset }: LogAddress, timeoutMs: number): Promise<boolean> {
    return offset <= this.#offset || this.#waiters.wait(offset, timeoutMs);
  }

  read<T>(query: (database: Database) => T): ReadAt<T> {
    if (!this.#built) {
      const found = `${this.name} is at ${this.#offset} of ${this.#headAtStart} events`;
      throw new ServicesError('projection-building', found);
    }
    return this.#store.read((database, { offset }) => ({ position: addressOf(offset), rows: query(database) }));
  }

  stop(): Promise<void> {
    this.#stopping.abort();
    return this.#closed;
  }

  #follow(): Promise<void> {
    const follower: Follower = {
      after: async () => this.#offset,
      handle: (batch) => this.#apply(batch),
      failed: (error) => {
        this.#failure = error instanceof Error ? error.message : String(error);
        this.#ports.failed(this.name, error);
      },
      recovered: () => {
        this.#failure = undefined;
      },
    };
    return followForever(this.#ports.log, 'domain', follower, this.#stopping.signal);
  }

  #apply(batch: readonly RecordedEvent[]): void {
    try {
      applyBatch(this.#store, batch.map(this.#ports.upcast));
    } finally {
      const { offset } = this.#store.checkpoint();
      if (offset > this.#offset) {
        this.#offset = offset;
        this.#moved();
      }
    }
  }

  #moved(): void {
    this.#failure = undefined;
    if (!this.#built && this.#offset >= this.#headAtStart) this.#switch();
    this.#waiters.reached(this.#offset);
    this.#ports.advanced(this.name, this.position());
  }

  /** From now on this version is the one that is read. */
  #switch(): void {
    this.#built = true;
    this.#store.removeOtherVersions();
    this.#ports.switched(this.name, this.#version);
  }
}

/** One transaction for the batch; where that fails one for each event, so that it stands right before the one that cannot be applied. */
function applyBatch(store: ProjectionStore, events: readonly RecordedEvent[]): void {
  try {
    store.apply(events);
  } catch {
    for (const event of events) store.apply([event]);
  }
}

function addressOf(offset: number): LogAddress {
  return { topic: 'domain', partition: 0, offset };
}
