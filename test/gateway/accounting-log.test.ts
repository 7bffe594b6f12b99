import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { AccessLog } from '../../gateway/accounting/access-log.ts';
import type { LogDestination } from '../../gateway/accounting/log-destination.ts';
import { LogFile, type Rotation } from '../../gateway/accounting/log-file.ts';
import { until } from '../until.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'access-log-'));
  closing.push(() => rmSync(path, { recursive: true }));
  return path;
}

/** What a log has reported. */
function reports() {
  const told: string[] = [];
  return {
    told,
    failing: (error: Error) => told.push(`failing: ${(error as NodeJS.ErrnoException).code}`),
    recovered: (dropped: number) => told.push(`recovered, ${dropped} dropped`),
    reopenFailed: (error: Error) => told.push(`not reopened: ${(error as NodeJS.ErrnoException).code}`),
    rotationFailed: (error: Error) => told.push(`not rotated: ${(error as NodeJS.ErrnoException).code}`),
  };
}

function openLog(destination: LogDestination, bufferBytes = 4 * 1024 ** 2) {
  const events = reports();
  const log = new AccessLog({ destination, bufferBytes, events, droppedLine: (lines) => `dropped ${lines}\n` });
  return { log, events };
}

function openFile(path: string, rotation?: Rotation) {
  const events = reports();
  const file = new LogFile({ path, rotation, rotationFailed: events.rotationFailed });
  return { ...openLog(file), rotations: events.told };
}

const linesOf = (path: string) => readFileSync(path, 'utf8').split('\n').slice(0, -1);
const numbered = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `line ${from + index}`);

/** A destination that takes as many bytes at a time as it is told, or fails, or waits to be let go. */
class Reluctant implements LogDestination {
  readonly files: string[] = [''];
  /** What happens to each write, in turn; then everything is taken. */
  readonly takes: (number | Error | Promise<unknown>)[];

  constructor(...takes: (number | Error | Promise<unknown>)[]) {
    this.takes = takes;
  }

  get text(): string {
    return this.files.join('');
  }

  async write(bytes: Buffer): Promise<number> {
    const next = this.takes.shift();
    if (next instanceof Error) throw next;
    if (next instanceof Promise) await next;
    const taken = bytes.subarray(0, typeof next === 'number' ? next : bytes.length);
    this.files.push(`${this.files.pop()}${taken}`);
    return taken.length;
  }

  async reopen(): Promise<void> {
    this.files.push('');
  }

  async close(): Promise<void> {}
}

const fullDisk = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });

