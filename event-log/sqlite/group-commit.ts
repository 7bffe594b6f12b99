import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AppendResult } from '../../contract/event-log.ts';
import { inTransaction } from '../../runtime/sqlite.ts';
import { type AppendCall, Appender } from './append.ts';
import type { SqliteGenerations } from './generations.ts';
import type { SqliteLeases } from './leases.ts';
import { isStorageFailure, type LogFile, type SqliteLogOptions } from './log-file.ts';

interface Waiting {
  readonly call: AppendCall;
  resolve(results: AppendResult[]): void;
  reject(error: unknown): void;
}

type Outcome = { readonly results: AppendResult[] } | { readonly refused: unknown };

/** Bounds how long one transaction holds the write lock and the event loop. */
const maxCallsPerCommit = 256;

/**
 * Makes append calls durable together: all that arrive in one turn of the event loop, or while an earlier commit is under way, share
 * one transaction and so one wait for the disk. Each is atomic on its own; one that is refused leaves the others alone.
 */
export class GroupCommit {
  readonly #file: LogFile;
  readonly #options: SqliteLogOptions;
  readonly #appender: Appender;
  readonly #committed: () => void;
  #waiting: Waiting[] = [];
  #draining: Promise<void> | undefined;

  /** `committed` is called after each commit that wrote something, before the callers hear of it. */
  constructor(
    file: LogFile,
    options: SqliteLogOptions,
    leases: SqliteLeases,
    generations: SqliteGenerations,
    committed: () => void,
  ) {
    this.#file = file;
    this.#options = options;
    this.#appender = new Appender(file.database, leases, generations);
    this.#committed = committed;
  }

  append(call: AppendCall): Promise<AppendResult[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ call, resolve, reject });
      this.#draining ??= this.#drain();
    });
  }

  /** Resolves when every call accepted so far is answered. */
  async idle(): Promise<void> {
    await this.#draining;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      await nextTurn();
      await this.#answer(this.#waiting.splice(0, maxCallsPerCommit));
    }
    this.#draining = undefined;
  }

  async #answer(group: readonly Waiting[]): Promise<void> {
    try {
      const outcomes = await this.#commit(group.map(({ call }) => call));
      outcomes.forEach((outcome, index) => {
        if ('results' in outcome) group[index]!.resolve(outcome.results);
        else group[index]!.reject(outcome.refused);
      });
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }

  /** The file is looked at again after the commit: what went into a file deleted meanwhile must not be acknowledged. */
  #commit(calls: readonly AppendCall[]): Promise<Outcome[]> {
    return this.#file.whenFree(() => {
      const started = performance.now();
      const recordedAt = this.#options.now().toISOString();
      const outcomes = inTransaction(this.#file.database, () => calls.map((call) => this.#attempt(call, recordedAt)));
      this.#file.assertInPlace();
      const events = outcomes.reduce((sum, outcome) => sum + countAppended(outcome), 0);
      this.#options.telemetry.committed(events, calls.length, (performance.now() - started) / 1000);
      if (events > 0) this.#committed();
      return outcomes;
    });
  }

  #attempt(call: AppendCall, recordedAt: string): Outcome {
    try {
      return { results: this.#appender.append(call, recordedAt) };
    } catch (error) {
      if (isStorageFailure(error)) throw error;
      return { refused: error };
    }
  }
}

function countAppended(outcome: Outcome): number {
  if (!('results' in outcome)) return 0;
  return outcome.results.reduce((sum, result) => sum + (result.kind === 'appended' ? result.addresses.length : 0), 0);
}
