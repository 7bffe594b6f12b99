import { setTimeout as sleep } from 'node:timers/promises';
import { generationOf, isAtOrAfter, type LogAddress } from '../../contract/log-address.ts';
import type { RunningPart } from '../../runtime/part.ts';
import type { Database } from '../../runtime/sqlite.ts';
import { ServicesError } from '../errors.ts';
import { PositionWaiters } from './position-waiters.ts';
import { type HistoryPorts, ProjectedHistory, type ReadAt } from './projected-history.ts';
import type { Projection } from './projection.ts';
import { earlierGenerations } from './projection-store.ts';

/** What running a projection needs, and whom it tells. */
export interface ProjectionPorts extends HistoryPorts {
  advanced(name: string, position: LogAddress): void;
  switched(name: string, version: number): void;
  failed(name: string, error: unknown): void;
}

/** A projection that follows the log. */
export interface RunningProjection extends RunningPart {
  readonly name: string;
  /** Of the rows that are read, or are to be once they are built. */
  position(): LogAddress;
  /** How far the newest rows are: another generation's than `position` while those are built. */
  newest(): LogAddress;
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
 * cannot be applied stops it, visibly, and is never skipped; (4) another generation of the topic is built in a file of its own too, while
 * the rows of the one before are read. Rejects with `projection-of-another-log`.
 */
export async function startProjection(ports: ProjectionPorts, projection: Projection): Promise<RunningProjection> {
  const newest = await openCurrent(ports, projection);
  try {
    return new FollowingProjection(ports, projection, newest, await openEarlier(ports, projection, newest));
  } catch (error) {
    await newest.stop();
    throw error;
  }
}

async function openCurrent(ports: ProjectionPorts, projection: Projection): Promise<ProjectedHistory> {
  return ProjectedHistory.open(ports, projection, generationOf(await ports.log.head('domain')));
}

/** The rows to be read while those of the current generation are built for the first time. */
async function openEarlier(
  ports: ProjectionPorts,
  projection: Projection,
  newest: ProjectedHistory,
): Promise<ProjectedHistory | undefined> {
  if (newest.wasBuilt || newest.isComplete) return undefined;
  for (const generation of earlierGenerations(ports.dataDir, projection, newest.generation)) {
    const earlier = await ProjectedHistory.open(ports, projection, generation);
    if (earlier.wasBuilt) return earlier;
    await earlier.stop();
  }
  return undefined;
}

const reopenPauseMs = 500;

class FollowingProjection implements RunningProjection {
  readonly name: string;
  readonly #projection: Projection;
  readonly #ports: ProjectionPorts;
  readonly #waiters = new PositionWaiters();
  readonly #stopping = new AbortController();
  readonly #closed: Promise<void>;
  /** The one that is read. */
  #serving: ProjectedHistory | undefined;
  #newest: ProjectedHistory;
  #retired: Promise<void> = Promise.resolve();
  /** Why the next generation could not be opened, while that lasts. */
  #failure: string | undefined;

  constructor(
    ports: ProjectionPorts,
    projection: Projection,
    newest: ProjectedHistory,
    earlier: ProjectedHistory | undefined,
  ) {
    this.name = projection.name;
    this.#projection = projection;
    this.#ports = ports;
    this.#newest = newest;
    this.#serving = earlier;
    if (earlier) void earlier.follow(this.#listenerFor(earlier));
    this.#moved(newest);
    this.#closed = this.#follow();
  }

  position(): LogAddress {
    return (this.#serving ?? this.#newest).position;
  }

  newest(): LogAddress {
    return this.#newest.position;
  }

  built(): boolean {
    return this.#serving !== undefined;
  }

  stuckAt(): string | undefined {
    return this.#failure ?? this.#newest.failure ?? this.#serving?.failure;
  }

  async waitFor(position: LogAddress, timeoutMs: number): Promise<boolean> {
    return isAtOrAfter(this.position(), position) || this.#waiters.wait(position, timeoutMs);
  }

  read<T>(query: (database: Database) => T): ReadAt<T> {
    if (this.#serving) return this.#serving.read(query);
    const { position, headAtStart } = this.#newest;
    throw new ServicesError('projection-building', `${this.name} is at ${position.offset} of ${headAtStart} events`);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([this.#newest.stop(), this.#serving !== this.#newest && this.#serving?.stop()]);
    await this.#closed;
    await this.#retired;
  }

  /** One generation after the other, for as long as it runs. */
  async #follow(): Promise<void> {
    while ((await this.#newest.follow(this.#listenerFor(this.#newest))) === 'over') {
      const next = await this.#openNext();
      if (!next) return;
      if (this.#stopping.signal.aborted) return next.stop();
      this.#newest = next;
      this.#moved(next);
    }
  }

  #listenerFor(history: ProjectedHistory): Parameters<ProjectedHistory['follow']>[0] {
    return {
      moved: () => this.#moved(history),
      failed: (error) => this.#ports.failed(this.name, error),
    };
  }

  /** Undefined when it was stopped meanwhile. */
  async #openNext(): Promise<ProjectedHistory | undefined> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const next = await openCurrent(this.#ports, this.#projection);
        this.#failure = undefined;
        return next;
      } catch (error) {
        this.#failure = error instanceof Error ? error.message : String(error);
        this.#ports.failed(this.name, error);
        await sleep(reopenPauseMs, undefined, { signal }).catch(() => undefined);
      }
    }
    return undefined;
  }

  #moved(history: ProjectedHistory): void {
    if (history === this.#newest && history !== this.#serving && history.isComplete) this.#switchTo(history);
    this.#waiters.reached(this.position());
    this.#ports.advanced(this.name, this.#newest.position);
  }

  /** From now on these rows are the ones that are read. */
  #switchTo(history: ProjectedHistory): void {
    const before = this.#serving;
    this.#serving = history;
    history.takeOver();
    if (before) this.#retired = before.stop();
    this.#ports.switched(this.name, this.#projection.version);
  }
}