describe('the access log', () => {
  it('writes lines in their order, many with one write', async () => {
    const destination = new Reluctant();
    let writes = 0;
    const write = destination.write.bind(destination);
    destination.write = (bytes) => {
      writes += 1;
      return write(bytes);
    };
    const { log } = openLog(destination);
    for (const line of numbered(0, 5_000)) log.append(`${line}\n`);
    await log.stop();
    expect(destination.text.split('\n').slice(0, -1)).toEqual(numbered(0, 5_000));
    expect(writes).toBeLessThanOrEqual(2);
    expect(log.counts).toEqual({ written: 5_000, dropped: 0 });
  });

  it('writes a single line soon, without being asked', async () => {
    const destination = new Reluctant();
    const { log } = openLog(destination);
    log.append('alone\n');
    await until(() => destination.text === 'alone\n');
    await log.stop();
  });

  it('goes on where a short write stopped', async () => {
    const destination = new Reluctant(3, 1, 7);
    const { log } = openLog(destination);
    for (const line of numbered(0, 9)) log.append(`${line}\n`);
    await log.stop();
    expect(destination.text).toBe(`${numbered(0, 9).join('\n')}\n`);
  });

  it('keeps lines while the disk is full, and writes them when it is not any more', async () => {
    const destination = new Reluctant(4, fullDisk);
    const { log, events } = openLog(destination);
    log.append('line 0\n');
    await until(() => events.told.length === 1);
    log.append('line 1\n');
    await until(() => destination.text === 'line 0\nline 1\n');
    await log.stop();
    expect(events.told).toEqual(['failing: ENOSPC', 'recovered, 0 dropped']);
    expect(log.counts).toEqual({ written: 2, dropped: 0 });
  });

  it('drops what its buffer cannot hold, counts it, and says so where it is missing', async () => {
    let letGo = () => {};
    const destination = new Reluctant(new Promise<void>((resolve) => (letGo = resolve)));
    const { log } = openLog(destination, 100);
    log.append(`${'x'.repeat(59)}\n`);
    await until(() => destination.takes.length === 0);
    for (const line of numbered(0, 10)) log.append(`${line}\n`);
    expect(log.counts).toEqual({ written: 0, dropped: 5 });
    letGo();
    await until(() => log.counts.written === 6);
    await until(() => /dropped/.test(destination.text));
    log.append('later\n');
    await log.stop();
    expect(destination.text.split('\n').slice(1, -1)).toEqual([...numbered(0, 5), 'dropped 5', 'later']);
  });

  it('holds up nobody when its destination takes nothing for ever', async () => {
    const { log } = openLog(new Reluctant(new Promise(() => {})));
    log.append('line\n');
    await log.stop();
    expect(log.counts).toEqual({ written: 0, dropped: 1 });
  });

  it('takes a line of any length', async () => {
    const destination = new Reluctant();
    const { log } = openLog(destination);
    const long = `${'→'.repeat(100_000)}\n`;
    for (const line of ['before\n', long, 'after\n']) log.append(line);
    await log.stop();
    expect(destination.text).toBe(`before\n${long}after\n`);
  });

  it('puts a line that was cut by a reopening whole into the new file', async () => {
    const destination = new Reluctant(10, fullDisk);
    const { log, events } = openLog(destination);
    for (const line of numbered(0, 3)) log.append(`${line}\n`);
    await until(() => events.told.length === 1);
    await log.reopen();
    await log.stop();
    expect(destination.files).toEqual(['line 0\nlin', 'line 1\nline 2\n']);
  });

  it('loses, repeats and reorders nothing, however it is written', async () => {
    const take = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constant(fullDisk));
    await fc.assert(
      fc.asyncProperty(fc.array(take, { maxLength: 5 }), fc.integer({ min: 1, max: 50 }), async (takes, lines) => {
        const destination = new Reluctant(...takes);
        const { log } = openLog(destination);
        for (const line of numbered(0, lines)) log.append(`${line}\n`);
        for (const _ of takes) await log.reopen();
        await log.stop();
        const whole = destination.files.map((file) => file.slice(0, file.lastIndexOf('\n') + 1)).join('');
        const { written, dropped } = log.counts;
        expect(whole.split('\n').slice(0, -1)).toEqual(numbered(0, written));
        expect(written + dropped).toBe(lines);
      }),
      { numRuns: 100 },
    );
  });
});

