import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Command } from '../../contract/envelope.ts';
import type { EventLog } from '../../contract/event-log.ts';
import { openLog } from '../../event-log/open.ts';
import { commandStatus, submitCommand } from '../../new-services/event-sourcing/command-topic.ts';
import { startProjection } from '../../new-services/event-sourcing/run-projection.ts';
import { shipmentsView } from '../../new-services/shipments/shipments-view.ts';
import { upcast } from '../../new-services/shipments/upcasters.ts';
import { until } from '../until.ts';
import { dump } from './dump.ts';
import { type KillPoint, type ServicesProcess, startServicesProcess } from './services-process.ts';
import { event, keysFrom, temporaryFolder } from './test-services.ts';

// Each test starts several processes, on a machine that runs other tests at the same time.
vi.setConfig({ testTimeout: 60_000 });

let folder: ReturnType<typeof temporaryFolder>;
let logUrl: string;
let dataDir: string;
let log: EventLog;
const processes: ServicesProcess[] = [];

beforeEach(() => {
  folder = temporaryFolder();
  logUrl = `sqlite:${join(folder.path, 'log.db')}`;
  dataDir = join(folder.path, 'views');
  log = openLog(logUrl);
});
afterEach(async () => {
  await Promise.all(processes.splice(0).map((process) => process.stop(100)));
  await log.close();
  folder.remove();
});

async function start(killPoint?: KillPoint): Promise<ServicesProcess | undefined> {
  const process = await startServicesProcess(logUrl, dataDir, killPoint);
  if (process) processes.push(process);
  return process;
}

/** Starts services that kill themselves, and waits until they have. */
async function startToBeKilled(killPoint: KillPoint): Promise<void> {
  const process = await start(killPoint);
  if (process) expect((await process.exited).signal).toBe('SIGKILL');
}

const create = (): Command => ({
  id: randomUUID(),
  action: 'create-shipment',
  data: { sender: 'bob', receiver: 'bill' },
});
const dispatch = (created: Command): Command => ({
  id: randomUUID(),
  action: 'change-shipment-status',
  data: { 'shipment-id': created.id, status: 'in_transit' },
});

/** Three creations, each followed by a command on what it created. */
function commandsInOrder(): Command[] {
  return [create(), create(), create()].flatMap((created) => [created, dispatch(created)]);
}

async function submitAll(commands: readonly Command[]): Promise<void> {
  for (const command of commands) await submitCommand(log, command, { at: new Date() });
}

async function allCompleted(commands: readonly Command[]): Promise<boolean> {
  const statuses = await Promise.all(commands.map(({ id }) => commandStatus(log, id)));
  return statuses.every((status) => status?.outcome?.action === 'command-completed');
}

async function effectsPerCommand(commands: readonly Command[]): Promise<number[]> {
  const events = await log.read('domain', 0, 10_000);
  return commands.map(({ id }) => events.filter(({ parent }) => parent === id).length);
}

async function outcomesPerCommand(commands: readonly Command[]): Promise<number[]> {
  const streams = await Promise.all(commands.map(({ id }) => log.readStream('commands', `command-${id}`)));
  return streams.map((events) => events.length - 1);
}

/** The view's rows in `from`, brought up to the head. */
async function viewIn(from: string): Promise<unknown> {
  const told = { advanced() {}, switched() {}, failed() {} };
  const view = await startProjection({ log, dataDir: from, upcast, ...told }, shipmentsView);
  await view.waitFor(await log.head('domain'), 10_000);
  const { rows } = view.read(dump);
  await view.stop();
  return rows;
}

/** Makes another generation of the streams, with this many shipments, the current one. */
async function switchToGenerationOf(shipments: number, receiver: string): Promise<void> {
  const answer = await log.leases.acquire('remap', randomUUID(), 60_000);
  if (answer.kind === 'held') throw new Error(`held by ${answer.holder}`);
  const fence = answer.lease;
  const number = await log.generations.begin(fence);
  const items = Array.from({ length: shipments }, (_, index) => ({
    stream: `shipment-${index + 1}`,
    expect: 'none' as const,
    events: [event('shipment-created', { sender: 'bob', receiver, 'packing-list': ['x'] })] as const,
  }));
  await log.append(`domain.${number}`, items, undefined, fence);
  expect(await log.generations.switch(number, await log.head('domain'), fence)).toBe(true);
  await log.leases.release(fence);
}

