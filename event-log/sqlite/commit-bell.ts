import { type FSWatcher, utimesSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Statement } from '../../runtime/sqlite.ts';
import type { LogTelemetry } from '../telemetry.ts';
import type { LogFile } from './log-file.ts';

/** How often other processes' commits are looked for when no notice came: for file systems without notices, and writers killed before theirs. */
const pollMs = 50;

/**
 * Wakes followers when any process has committed.
 *
 * A writer touches the database file's times after each commit; the file system tells whoever watches the directory. (Writes to the
 * write-ahead log come before the commit is visible, so they would wake too early.) The directory is watched, not the file: where a
 * watch opens what it watches, closing it would drop this process's POSIX locks on the file. https://sqlite.org/howtocorrupt.html §2.2
 */
export class CommitBell {
  readonly #file: LogFile;
  readonly #telemetry: LogTelemetry;
  readonly #dataVersionOf: Statement;
  readonly #sleepers = new Set<() => void>();
  #rings = 0;
  #dataVersion: number | undefined;
  #watcher: FSWatcher | undefined;
  #poll: NodeJS.Timeout | undefined;

  constructor(file: LogFile, telemetry: LogTelemetry) {
    this.#file = file;
    this.#telemetry = telemetry;
    this.#dataVersionOf = file.database.prepare('pragma data_version');
    this.#dataVersion = this.#readDataVersion();
  }

  /** Count of rings so far: taken before reading, it tells `next` what was rung since. */
  get rings(): number {
    return this.#rings;
  }

  /** Resolves at the first ring after `since` (at once if it was rung already), or when `signal` aborts. */
  async next(since: number, signal: AbortSignal): Promise<void> {
    if (this.#rings !== since || signal.aborted) return;
    this.#listen();
    const { promise, wake } = sleep();
    this.#sleepers.add(wake);
    signal.addEventListener('abort', wake, { once: true });
    await promise;
    signal.removeEventListener('abort', wake);
    this.#sleepers.delete(wake);
    if (this.#sleepers.size === 0) this.#stopPolling();
  }

  /** Tells this process's followers and every other process's. Never throws: what was committed is committed. */
  ring(): void {
    this.#wake();
    try {
      const now = new Date();
      utimesSync(this.#file.path, now, now);
    } catch (error) {
      this.#telemetry.noticeFailed(error);
    }
  }

  /** Wakes everybody for the last time. */
  close(): void {
    this.#stopPolling();
    this.#watcher?.close();
    this.#wake();
  }

  #wake(): void {
    this.#rings += 1;
    for (const wake of this.#sleepers) wake();
  }

  /** The poll timer keeps the process alive while somebody waits; the watcher alone would not. */
  #listen(): void {
    this.#poll ??= setInterval(() => this.#look(), pollMs);
    this.#watcher ??= this.#watch();
  }

  #watch(): FSWatcher | undefined {
    try {
      const name = basename(this.#file.path);
      return watch(dirname(this.#file.path), { persistent: false }, (_, changed) => {
        if (changed === name || changed === null) this.#look();
      }).on('error', (error) => this.#telemetry.noticeFailed(error));
    } catch (error) {
      this.#telemetry.noticeFailed(error);
      return undefined;
    }
  }

  /** Rings when another connection has committed. A failing look rings as well: the follower meets the failure when it reads. */
  #look(): void {
    const version = this.#readDataVersion();
    if (version !== undefined && version === this.#dataVersion) return;
    this.#dataVersion = version;
    this.#wake();
  }

  #readDataVersion(): number | undefined {
    try {
      this.#file.assertInPlace();
      return (this.#dataVersionOf.get() as { data_version: number }).data_version;
    } catch {
      return undefined;
    }
  }

  #stopPolling(): void {
    clearInterval(this.#poll);
    this.#poll = undefined;
  }
}

function sleep(): { promise: Promise<void>; wake: () => void } {
  let wake = () => {};
  const promise = new Promise<void>((resolve) => {
    wake = resolve;
  });
  return { promise, wake };
}
