import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { EventLog } from '../../contract/event-log.ts';
import { LogError } from '../../contract/event-log.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import { openLog } from '../../event-log/open.ts';
import { changeFlag } from '../../gateway/journal/change-flag.ts';
import { type Journal, startJournal } from '../../gateway/journal/journal.ts';
import { emptyJournal, foldJournal } from '../../gateway/journal/journal-state.ts';
import { moveRoute } from '../../gateway/journal/move-route.ts';
import { nextStep, previousStep, sameStage } from '../../gateway/journal/rollout-steps.ts';
import type { Stage } from '../../gateway/routing/stage.ts';
import { silent } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';

let dir: string;
const running: Journal[] = [];
const route = 'GET /shipments/{id}';
const shadow: Stage = { kind: 'shadow' };
const canary: Stage = { kind: 'canary', percent: 25 };

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'journal-'));
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((journal) => journal.stop()));
  rmSync(dir, { recursive: true, force: true });
});

const sqlite = async (): Promise<EventLog> => openLog(`sqlite:${join(dir, 'log.db')}`);

async function start(name = 'a', open: (() => Promise<EventLog>) | 'no log' = sqlite): Promise<Journal> {
  const dataDir = join(dir, name);
  const journal = await startJournal({
    openLog: open === 'no log' ? undefined : open,
    dataDir,
    logger: silent,
    metrics: new Metrics(),
  });
  running.push(journal);
  return journal;
}

async function restart(journal: Journal, open?: () => Promise<EventLog>): Promise<Journal> {
  await journal.stop();
  return start('a', open);
}

const move = (journal: Journal, from: Stage, to: Stage, by = 'anna') =>
  moveRoute(journal, { route, from, to, by, reason: 'test' });

describe('a move', () => {
  test('is in the state as soon as it is answered', async () => {
    const journal = await start();
    expect(await move(journal, shadow, canary)).toEqual({ kind: 'moved' });
    expect(journal.state.stages.get(route)).toEqual(canary);
    expect(journal.state.moves.get(route)).toMatchObject({ from: shadow, to: canary, by: 'anna', reason: 'test' });
  });

  test('is won by exactly one of two gateways that try at once, and the other learns who did', async () => {
    const [one, other] = await Promise.all([start('a'), start('b')]);
    const outcomes = await Promise.all([
      move(one, shadow, canary, 'anna'),
      move(other, shadow, { kind: 'new' }, 'bert'),
    ]);
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['conflict', 'moved']);
    const winner = outcomes[0]!.kind === 'moved' ? 'anna' : 'bert';
    expect(outcomes.find(({ kind }) => kind === 'conflict')).toMatchObject({ meanwhile: { by: winner } });
    expect(one.state.moves).toEqual(other.state.moves);
  });

  test('is won by exactly one of two that try at once on one gateway', async () => {
    const journal = await start();
    const outcomes = await Promise.all([move(journal, shadow, canary), move(journal, shadow, canary)]);
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['conflict', 'moved']);
  });

  test('from where the route does not stand any more is a conflict', async () => {
    const journal = await start();
    await move(journal, shadow, canary);
    expect(await move(journal, shadow, { kind: 'new' })).toMatchObject({ kind: 'conflict', meanwhile: { to: canary } });
  });

  test('to where the route stands changes nothing', async () => {
    const journal = await start();
    expect(await move(journal, shadow, shadow)).toEqual({ kind: 'unchanged' });
    expect(journal.state.offset).toBe(0);
  });
});

describe('two gateways on one log', () => {
  test('agree on stages and flags', async () => {
    const [one, other] = await Promise.all([start('a'), start('b')]);
    await move(one, shadow, canary);
    await changeFlag(other, { flag: 'f', setting: { enabled: true }, by: 'bert', reason: '' });
    await vi.waitFor(() => expect(one.state).toEqual(other.state));
    expect(one.state).toMatchObject({ offset: 2, flagsRevision: 2 });
  });

  test('tell their subscribers of what the other did', async () => {
    const [one, other] = await Promise.all([start('a'), start('b')]);
    const seen: (Stage | undefined)[] = [];
    one.subscribe(() => {
      throw new Error('a subscriber of no manners');
    });
    const unsubscribe = one.subscribe((state) => seen.push(state.stages.get(route)));
    await move(other, shadow, canary);
    await vi.waitFor(() => expect(seen).toEqual([canary]));
    unsubscribe();
  });
});