describe('kill -9 of the services', () => {
  test('while rows are built from another generation leaves answers from one of the two, and ends in the new', async () => {
    await switchToGenerationOf(3, 'first');
    const shown = async (url: string) => {
      const answer = await fetch(`${url}/shipments/2`);
      return answer.ok ? ((await answer.json()) as { receiver: string }).receiver : answer.status;
    };
    const services = (await start())!;
    await until(async () => (await shown(services.url)) === 'first');
    const switching = switchToGenerationOf(5_000, 'second');
    await until(() => readdirSync(dataDir).some((file) => file.includes('.g3.')));
    services.process.kill('SIGKILL');
    await services.exited;
    await switching;
    for (let round = 0; round < 3; round++) {
      const again = (await start())!;
      expect(['first', 'second']).toContain(await shown(again.url));
      again.process.kill('SIGKILL');
      await again.exited;
    }
    const last = (await start())!;
    await until(async () => (await shown(last.url)) === 'second');
    await last.stop(100);
    expect(await viewIn(dataDir)).toEqual(await viewIn(join(folder.path, 'fresh')));
  });

  test.each<KillPoint>([
    'before:domain:1',
    'after:domain:1',
    'before:commands:1',
    'after:commands:1',
    'after:domain:2',
    'before:commands:4',
    'after:domain:6',
    'before:commands:6',
  ])('at %s leaves one effect and one outcome per command', async (killPoint) => {
    const commands = commandsInOrder();
    await submitAll(commands);
    await startToBeKilled(killPoint);
    await startToBeKilled('after:commands:1');
    await start();
    await until(() => allCompleted(commands));
    expect(await effectsPerCommand(commands)).toEqual(commands.map(() => 1));
    expect(await outcomesPerCommand(commands)).toEqual(commands.map(() => 1));
    const keys = new Set((await log.read('domain', 0, 100)).map(({ meta }) => meta.stream));
    expect([...keys]).toEqual([0, 1, 2].map((index) => `shipment-${keysFrom + index}`));
    expect(await viewIn(dataDir)).toEqual(await viewIn(join(folder.path, 'fresh')));
  });

  test('under load, several times, loses no accepted command and doubles none', async () => {
    const commands: Command[] = [];
    for (let round = 0; round < 3; round++) {
      const services = (await start())!;
      const sending = sendUntilGone(services.url, commands);
      await until(() => commands.length >= (round + 1) * 25);
      services.process.kill('SIGKILL');
      await services.exited;
      await sending;
    }
    await submitAll(commands);
    await start();
    await until(() => allCompleted(commands));
    expect(await effectsPerCommand(commands)).toEqual(commands.map(() => 1));
    expect(await outcomesPerCommand(commands)).toEqual(commands.map(() => 1));
    expect(await viewIn(dataDir)).toEqual(await viewIn(join(folder.path, 'fresh')));
  });
});

describe('two processes on one log and one folder', () => {
  test('leave one effect and one outcome per command', async () => {
    const commands = [...commandsInOrder(), ...commandsInOrder()];
    await Promise.all([start(), start()]);
    await Promise.all(commands.map((command) => submitCommand(log, command, { at: new Date() })));
    const handled = async () => (await outcomesPerCommand(commands)).every((count) => count > 0);
    await until(handled);
    const effects = await effectsPerCommand(commands);
    const statuses = await Promise.all(commands.map(({ id }) => commandStatus(log, id)));
    const completed = statuses.map((status) => (status?.outcome?.action === 'command-completed' ? 1 : 0));
    expect(effects).toEqual(completed);
    expect(await outcomesPerCommand(commands)).toEqual(commands.map(() => 1));
  });
});

/** Posts one command after the other until nobody answers; each was accepted or may be sent again. */
async function sendUntilGone(url: string, sent: Command[]): Promise<void> {
  for (;;) {
    const command = create();
    sent.push(command);
    const headers = { 'content-type': 'application/json' };
    const posted = fetch(`${url}/command/${command.id}`, { method: 'POST', headers, body: JSON.stringify(command) });
    if (!(await posted.catch(() => undefined))?.ok) return;
  }
}
