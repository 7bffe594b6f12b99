import { setTimeout as delay } from 'node:timers/promises';
import type { AppendResult, Cursor, EventLog, LogError, StreamAppend } from '../../contract/event-log.ts';
import type { Topic } from '../../contract/log-address.ts';
import type { NoteChange } from '../../contract/note.ts';
import { BridgeError } from '../errors.ts';
import { takenOver } from '../lease/another-bridge.ts';
import type { Telemetry } from '../telemetry.ts';

const firstWaitMs = 100;
const maxWaitMs = 5_000;
const maxTries = 12;

/**
 * Appends, trying again for about half a minute while the log is away. Throws BridgeError `log-refused` when it stays away or refuses,
 * `fenced` when another bridge has taken over.
 */
export async function appendPatiently(
  log: EventLog,
  topic: Topic,
  batch: readonly StreamAppend[],
  cursor: Cursor | undefined,
  telemetry: Telemetry,
  notes: readonly NoteChange[] = [],
): Promise<AppendResult[]> {
  for (let tries = 1, waitMs = firstWaitMs; ; tries += 1, waitMs = Math.min(waitMs * 2, maxWaitMs)) {
    try {
      const results = await log.append(topic, batch, cursor, undefined, notes);
      if (results.some(({ kind }) => kind === 'conflict')) {
        throw new BridgeError(
          'log-refused',
          `topic ${topic}: a conflict was answered to an append that expects any version`,
        );
      }
      return results;
    } catch (cause) {
      if (cause instanceof BridgeError) throw cause;
      if ((cause as Partial<LogError>).code === 'fenced') throw takenOver(cause as LogError);
      const message = `topic ${topic}: ${cause instanceof Error ? cause.message : String(cause)}`;
      if (!(cause as Partial<LogError>).retriable || tries === maxTries)
        throw new BridgeError('log-refused', message, { cause });
      telemetry.logUnavailable(message, waitMs);
      await delay(waitMs);
    }
  }
}
