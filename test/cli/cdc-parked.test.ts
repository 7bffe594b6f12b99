import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { followRequests } from '../../cdc-bridge/parking/follow-requests.ts';
import { Turns } from '../../cdc-bridge/parking/turns.ts';
import type { EventLog } from '../../contract/event-log.ts';
import { openLog } from '../../event-log/open.ts';
import { allEvents } from '../cdc-bridge/legacy.ts';
import { bridgeLife, inserted, narrow, wide } from '../cdc-bridge/parking-lives.ts';

const program = resolve(import.meta.dirname, '..', '..', 'cli', 'strangler.mjs');
const run = promisify(execFile);
let folder: string;
let log: EventLog;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cdc-parked-'));
  writeFileSync(
    join(folder, 'strangler.yaml'),
    `legacy:\n  url: http://127.0.0.1:8000\n  database: {url: mysql://u:p@127.0.0.1:1/d}\nlog: sqlite:${folder}/log.db\n`,
  );
  log = openLog(`sqlite:${folder}/log.db`);
  const history = [
    inserted(1, [{ id: 1, s: 1 }]),
    inserted(2, [{ id: 2, s: 1, a: 2 }]),
    inserted(3, [{ id: 3, s: 2 }]),
  ];
  await (await bridgeLife(log, narrow, 'legacy')).write(history);
});
afterEach(async () => {
  await log.close();
  rmSync(folder, { recursive: true });
});

/** What `strangler cdc parked …` prints, and how it ends. */
async function parked(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const command = [program, '--config', join(folder, 'strangler.yaml'), 'cdc', 'parked', ...args];
  const ended = run(process.execPath, command, { cwd: folder });
  return ended.then(
    (told) => ({ code: 0, ...told }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  );
}

/** Has a bridge at work, as far as parked changes go, while `work` runs. */
async function withBridge<T>(work: () => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const life = await bridgeLife(log, wide, 'legacy');
  const following = followRequests({ log, turns: new Turns(), ...life }, stop.signal);
  try {
    return await work();
  } finally {
    stop.abort();
    await following;
  }
}

it('lists what is parked and why, and shows one with its image, without a bridge', async () => {
  const { stdout } = await parked();
  expect(stdout).toContain('3 row changes are parked:');
  expect(stdout).toMatch(/s-1 {2}column-absent: .*column a/);
  expect(stdout).toMatch(/s-1 {2}behind-parked: an earlier change is parked/);
  const { changes } = JSON.parse((await parked('--json')).stdout) as { changes: { id: string }[] };
  const shown = JSON.parse((await parked('show', changes[0]!.id.slice(0, 8), '--json')).stdout);
  expect(shown).toMatchObject({ transaction: 'mariadb:0-1-1', change: { op: 'c', after: { id: 1, s: 1 } } });
}, 60_000);

it('has the bridge retry a stream, and skip a change for a reason', async () => {
  await withBridge(async () => {
    expect((await parked('retry', '--stream', 's-1')).stdout).toContain('2 released, 0 skipped, 0 of those');
    const { changes } = JSON.parse((await parked('--json')).stdout) as { changes: { id: string }[] };
    const skipped = await parked('skip', changes[0]!.id, '--reason', 'a test order');
    expect(skipped.stdout).toContain('0 released, 1 skipped');
  });
  expect((await parked()).stdout).toContain('nothing is parked');
  expect((await allEvents(log)).map(({ meta }) => meta.stream)).toEqual(['s-1', 's-1']);
}, 60_000);

it('refuses what it cannot do before anything is asked for', async () => {
  const { offset } = await log.head('parked');
  for (const [args, message] of [
    [['retry'], 'say which changes are meant'],
    [['retry', '--all', '--stream', 's-1'], "option '--stream <stream>' cannot be used with option '--all'"],
    [['skip', '--all'], "required option '--reason <text>' not specified"],
    [['retry', 'zzz'], 'found no parked change with an id that begins with zzz'],
  ] as const) {
    const { code, stderr } = await parked(...args);
    expect([code === 0, stderr]).toEqual([false, expect.stringContaining(message)]);
  }
  expect((await log.head('parked')).offset).toBe(offset);
}, 60_000);
