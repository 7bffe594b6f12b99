import { setTimeout as delay } from 'node:timers/promises';
import { BridgeError } from '../errors.ts';
import { type ChangeSource, resumePoint } from './change-source.ts';

const firstWaitMs = 200;
const maxWaitMs = 10_000;

/** Told at each loss of the connection, before the wait. */
export type OnLost = (error: BridgeError, waitMs: number) => void;

/** A source that reads on after a lost connection, with doubling waits; every other error is passed on. */
export function reconnecting(once: ChangeSource, onLost: OnLost): ChangeSource {
  return {
    async *follow(from, signal) {
      let resume = from;
      let waitMs = firstWaitMs;
      while (!signal.aborted) {
        try {
          for await (const batch of once.follow(resume, signal)) {
            yield batch;
            const last = batch.at(-1)!;
            resume = resumePoint(last);
            waitMs = firstWaitMs;
          }
        } catch (error) {
          if (!(error instanceof BridgeError) || !error.retriable) throw error;
          onLost(error, waitMs);
          await delay(waitMs, undefined, { signal }).catch(() => {});
          waitMs = Math.min(waitMs * 2, maxWaitMs);
        }
      }
    },
  };
}
