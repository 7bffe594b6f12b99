import { setTimeout as delay } from 'node:timers/promises';

/** Awaits a condition, asked every 10 ms; fails after `timeoutMs` with what was awaited. A condition that throws does not hold yet. */
export async function until<T>(
  condition: () => T | Promise<T>,
  timeoutMs = 15_000,
  what: string | (() => string) = 'a condition',
): Promise<Exclude<T, false | undefined | null>> {
  const deadline = Date.now() + timeoutMs;
  let problem: unknown;
  for (;;) {
    try {
      const result = await condition();
      if (result) return result as Exclude<T, false | undefined | null>;
    } catch (error) {
      problem = error;
    }
    if (Date.now() > deadline) {
      throw new Error(
        `waited ${timeoutMs} ms for ${typeof what === 'string' ? what : what()}${problem ? `; last: ${problem}` : ''}`,
      );
    }
    await delay(10);
  }
}