describe('the file of the access log', () => {
  it('is rotated between lines, and the oldest are let go', async () => {
    const path = join(directory(), 'logs', 'access.log');
    const { log } = openFile(path, { maxBytes: 500, keep: 2 });
    for (let batch = 0; batch < 6; batch += 1) {
      for (const line of numbered(batch * 100, (batch + 1) * 100)) log.append(`${line}\n`);
      await until(() => log.counts.written === (batch + 1) * 100);
    }
    await log.stop();
    expect(readdirSync(join(path, '..')).sort()).toEqual(['access.log', 'access.log.1', 'access.log.2']);
    expect([`${path}.2`, `${path}.1`, path].flatMap(linesOf)).toEqual(numbered(300, 600));
  });

  it('loses no line over all files when it is rotated here and moved away by others', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('lines', 'lines', 'reopen', 'moved'), { minLength: 1, maxLength: 20 }),
        async (steps) => {
          const folder = mkdtempSync(join(tmpdir(), 'access-log-'));
          const path = join(folder, 'access.log');
          const { log } = openFile(path, { maxBytes: 500, keep: 1_000 });
          let lines = 0;
          for (const [index, step] of steps.entries()) {
            if (step === 'lines') {
              for (const line of numbered(lines, lines + 70)) log.append(`${line}\n`);
              lines += 70;
            } else if (step === 'moved' && statSync(path, { throwIfNoEntry: false })) {
              renameSync(path, join(folder, `moved-${index}`));
              await log.reopen();
            } else await log.reopen();
          }
          await log.stop();
          const found = readdirSync(folder).flatMap((name) => linesOf(join(folder, name)));
          rmSync(folder, { recursive: true });
          const byNumber = (line: string) => Number(line.slice(5));
          expect(found.sort((one, other) => byNumber(one) - byNumber(other))).toEqual(numbered(0, lines));
        },
      ),
      { numRuns: 40 },
    );
  });

  it('is not rotated a second time by another process that writes to it', async () => {
    const path = join(directory(), 'access.log');
    const logs = [openFile(path, { maxBytes: 500, keep: 9 }), openFile(path, { maxBytes: 500, keep: 9 })];
    let lines = 0;
    const append = async ({ log }: (typeof logs)[number], count: number) => {
      const written = log.counts.written + count;
      for (const line of numbered(lines, lines + count)) log.append(`${line}\n`);
      lines += count;
      await until(() => log.counts.written === written);
    };
    for (const count of [1, 100, 1]) for (const log of logs) await append(log, count);
    for (const { log } of logs) await log.stop();
    expect(readdirSync(join(path, '..')).sort()).toEqual(['access.log', 'access.log.1']);
    expect([`${path}.1`, path].flatMap(linesOf)).toEqual(numbered(0, 204));
  });

  it('goes on in a file that is there, and counts its size', async () => {
    const path = join(directory(), 'access.log');
    writeFileSync(path, `${'old'.repeat(100)}\n`);
    const { log } = openFile(path, { maxBytes: 100, keep: 1 });
    log.append('new\n');
    await log.stop();
    expect(linesOf(`${path}.1`)).toEqual(['old'.repeat(100)]);
    expect(linesOf(path)).toEqual(['new']);
  });

  it('is written on where it cannot be moved away, and that is told', async () => {
    const path = join(directory(), 'access.log');
    writeFileSync(path, `${'old'.repeat(100)}\n`);
    // A folder that is not empty cannot be replaced by a file.
    const { log, rotations } = openFile(path, { maxBytes: 100, keep: 1 });
    mkdirSync(join(`${path}.1`, 'in the way'), { recursive: true });
    log.append('new\n');
    await log.stop();
    expect(rotations).toEqual([expect.stringMatching(/^not rotated: (EISDIR|ENOTEMPTY|EEXIST)$/)]);
    expect(linesOf(path).at(-1)).toBe('new');
  });

  it('is tried again where it cannot be opened', async () => {
    const folder = directory();
    writeFileSync(join(folder, 'logs'), 'a file where a folder should be');
    const path = join(folder, 'logs', 'access.log');
    const { log, events } = openFile(path);
    await log.reopen();
    log.append('line\n');
    await until(() => events.told.length === 2);
    rmSync(join(folder, 'logs'));
    await until(() => log.counts.written === 1);
    await log.stop();
    expect(events.told).toEqual([
      expect.stringMatching(/^not reopened: (ENOTDIR|EEXIST)$/),
      expect.stringMatching(/^failing: (ENOTDIR|EEXIST)$/),
      'recovered, 0 dropped',
    ]);
    expect(linesOf(path)).toEqual(['line']);
  });

  it('that is full drops lines beyond the buffer, and is never rotated when it is no regular file', async () => {
    const events = reports();
    const file = new LogFile({
      path: '/dev/full',
      rotation: { maxBytes: 1, keep: 1 },
      rotationFailed: events.rotationFailed,
    });
    const { log, events: told } = openLog(file, 1_000);
    for (const line of numbered(0, 500)) log.append(`${line}\n`);
    await until(() => told.told.length === 1);
    for (const line of numbered(500, 1_000)) log.append(`${line}\n`);
    await log.stop();
    expect(told.told).toEqual(['failing: ENOSPC']);
    expect(events.told).toEqual([]);
    expect(log.counts).toEqual({ written: 0, dropped: 1_000 });
  });
});
