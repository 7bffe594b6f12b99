import { setTimeout as sleep } from 'node:timers/promises';
import { type EventLog, LogError } from '../../contract/event-log.ts';
import type { History } from '../../contract/log-address.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';

const firstPauseMs = 50;
const longestPauseMs = 5_000;

/** Who follows, and what becomes of its failures. */
export interface Follower {
  /** Offset after which to read on; asked again after each failure. */
  after(): Promise<number>;
  /** What it throws stops the follower at this batch until it succeeds: nothing is skipped. */
  handle(batch: readonly RecordedEvent[]): Promise<void> | void;
  failed(error: unknown): void;
  /** The log can be read again after it could not. */
  recovered(): void;
}

/**
 * Hands a topic's events to the follower in order until `signal` aborts, or its generation is over: resolves to which. After a failure it pauses,
 * longer each time, and goes on.
 */
export async function followForever(
  log: EventLog,
  topic: History,
  follower: Follower,
  signal: AbortSignal,
): Promise<'aborted' | 'over'> {
  let pauseMs = firstPauseMs;
  let unreadable = false;
  while (!signal.aborted) {
    let handling = false;
    try {
      const after = await follower.after();
      if (unreadable) await seeAgain(log, topic, follower);
      unreadable = false;
      for await (const batch of log.follow(topic, after, signal)) {
        handling = true;
        await follower.handle(batch);
        handling = false;
        pauseMs = firstPauseMs;
      }
    } catch (error) {
      if (signal.aborted) return 'aborted';
      if (error instanceof LogError && error.code === 'generation-changed') return 'over';
      unreadable = !handling;
      follower.failed(error);
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  }
  return 'aborted';
}

/** A quiet log gives no batch that would show it is back, so it is asked. */
async function seeAgain(log: EventLog, topic: History, follower: Follower): Promise<void> {
  await log.head(topic);
  follower.recovered();
}
