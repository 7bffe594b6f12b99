import type { EventLog } from '../../contract/event-log.ts';
import { formatLogAddress, type LogAddress } from '../../contract/log-address.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import type { RunningPart } from '../../runtime/part.ts';
import type { Database } from '../../runtime/sqlite.ts';
import { ServicesError } from '../errors.ts';
import { followForever } from './follow-forever.ts';
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
    return followLog(ports, projection, store, (await ports.log.head('domain')).offset);
  } catch (error) {
    store.close();
    throw error;
  }
}

async function refuseAnotherLog(log: EventLog, store: ProjectionStore): Promise<void> {
  const { offset, eventId } = store.checkpoint();
  if (offset === 0) return;
  const [event] = await log.read('domain', offset - 1, 1);
  if (event?.id === eventId) return;
  throw new ServicesError(
    'projection-of-another-log',
    `${store.path} was built up to event ${eventId} at ${formatLogAddress(addressOf(offset))}; ` +
      `the log has ${event ? `event ${event.id}` : 'nothing'} there`,
  );
}

function followLog(
  ports: ProjectionPorts,
  { name, version }: Projection,
  store: ProjectionStore,
  headAtStart: number,
): RunningProjection {
  const stopping = new AbortController();
  const waiters = new PositionWaiters();
  let offset = store.checkpoint().offset;
  let built = false;
  let failure: string | undefined;

  const advanceTo = (reached: number) => {
    offset = reached;
    failure = undefined;
    if (!built && offset >= headAtStart) {
      built = true;
      store.removeOtherVersions();
      ports.switched(name, version);
    }
    waiters.reached(offset);
    ports.advanced(name, addressOf(offset));
  };
  const follower = {
    after: async () => offset,
    handle(batch: readonly RecordedEvent[]) {
      try {
        applyBatch(store, batch.map(ports.upcast));
      } finally {
        if (store.checkpoint().offset > offset) advanceTo(store.checkpoint().offset);
      }
    },
    failed(error: unknown) {
      failure = error instanceof Error ? error.message : String(error);
      ports.failed(name, error);
    },
    recovered() {
      failure = undefined;
    },
  };
  advanceTo(offset);
  const running = followForever(ports.log, 'domain', follower, stopping.signal);
  const closed = running.then(() => store.close());

  return {
    name,
    position: () => addressOf(offset),
    built: () => built,
    stuckAt: () => failure,
    waitFor: async (position, timeoutMs) => position.offset <= offset || waiters.wait(position.offset, timeoutMs),
    read(query) {
      if (!built) throw building(name, offset, headAtStart);
      return store.read((database, checkpoint) => ({ position: addressOf(checkpoint.offset), rows: query(database) }));
    },
    stop() {
      stopping.abort();
      return closed;
    },
  };
}

/** One transaction for the batch; where that fails one for each event, so that it stands right before the one that cannot be applied. */
function applyBatch(store: ProjectionStore, events: readonly RecordedEvent[]): void {
  try {
    store.apply(events);
  } catch {
    for (const event of events) store.apply([event]);
  }
}

function building(name: string, offset: number, head: number): ServicesError {
  return new ServicesError('projection-building', `${name} is at ${offset} of ${head} events`);
}

function addressOf(offset: number): LogAddress {
  return { topic: 'domain', partition: 0, offset };
}
