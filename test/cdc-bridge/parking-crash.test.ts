import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ParkedChanges } from '../../cdc-bridge/parking/parked-changes.ts';
import { askFor } from '../../cdc-bridge/parking/parking-request.ts';
import { startChild } from '../../runtime/child-process.ts';
import { until } from '../until.ts';
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

/** Lets a process release what is parked, and kills it with SIGKILL once it has written up to `offset`. */
async function releaseUpTo(offset: number): Promise<void> {
  const { process: releasing, exited } = await startChild(process.execPath, ['--import', 'tsx', program, log.url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(releasing.stdout!, 'data');
  await until(async () => (await log.log.head('domain')).offset >= offset, 30_000);
  releasing.kill('SIGKILL');
  await exited;
}

it('releases each of 2,000 changes once and in order, though it is killed with SIGKILL five times meanwhile', async () => {
  const rows = (number: number) =>
    Array.from({ length: 20 }, (_, n) => ({ id: number * 20 + n, s: n % 5, ...(number > 0 && { a: 1 }) }));
  const history = Array.from({ length: 100 }, (_, number) => inserted(number + 1, rows(number)));
  await (await bridgeLife(log.log, narrow)).write(history);
  await (await bridgeLife(direct.log, wide)).write(history);
  expect((await ParkedChanges.load(log.log, 'test')).count).toBe(2_000);
  await askFor(log.log, 'test', { what: 'retry', selection: { all: true }, by: 'alice' });
  for (const offset of [1, 300, 700, 1_200, 1_900]) await releaseUpTo(offset);
  const { parked, release } = await bridgeLife(log.log, wide);
  for (const request of parked.requests()) await release.answer(request);
  expect(await idsByStream(log.log)).toEqual(await idsByStream(direct.log));
  expect((await ParkedChanges.load(log.log, 'test')).count).toBe(0);
}, 120_000);
