import { setTimeout as delay } from 'node:timers/promises';

/** How hard the snapshot may lean on the legacy server. */
export interface PaceLimits {
  /** The largest chunk. */
  readonly chunkRows: number;
  /** How long reading a chunk should take; chunks grow and shrink towards it. */
  readonly chunkMs: number;
  /** The snapshot waits while more threads than this are at work on the server; undefined for no limit. */
  readonly maxThreadsRunning?: number | undefined;
  /** Rest between chunks, and between two looks at a busy server. */
  readonly pauseMs: number;
}

const firstRows = 500;
const busyWaitMs = 500;

/** The size of the next chunk and the time for it: as fast as the server can bear, no faster. */
export class Pace {
  readonly #limits: PaceLimits;
  #rows: number;

  constructor(limits: PaceLimits) {
    this.#limits = limits;
    this.#rows = Math.min(firstRows, limits.chunkRows);
  }

  /** For the next chunk. */
  get rows(): number {
    return this.#rows;
  }

  /** Aims the next chunk at the time it should take, by at most twice or half of the last. */
  learn(tookMs: number): void {
    const factor = Math.min(2, Math.max(0.5, this.#limits.chunkMs / Math.max(tookMs, 1)));
    this.#rows = Math.min(this.#limits.chunkRows, Math.max(1, Math.round(this.#rows * factor)));
  }

  /** After a chunk that took too long to wait for. */
  shrink(): void {
    this.#rows = Math.max(1, Math.floor(this.#rows / 2));
  }

  /** Resolves when the server may be asked for the next chunk; `onBusy` is told each time that it is not yet. */
  async turn(
    threadsRunning: () => Promise<number>,
    onBusy: (threads: number, limit: number) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { pauseMs, maxThreadsRunning: limit } = this.#limits;
    if (pauseMs > 0) await rest(pauseMs, signal);
    if (limit === undefined) return;
    for (let threads = await threadsRunning(); threads > limit; threads = await threadsRunning()) {
      if (signal.aborted) return;
      onBusy(threads, limit);
      await rest(Math.max(pauseMs, busyWaitMs), signal);
    }
  }
}

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {});
}