describe('without the log', () => {
  const away = () => Promise.reject(new LogError('log-unavailable', 'disk on fire'));

  test('the last state is served from disk, and changes are refused with the reason', async () => {
    const before = await start();
    await move(before, shadow, canary);
    const after = await restart(before, away);
    expect(after.state).toEqual(before.state);
    expect(after.status()).toMatchObject({ kind: 'away', detail: 'disk on fire' });
    expect(await move(after, canary, { kind: 'new' })).toEqual({ kind: 'refused', reason: 'disk on fire' });
  });

  test('nothing on disk is no state, not an error', async () => {
    expect((await start('a', away)).state).toEqual(emptyJournal);
  });

  test('none configured is said so', async () => {
    const journal = await start('a', 'no log');
    expect(await move(journal, shadow, canary)).toEqual({ kind: 'refused', reason: 'no log is configured' });
  });

  test('a start does not wait for a log that never opens, nor does a stop', async () => {
    vi.useFakeTimers();
    try {
      let journal: Journal | undefined;
      void start('a', () => new Promise(() => {})).then((started) => {
        journal = started;
      });
      await vi.waitFor(() => expect(journal?.status().kind).toBe('away'), { timeout: 10_000, interval: 500 });
      await journal!.stop();
    } finally {
      vi.useRealTimers();
    }
  });

  test('and when it comes back, the journal follows again and knows what it missed', async () => {
    let log: EventLog | undefined;
    let reachable = true;
    const journal = await start('a', async () => {
      if (!reachable) throw new Error('still away');
      log = await sqlite();
      return log;
    });
    await move(journal, shadow, canary);
    reachable = false;
    await log!.close();
    await vi.waitFor(() => expect(journal.status()).toMatchObject({ kind: 'away', detail: 'still away' }));
    expect(journal.state.stages.get(route)).toEqual(canary);
    const other = await start('b');
    await move(other, canary, { kind: 'new' });
    reachable = true;
    await vi.waitFor(() => expect(journal.status().kind).toBe('following'), 5_000);
    expect(journal.state.stages.get(route)).toEqual({ kind: 'new' });
  });

  test('the log deleted mid-run: the state stays, changes are refused, a new log is not mistaken for the old', async () => {
    const journal = await start();
    await move(journal, shadow, canary);
    for (const suffix of ['', '-wal', '-shm']) rmSync(join(dir, `log.db${suffix}`), { force: true });
    await vi.waitFor(() => expect(journal.status().detail).toContain('the log is not the one'), 5_000);
    expect(journal.state.stages.get(route)).toEqual(canary);
    expect(await move(journal, canary, { kind: 'new' })).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining(`delete ${join(dir, 'a', 'journal.json')}`),
    });
  });

  test('another log with as many events is not mistaken either', async () => {
    const before = await start();
    await move(before, shadow, canary);
    await before.stop();
    const elsewhere = async () => openLog(`sqlite:${join(dir, 'other.db')}`);
    const stranger = await start('b', elsewhere);
    await move(stranger, shadow, { kind: 'new' });
    const after = await start('a', elsewhere);
    expect(after.status().detail).toContain('the log is not the one this gateway followed');
    expect(after.state.stages.get(route)).toEqual(canary);
  });
});

describe('the copy on disk', () => {
  test('that cannot be read is left aside: the log has everything', async () => {
    const journal = await start();
    await move(journal, shadow, canary);
    await journal.stop();
    writeFileSync(join(dir, 'a', 'journal.json'), '{"format":1,"off');
    expect((await start()).state).toEqual(journal.state);
  });

  test('is whole at any moment', async () => {
    const journal = await start();
    const path = join(dir, 'a', 'journal.json');
    for (let version = 0; version < 20; version += 1) {
      await changeFlag(journal, { flag: 'f', setting: { enabled: version % 2 === 0 }, by: 'a', reason: '' });
      if (version > 5) expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ format: 1 });
    }
  });
});

describe('the fold', () => {
  const event = (action: string, data: object, offset = 1) =>
    ({
      id: `id-${offset}`,
      parent: 'p',
      action,
      data,
      meta: {
        schema: 1,
        occurredAt: '2026-01-01T00:00:00Z',
        recordedAt: '2026-01-01T00:00:00Z',
        origin: 'new',
        stream: 's',
        version: offset,
        address: { topic: 'migration', partition: 0, offset },
      },
    }) as RecordedEvent;

  test.each([
    ['another part’s event', event('switch-prepared', { epoch: 1 })],
    ['a stage this version does not know', event('route-stage-changed', { route: 'r', to: { kind: 'frozen' } })],
    ['an action that every object inherits', event('constructor', {})],
  ])('passes over %s', (_, unknown) => {
    const { stages, flags, offset } = foldJournal(emptyJournal, unknown);
    expect({ stages, flags, offset }).toEqual({ stages: new Map(), flags: new Map(), offset: 1 });
  });

  test('changes nothing of the state before', () => {
    const before = foldJournal(
      emptyJournal,
      event('route-stage-changed', { route, from: null, to: shadow, by: 'a', reason: '' }),
    );
    foldJournal(before, event('route-stage-changed', { route, from: shadow, to: canary, by: 'a', reason: '' }, 2));
    expect(before.stages.get(route)).toEqual(shadow);
  });
});

describe('rollout steps', () => {
  const steps: Stage[] = [shadow, { kind: 'canary', percent: 1 }, canary, { kind: 'new' }];

  test.each<[Stage, Stage | undefined, Stage | undefined]>([
    [{ kind: 'legacy' }, shadow, undefined],
    [shadow, { kind: 'canary', percent: 1 }, { kind: 'legacy' }],
    [{ kind: 'canary', percent: 1 }, canary, shadow],
    [{ kind: 'canary', percent: 10 }, canary, { kind: 'canary', percent: 1 }],
    [canary, { kind: 'new' }, { kind: 'canary', percent: 1 }],
    [{ kind: 'new' }, undefined, canary],
    [{ kind: 'retired' }, undefined, { kind: 'new' }],
  ])('from %j up to %j, down to %j', (at, next, previous) => {
    expect(nextStep(steps, at)).toEqual(next);
    expect(previousStep(steps, at)).toEqual(previous);
  });

  const stage = fc.oneof(
    fc.constantFrom<Stage>({ kind: 'legacy' }, shadow, { kind: 'new' }, { kind: 'retired' }),
    fc.record({ kind: fc.constant('canary' as const), percent: fc.integer({ min: 0, max: 100 }) }),
  );
  test('a step up and then down leads no further than before', () => {
    fc.assert(
      fc.property(fc.subarray(steps), stage, (plan, at) => {
        const up = nextStep(plan, at);
        const back = up && previousStep(plan, up);
        if (plan.some((step) => sameStage(step, at)) && back) expect(sameStage(back, at)).toBe(true);
      }),
    );
  });
});
