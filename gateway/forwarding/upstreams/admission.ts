import type { UpstreamLimits } from '../config.ts';

/** Whether a request may go now: it may, or why not. */
export type Admitted = 'admitted' | 'queue-full' | 'queue-timeout';

interface Waiting {
  readonly resolve: (admitted: Admitted) => void;
  readonly timer: NodeJS.Timeout;
}

/** Lets so many requests through at a time; the others wait in their order, not for ever. */
export class Admission {
  readonly #limits: UpstreamLimits;
  readonly #queue = new Set<Waiting>();
  #active = 0;

  constructor(limits: UpstreamLimits) {
    this.#limits = limits;
  }

  get queued(): number {
    return this.#queue.size;
  }

  /** A request that is admitted must `leave` once. */
  enter(): Admitted | Promise<Admitted> {
    if (this.#active < this.#limits.requests) {
      this.#active += 1;
      return 'admitted';
    }
    return this.#queue.size < this.#limits.queue ? this.#wait() : 'queue-full';
  }

  /** Gives the place to the one that waits longest. */
  leave(): void {
    const [next] = this.#queue;
    if (next === undefined) {
      this.#active -= 1;
      return;
    }
    this.#queue.delete(next);
    clearTimeout(next.timer);
    next.resolve('admitted');
  }

  #wait(): Promise<Admitted> {
    return new Promise((resolve) => {
      const giveUp = () => {
        this.#queue.delete(waiting);
        resolve('queue-timeout');
      };
      const waiting: Waiting = { resolve, timer: setTimeout(giveUp, this.#limits.queueTimeoutMs) };
      this.#queue.add(waiting);
    });
  }
}
