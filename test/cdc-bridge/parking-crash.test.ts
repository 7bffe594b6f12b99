import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ParkedChanges } from '../../cdc-bridge/parking/parked-changes.ts';
import { askFor } from '../../cdc-bridge/parking/parking-request.ts';
import { startChild } from '../../runtime/child-process.ts';
import { type TempLog, tempLog } from './legacy.ts';
import { bridgeLife, idsByStream, inserted, narrow, wide } from './parking-lives.ts';

const program = fileURLToPath(new URL('./fixtures/release-process.ts', import.meta.url));
let log: TempLog;
let direct: TempLog;
beforeEach(() => {
  log = tempLog();
  direct = tempLog();
});
afterEach(async () => {
  await log.remove();
  await direct.remove();
});

/** Lets a process release what is parked, and kills it after a while with SIGKILL. Whether it had ended by itself. */
async function releaseFor(waitMs: number): Promise<boolean> {
  const { process: releasing, exited } = await startChild(process.execPath, ['--import', 'tsx', program, log.url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(releasing.stdout!, 'data');
  await Promise.race([delay(waitMs), exited]);
  releasing.kill('SIGKILL');
  return (await exited).code === 0;
}

it('releases each of 6,000 changes once and in order, however often it is killed with SIGKILL meanwhile', async () => {
  const rows = (number: number) =>
    Array.from({ length: 20 }, (_, n) => ({ id: number * 20 + n, s: n % 5, ...(number > 0 && { a: 1 }) }));
  const history = Array.from({ length: 300 }, (_, number) => inserted(number + 1, rows(number)));
  await (await bridgeLife(log.log, narrow)).write(history);
  await (await bridgeLife(direct.log, wide)).write(history);
  expect((await ParkedChanges.load(log.log, 'test')).count).toBe(6_000);
  await askFor(log.log, 'test', { what: 'retry', selection: { all: true }, by: 'alice' });
  const counts: number[] = [];
  while (!(await releaseFor(40 + 60 * counts.length))) counts.push((await log.log.head('domain')).offset);
  expect(counts.length).toBeGreaterThan(0);
  expect(await idsByStream(log.log)).toEqual(await idsByStream(direct.log));
  expect((await ParkedChanges.load(log.log, 'test')).count).toBe(0);
}, 120_000);
