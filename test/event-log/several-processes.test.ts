import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EventLog } from '../../contract/event-log.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import { type Child, startChild } from '../../runtime/child-process.ts';
import { followed, item } from '../cases/event-log.cases.ts';
import { type TemporaryLog, temporaryLog } from './temporary-log.ts';

const script = fileURLToPath(new URL('log-process.ts', import.meta.url));
const oneTo = (count: number) => Array.from({ length: count }, (_, n) => n + 1);

interface LogProcess {
  readonly child: Child;
  /** What it has told since it was let go. */
  readonly lines: string[];
  /** Resolves when that many lines were told. */
  told(count: number): Promise<void>;
  /** All lines, once the process has ended by itself; rejects when it failed. */
  finished(): Promise<string[]>;
  /** Resolves when it is gone and every line it told has been read. */
  readonly ended: Promise<void>;
}

/** Starts a process and waits until it is ready to open the log. */
async function startProcess(args: readonly string[]): Promise<LogProcess> {
  const child = await startChild(process.execPath, ['--import', 'tsx', script, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const reader = createInterface({ input: child.process.stdout! }).on('line', (line) => {
    lines.push(line);
    for (const check of waiting) check();
  });
  const ended = Promise.all([child.exited, new Promise((resolve) => reader.once('close', resolve))]).then(() => {});
  const told = (count: number) =>
    new Promise<void>((resolve) => {
      const check = () => lines.length >= count && resolve();
      waiting.add(check);
      check();
    });
  await told(1);
  lines.length = 0;
  return {
    child,
    lines,
    told,
    async finished() {
      await ended;
      expect(await child.exited).toEqual({ code: 0, signal: null });
      return lines;
    },
    ended,
  };
}

describe('one log in several processes', () => {
  let given: TemporaryLog;
  let started: LogProcess[];
  /** Starts one process for each command line and lets all go at the same moment. */
  const start = async (...commands: string[][]) => {
    const processes = await Promise.all(commands.map(startProcess));
    started.push(...processes);
    for (const { child } of processes) child.process.stdin!.end();
    return processes;
  };
  /** The first process that does not find the lease held. */
  const taker = async (): Promise<LogProcess> => {
    const [next] = await start(['fenced', given.url, 'second', '0']);
    await next!.told(1);
    return next!.lines[0] === 'held' ? taker() : next!;
  };
  beforeEach(() => {
    given = temporaryLog();
    started = [];
  });
  afterEach(async () => {
    await Promise.all(started.map(({ child }) => child.stop(0)));
    await given.remove();
  });

  test('two append, a third follows: it sees every offset once and in order, as does a follower here', async () => {
    const here = followed(given.log, 0, 600);
    const [follower, ...writers] = await start(
      ['follow', given.url, '600'],
      ['append', given.url, 'one', '300'],
      ['append', given.url, 'two', '300'],
    );
    expect(await numbersTold(writers)).toEqual(oneTo(600));
    expect((await follower!.finished()).map(Number)).toEqual(oneTo(600));
    expect((await here).map(({ meta }) => meta.address.offset)).toEqual(oneTo(600));
  }, 60_000);

  test('three fight for every version of a stream: exactly one wins each', async () => {
    const racers = await start(...['a', 'b', 'c'].map((name) => ['race', given.url, name, '200']));
    expect(await numbersTold(racers)).toEqual(oneTo(200));
    const stream = await given.log.readStream('domain', 'contested');
    expect(stream.map(({ meta }) => meta.version)).toEqual(oneTo(200));
  }, 60_000);

  test('five create the file at the same moment and all can use it', async () => {
    const url = `${given.url}.fresh`;
    const writers = await start(...oneTo(5).map((name) => ['append', url, String(name), '10']));
    expect(await numbersTold(writers)).toEqual(oneTo(50));
  }, 60_000);

  test('writers killed with SIGKILL again and again lose nothing acknowledged and leave nothing half-written', async () => {
    const stop = new AbortController();
    const seen = collectOffsets(given.log, stop.signal);
    const acknowledged: string[] = [];
    for (let round = 0; round < 6; round += 1) {
      const writers = await start(...['x', 'y'].map((name) => ['flood', given.url, `${name}${round}`]));
      await Promise.all(writers.map(({ told }, n) => told(1 + round * 37 + n * 11)));
      for (const { child } of writers) child.process.kill('SIGKILL');
      await Promise.all(writers.map(({ ended }) => ended));
      acknowledged.push(...writers.flatMap(({ lines }) => lines));
      expect((await given.log.append('migration', [item('alive', round, `alive-${round}`)]))[0]!.kind).toBe('appended');
      for (const { lines } of writers) await expectCursorCovers(given.log, lines);
    }
    const events = await readAll(given.log);
    expect(events.map(({ meta }) => meta.address.offset)).toEqual(oneTo(events.length));
    expectWholeCalls(events, acknowledged);
    expectGaplessStreams(events);
    await expect.poll(() => seen.offsets.length, { timeout: 5_000 }).toBe(events.length);
    expect(seen.offsets).toEqual(oneTo(events.length));
    stop.abort();
    await seen.done;
  }, 120_000);

  test('one that was stopped with SIGSTOP while another took its lease writes nothing when it goes on', async () => {
    const [first] = await start(['fenced', given.url, 'first', '20']);
    await first!.told(21);
    const second = await taker();
    await second.told(20);
    first!.child.process.kill('SIGCONT');
    expect((await first!.finished()).at(-1)).toBe('fenced');
    const before = second.lines.length;
    await second.told(before + 20);
    const ids = (await readAll(given.log)).map(({ id }) => id);
    const taken = ids.findIndex((id) => id.startsWith('second'));
    expect(ids.slice(taken).filter((id) => id.startsWith('first'))).toEqual([]);
    expect(ids.filter((id) => id.startsWith('first'))).toEqual(expect.arrayContaining(first!.lines.slice(1, -1)));
  }, 60_000);

  test('killed with SIGKILL again and again while it trims, the topic is whole from its tail to its head', async () => {
    let head = 0;
    for (let round = 0; round < 6; round += 1) {
      const [writer] = await start(['keep-little', given.url, '2000']);
      await writer!.told(60 + round * 23);
      writer!.child.process.kill('SIGKILL');
      await writer!.ended;
      head = (await given.log.head('row-changes')).offset;
      const tail = (await given.log.tail('row-changes')).offset;
      expect(head).toBeGreaterThanOrEqual(Number(writer!.lines.at(-1)));
      const kept = await given.log.read('row-changes', tail, head);
      expect(kept.map(({ meta }) => [meta.address.offset, meta.version])).toEqual(
        oneTo(head - tail).map((n) => [tail + n, tail + n]),
      );
    }
    const tail = await given.log.trim('row-changes', { bytes: 100, ageMs: 1e12 });
    expect(head - tail.offset).toBeLessThan(10);
  }, 60_000);
});

/** The numbers that all of them told, in order, once they have ended. */
async function numbersTold(processes: readonly LogProcess[]): Promise<number[]> {
  const lines = (await Promise.all(processes.map((each) => each.finished()))).flat();
  return lines.map(Number).sort((a, b) => a - b);
}

function collectOffsets(log: EventLog, signal: AbortSignal): { offsets: number[]; done: Promise<void> } {
  const offsets: number[] = [];
  const done = (async () => {
    for await (const batch of log.follow('domain', 0, signal)) {
      offsets.push(...batch.map(({ meta }) => meta.address.offset));
    }
  })();
  return { offsets, done };
}

async function readAll(log: EventLog): Promise<RecordedEvent[]> {
  const { offset } = await log.head('domain');
  return log.read('domain', 0, offset);
}

/** Calls are committed in order, so the cursor names the last acknowledged call, or a later one whose acknowledgement was killed. */
async function expectCursorCovers(log: EventLog, lines: readonly string[]): Promise<void> {
  const [name] = lines[0]!.split('-') as [string];
  const { value, head } = (await log.cursor(name))!;
  const numberOf = (call: string) => Number(call.split('-')[1]);
  expect(numberOf(value)).toBeGreaterThanOrEqual(Math.max(...lines.map(numberOf)));
  expect((await log.find('domain', `${value}-c`))!.meta.address).toEqual(head);
}

function expectWholeCalls(events: readonly RecordedEvent[], acknowledged: readonly string[]): void {
  const partsOfCall = new Map<string, string>();
  for (const { id } of events) {
    const call = id.slice(0, -2);
    partsOfCall.set(call, (partsOfCall.get(call) ?? '') + id.at(-1));
  }
  expect([...partsOfCall.values()].filter((parts) => parts !== 'abc')).toEqual([]);
  expect(acknowledged.filter((call) => !partsOfCall.has(call))).toEqual([]);
}

function expectGaplessStreams(events: readonly RecordedEvent[]): void {
  const versions = new Map<string, number>();
  for (const { meta } of events) {
    expect(meta.version).toBe((versions.get(meta.stream) ?? 0) + 1);
    versions.set(meta.stream, meta.version);
  }
}
