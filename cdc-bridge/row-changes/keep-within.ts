import { setTimeout as delay } from 'node:timers/promises';
import type { EventLog, Keep, LogError } from '../../contract/event-log.ts';
import type { Telemetry } from '../telemetry.ts';

const everyMs = 10_000;

/** Trims the kept row changes to `keep` again and again until `signal` aborts; a log that is away for a while is waited for. */
export async function keepWithin(log: EventLog, keep: Keep, telemetry: Telemetry, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await log.trim('row-changes', keep).catch((error: LogError) => {
      if (!error.retriable) throw error;
      telemetry.logUnavailable(error.message, everyMs);
    });
    await delay(everyMs, undefined, { signal }).catch(() => {});
  }
}
