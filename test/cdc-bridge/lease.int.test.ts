import { afterEach, beforeEach, expect, it } from 'vitest';
import type { BridgeConfig } from '../../cdc-bridge/config.ts';
import type { BridgeStatus } from '../../cdc-bridge/status.ts';
import type { Child } from '../../runtime/child-process.ts';
import { until } from '../until.ts';
import { startKillable } from './killable-bridge.ts';
import {
  allEvents,
  bridgeConfig,
  caughtUp,
  createLegacy,
  type Legacy,
  start,
  type TempLog,
  tempLog,
} from './legacy.ts';

let legacy: Legacy;
let log: TempLog;
let started: Child[];

beforeEach(async () => {
  legacy = await createLegacy();
  log = tempLog();
  started = [];
});
afterEach(async () => {
  await Promise.all(started.map((child) => child.stop(0)));
  await log.remove();
  await legacy?.drop();
});

/** A bridge in a process of its own; `words` is what it wrote on standard error. */
async function startProcess(config: BridgeConfig) {
  const { child, url, kill } = await startKillable(config, log.url, 'pipe');
  started.push(child);
  let words = '';
  child.process.stderr!.on('data', (chunk: Buffer) => {
    words += chunk.toString();
  });
  const status = async () => (await (await fetch(`${url}/status`)).json()) as BridgeStatus;
  return { child, url, kill, status, words: () => words };
}

const note = (body: string) =>
  legacy.run('INSERT INTO shipment_notes (shipment_id, author, body, created_at) VALUES (1, ?, ?, NOW())', ['a', body]);
const bodies = async () => (await allEvents(log.log)).map(({ data }) => data.body);

it('stands by while another of its name is at work, says so, and takes over when that one ends', async () => {
  const config = bridgeConfig(legacy);
  const first = await start(config, log.log);
  await caughtUp(first);
  const second = await start(config, log.log);
  await until(async () => (await second.status()).phase === 'standby');
  expect((await second.status()).heldBy?.holder).toContain(`process ${process.pid} `);
  const ready = await fetch(`${second.url}/readyz`);
  expect(ready.status).toBe(503);
  expect(((await ready.json()) as { detail: string }).detail).toMatch(/^phase: standby, behind process \d+ on /);
  await note('by the first');
  await caughtUp(first);
  await first.stop();
  await note('by the second');
  await until(async () => (await second.status()).phase === 'streaming');
  await caughtUp(second);
  expect(await bodies()).toEqual(['by the first', 'by the second']);
  await second.stop();
});

it('takes over at once from one that was killed on this machine, however long its lease', async () => {
  const config = { ...bridgeConfig(legacy), leaseMs: 3_600_000 };
  const first = await startProcess(config);
  await caughtUp(first);
  await note('before');
  await caughtUp(first);
  await first.kill();
  const second = await startProcess(config);
  await note('after');
  await until(async () => (await second.status()).phase === 'streaming');
  await caughtUp(second);
  expect(await bodies()).toEqual(['before', 'after']);
});

it('writes nothing any more, and stops loudly, when it was stopped and another took over', async () => {
  const config = { ...bridgeConfig(legacy), leaseMs: 3_000 };
  const first = await startProcess(config);
  await caughtUp(first);
  const second = await startProcess(config);
  await note('by the first');
  await caughtUp(first);
  // Just after a renewal it holds no lock on the log, which would stop everybody.
  const heldUntil = async () => (await second.status()).heldBy?.until;
  const seen = await heldUntil();
  await until(async () => (await heldUntil()) !== seen);
  first.child.process.kill('SIGSTOP');
  await note('while the first stood still');
  await until(async () => (await second.status()).phase === 'streaming', 30_000);
  await caughtUp(second);
  await note('by the second');
  first.child.process.kill('SIGCONT');
  expect(await first.child.exited).toMatchObject({ code: 1 });
  expect(first.words()).toContain('another bridge has taken over');
  await caughtUp(second);
  expect(await bodies()).toEqual(['by the first', 'while the first stood still', 'by the second']);
}, 60_000);
