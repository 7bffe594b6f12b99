import { write } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { LogDestination } from './log-destination.ts';

const writeTo = promisify(write);
const standardOutput = 1;
const retryMs = 10;

/** The process's standard output. Written by descriptor, so that a slow reader holds up neither requests nor other lines. */
export function openStandardOutput(): LogDestination {
  return {
    write: writeWhenReady,
    async reopen() {},
    async close() {},
  };
}

/** A pipe that somebody has made non-blocking says EAGAIN while it is full: that is waiting, not failing. */
async function writeWhenReady(bytes: Buffer): Promise<number> {
  for (;;) {
    try {
      return (await writeTo(standardOutput, bytes)).bytesWritten;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      await delay(retryMs);
    }
  }
}
