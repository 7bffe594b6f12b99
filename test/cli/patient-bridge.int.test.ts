import { afterEach, expect, it } from 'vitest';
import { type PatientBridge, startPatientBridge } from '../../cli/patient-bridge.ts';
import { silent } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { bridgeConfig, caughtUp, createLegacy, start, tempLog } from '../cdc-bridge/legacy.ts';
import { freePort } from '../free-port.ts';
import { until } from '../until.ts';

let bridge: PatientBridge | undefined;
afterEach(() => bridge?.stop());

it('stays, and tells what to do, when the binlog cannot be read on: another start would meet the same binlog', async () => {
  const legacy = await createLegacy();
  const { log, remove } = tempLog();
  const first = await start(bridgeConfig(legacy), log);
  await caughtUp(first);
  await first.stop();
  const cursor = JSON.parse((await log.cursor('bridge:test'))!.value);
  const name = String((await legacy.run('SHOW BINARY LOGS')).at(-1)!.Log_name);
  cursor.progress.file = { name, createdAt: '2001-01-01T00:00:00.000Z' };
  await log.append('domain', [], { name: 'bridge:test', value: JSON.stringify(cursor) });

  const port = await freePort();
  bridge = await startPatientBridge({ ...bridgeConfig(legacy), port }, { log, logger: silent, metrics: new Metrics() });
  const status = async () =>
    (await fetch(`http://127.0.0.1:${port}/status`)).json() as Promise<{ phase: string; remedy?: string }>;
  await until(async () => (await status()).phase === 'stopped', 15_000, 'the bridge to stop');
  expect(await Promise.race([bridge.failed, 'still there'])).toBe('still there');
  expect(await status()).toMatchObject({ remedy: expect.stringContaining('empty log') });
  await bridge.stop();
  await remove();
  await legacy.drop();
});
