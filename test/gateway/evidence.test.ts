import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { EventLog } from '../../contract/event-log.ts';
import { openLog } from '../../event-log/open.ts';
import { compare } from '../../gateway/comparison/compare.ts';
import { compareSchema, noRules } from '../../gateway/comparison/config.ts';
import type { Difference } from '../../gateway/comparison/difference.ts';
import type { Observation } from '../../gateway/comparison/observation.ts';
import { placeOf } from '../../gateway/comparison/place.ts';
import { type Evidence, startEvidence } from '../../gateway/evidence/evidence.ts';
import { latencyClass, quantileMs } from '../../gateway/evidence/latencies.ts';
import { redactDifference, redactTarget } from '../../gateway/evidence/redact.ts';
import type { RouteReport } from '../../gateway/evidence/report.ts';
import type { ShadowResult } from '../../gateway/evidence/shadow-result.ts';
import { addTallies, countUp, emptyTally, maxPlaces } from '../../gateway/evidence/tally.ts';
import { type Journal, startJournal } from '../../gateway/journal/journal.ts';
import { silent } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';

const route = 'GET /shipments/{id}';
let dir: string;
const stops: (() => Promise<void>)[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'evidence-'));
});

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  rmSync(dir, { recursive: true, force: true });
});

interface Gateway {
  readonly journal: Journal;
  readonly evidence: Evidence;
  stop(): Promise<void>;
}

const sqlite = async () => openLog(`sqlite:${join(dir, 'log.db')}`);

async function gateway(name = 'a', open: () => Promise<EventLog> = sqlite, now?: () => Date): Promise<Gateway> {
  const ports = { dataDir: join(dir, name), logger: silent, metrics: new Metrics(), ...(now ? { now } : {}) };
  const journal = await startJournal({ ...ports, openLog: open });
  const evidence = await startEvidence({ ...ports, journal });
  const stop = async () => {
    await evidence.stop();
    await journal.stop();
  };
  stops.push(stop);
  return { journal, evidence, stop };
}

const away = () => Promise.reject(new Error('away'));
const reportOf = ({ evidence }: Gateway): RouteReport => evidence.reportOf(route)!;

function answer(value: unknown): Observation {
  const headers = { 'content-type': 'application/json' };
  return {
    kind: 'answer',
    status: 200,
    headers,
    body: Buffer.from(JSON.stringify(value)),
    oversize: false,
    durationMs: 1,
  };
}

function compared(control: unknown, candidate: unknown, input: object = {}, target = '/shipments/7'): ShadowResult {
  const rules = compareSchema.parse(input);
  const comparison = compare(answer(control), answer(candidate), rules);
  return { route, method: 'GET', target, comparison, controlMs: 20, candidateMs: 4, rules };
}

const equal = () => compared({}, {});

describe('the report', () => {
  test('counts every exchange exactly once, under what became of it', async () => {
    const one = await gateway();
    for (let count = 0; count < 10; count += 1) one.evidence.seen(route);
    one.evidence.record(equal());
    one.evidence.record(compared({ at: 1 }, { at: 2 }, { ignore: ['/at'] }));
    one.evidence.record(compared({ price: '12.50' }, { price: 12.5 }));
    one.evidence.record({
      ...equal(),
      comparison: compare(answer({}), { kind: 'failure', reason: 'x', durationMs: 1 }, noRules),
    });
    one.evidence.record({ ...equal(), comparison: { kind: 'not-comparable', reason: 'lag', detail: '' } });
    one.evidence.dropped(route, 'memory');
    expect(reportOf(one)).toMatchObject({
      seen: 10,
      compared: 4,
      equal: 1,
      matched: 1,
      mismatched: 2,
      candidateFailures: 1,
      notComparable: { lag: 1 },
      dropped: { memory: 1 },
    });
  });

  test('shows each place with count and an example, the most frequent first', async () => {
    const one = await gateway();
    one.evidence.record(compared({ a: 1, i: [{ p: 1 }, { p: 2 }] }, { a: 1, i: [{ p: 3 }, { p: 4 }] }));
    one.evidence.record(compared({ a: 1, i: [] }, { a: 2, i: [] }));
    one.evidence.record(compared({ a: 1, i: [] }, { a: 3, i: [] }));
    expect(reportOf(one).differences).toMatchObject([
      { path: '/a', count: 2, example: { target: '/shipments/7', difference: { control: 1, candidate: 2 } } },
      { path: '/i/*/p', count: 1, example: { difference: { path: '/i/0/p', control: 1, candidate: 3 } } },
    ]);
  });

  test('names the rule beside each harmless difference', async () => {
    const one = await gateway();
    one.evidence.record(compared({ eta: '0000-00-00' }, { eta: null }, { equivalent: { '/eta': 'date' } }));
    expect(reportOf(one).harmless).toMatchObject([
      { path: '/eta', rule: 'equivalent /eta: date', count: 1, example: { difference: { control: '0000-00-00' } } },
    ]);
  });

  test('knows the latency of both sides to within 5 %', async () => {
    const one = await gateway();
    for (let ms = 1; ms <= 100; ms += 1) one.evidence.record({ ...equal(), controlMs: ms, candidateMs: 2 * ms });
    const { control, candidate } = reportOf(one).latencyMs;
    expect(Math.abs(control.p50! - 50)).toBeLessThanOrEqual(2.5);
    expect(Math.abs(candidate.p99! - 198)).toBeLessThanOrEqual(9.9);
  });

  test('of a route that nobody asked about is none', async () => {
    const one = await gateway();
    expect(one.evidence.report()).toEqual({ routes: [] });
    expect(one.evidence.reportOf(route)).toBeUndefined();
  });
});

describe('evidence survives', () => {
  test('a restart', async () => {
    const before = await gateway();
    before.evidence.seen(route);
    before.evidence.record(compared({ a: 1 }, { a: 2 }));
    const report = reportOf(before);
    await before.stop();
    expect(reportOf(await gateway())).toEqual(report);
  });

  test('the log being away: it waits on disk and is counted once when the log is back', async () => {
    const before = await gateway('a', away);
    before.evidence.record(equal());
    await before.evidence.flush();
    before.evidence.record(equal());
    expect(reportOf(before)).toMatchObject({ equal: 2 });
    await before.stop();
    expect(existsSync(join(dir, 'a', 'evidence.json'))).toBe(true);
    const after = await gateway();
    expect(reportOf(after)).toMatchObject({ equal: 2 });
    await after.evidence.flush();
    await after.evidence.flush();
    expect(after.journal.state.tallies.get(route)).toMatchObject({ equal: 2 });
    expect(existsSync(join(dir, 'a', 'evidence.json'))).toBe(false);
  });

  test('an append whose answer was lost: it is not counted twice', async () => {
    let losing = true;
    const forgetful = async () => {
      const log = await sqlite();
      return new Proxy(log, {
        get(target, name) {
          const member = Reflect.get(target, name);
          if (typeof member !== 'function') return member;
          if (name !== 'append') return member.bind(target);
          return async (...input: Parameters<EventLog['append']>) => {
            const results = await target.append(...input);
            if (losing) throw new Error('the answer was lost');
            return results;
          };
        },
      });
    };
    const one = await gateway('a', forgetful);
    one.evidence.record(equal());
    await one.evidence.flush();
    losing = false;
    await one.evidence.flush();
    expect(reportOf(one)).toMatchObject({ equal: 1 });
    expect(one.journal.state.tallies.get(route)).toMatchObject({ equal: 1 });
  });

  test('never flickers: at every moment the report has all that was recorded', async () => {
    const one = await gateway();
    const seen = new Set<number>();
    one.journal.subscribe(() => seen.add(reportOf(one).equal));
    for (let count = 0; count < 3; count += 1) {
      one.evidence.record(equal());
      await one.evidence.flush();
    }
    expect([...seen]).toEqual([1, 2, 3]);
  });

  test('a broken file of its own: the rest counts on', async () => {
    await (await gateway()).stop();
    writeFileSync(join(dir, 'a', 'evidence.json'), '{"format":1,');
    writeFileSync(join(dir, 'a', 'samples', 'junk.json'), 'junk');
    const one = await gateway();
    one.evidence.record(equal());
    expect(reportOf(one)).toMatchObject({ equal: 1 });
    await vi.waitFor(() => expect(readdirSync(join(dir, 'a', 'samples'))).toEqual([]));
  });
});

test('two gateways add up', async () => {
  const [one, other] = [await gateway('a'), await gateway('b')];
  one.evidence.record(equal());
  other.evidence.record(equal());
  await Promise.all([one.evidence.flush(), other.evidence.flush()]);
  await vi.waitFor(() => expect([reportOf(one).equal, reportOf(other).equal]).toEqual([2, 2]));
});

test('a reset begins anew on every gateway, examples included, and without the log it says why not', async () => {
  const [one, other] = [await gateway('a'), await gateway('b')];
  one.evidence.record(compared({ a: 1 }, { a: 2 }));
  other.evidence.record(equal());
  expect(await one.evidence.reset({ route, by: 'anna', reason: 'fixed' })).toBeUndefined();
  await vi.waitFor(() => expect([reportOf(one).compared, reportOf(other).compared]).toEqual([0, 0]));
  expect(readdirSync(join(dir, 'a', 'samples'))).toEqual([]);
  const cut = await gateway('c', away);
  expect(await cut.evidence.reset({ route, by: 'anna', reason: '' })).toEqual({ refused: 'away' });
});

describe('examples', () => {
  test('are kept one per place, and replaced when they are old', async () => {
    let now = new Date('2026-01-01T00:00:00Z');
    const one = await gateway('a', sqlite, () => now);
    const example = () => reportOf(one).differences[0]!.example?.difference;
    one.evidence.record(compared({ a: 1 }, { a: 2 }));
    one.evidence.record(compared({ a: 1 }, { a: 3 }));
    expect(example()).toMatchObject({ candidate: 2 });
    now = new Date('2026-01-01T02:00:00Z');
    one.evidence.record(compared({ a: 1 }, { a: 4 }));
    expect(example()).toMatchObject({ candidate: 4 });
    now = new Date('2026-02-01T00:00:00Z');
    expect(example()).toBeUndefined();
    await one.stop();
    expect(readdirSync(join(dir, 'a', 'samples'))).toHaveLength(1);
  });

  test('take no more room than they may, whatever the answers hold', async () => {
    const one = await gateway();
    for (let place = 0; place < 400; place += 1) {
      const name = `field-${place}-${'n'.repeat(200)}`;
      one.evidence.record(compared({ [name]: 'x'.repeat(100_000) }, { [name]: 'y'.repeat(100_000) }));
    }
    await one.stop();
    const folder = join(dir, 'a', 'samples');
    const bytes = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    expect(bytes).toBeLessThan(8 * 1024 * 1024);
    expect(reportOf(one).differences).toHaveLength(maxPlaces + 1);
    expect(reportOf(one).differences[0]).toMatchObject({ path: '(other)', count: 200 });
  });

  test('never hold what redact names, nor what is named like a secret', async () => {
    const one = await gateway();
    const secrets = {
      receiver: { name: 'Bill', phone: '555-0100' },
      'api-key': 'k-123',
      session: { id: 'sid-1' },
      list: [{ csrfToken: 'tok-9' }],
    };
    const target = '/shipments?q=x&access_token=t-77';
    one.evidence.record(compared(secrets, {}, { redact: ['/receiver/phone'] }, target));
    one.evidence.record(compared({}, secrets, { redact: ['/receiver'], ignore: ['/receiver'] }, target));
    await one.stop();
    const folder = join(dir, 'a', 'samples');
    const kept = readdirSync(folder)
      .map((name) => readFileSync(join(folder, name), 'utf8'))
      .join();
    for (const secret of ['555-0100', 'k-123', 'sid-1', 'tok-9', 't-77']) expect(kept).not.toContain(secret);
    expect(kept).toContain('q=x');
  });
});

describe('redaction', () => {
  const rules = compareSchema.parse({ redact: ['/people/*/name', 'header.link', 'line:/phone/i'] });

  test.each<[string, Difference, object]>([
    [
      'a place below the named one',
      { kind: 'value', path: '/people/3/name/first', control: 'a', candidate: 'b' },
      { control: '(redacted)', candidate: '(redacted)' },
    ],
    [
      'the named place inside a larger value',
      { kind: 'missing', path: '/people/0', control: { name: 'a', age: 3 } },
      { control: { name: '(redacted)', age: 3 } },
    ],
    [
      'a header by name',
      { kind: 'header', path: 'header.link', control: 'a', candidate: undefined },
      { control: '(redacted)', candidate: undefined },
    ],
    [
      'a header named like a secret',
      { kind: 'header', path: 'header.set-cookie', control: 'a=1', candidate: 'b=2' },
      { control: '(redacted)' },
    ],
    [
      'a secret in a location',
      { kind: 'header', path: 'header.location', control: '/x?token=abc&y=1', candidate: '/x' },
      { control: '/x?token=(redacted)&y=1' },
    ],
    [
      'a line by pattern',
      { kind: 'line', path: 'line 3', control: '<td>Phone 555</td>', candidate: undefined },
      { control: '(redacted)' },
    ],
    [
      'a line with a secret word',
      { kind: 'line', path: 'line 3', control: '<input name=csrf value=9>', candidate: 'x' },
      { control: '(redacted)', candidate: 'x' },
    ],
  ])('hides %s', (_, difference, expected) => {
    expect(redactDifference(difference, rules)).toMatchObject(expected);
  });

  test('cuts what is long', () => {
    const kept = redactDifference(
      {
        kind: 'value',
        path: '/a',
        control: 'x'.repeat(9_999),
        candidate: ['y'.repeat(99), 'z'.repeat(999), 'z'.repeat(999)],
      },
      rules,
    );
    expect(JSON.stringify(kept).length).toBeLessThan(1_500);
  });

  test('leaves targets without parameters alone', () => {
    expect(redactTarget('/shipments/7')).toBe('/shipments/7');
  });

  test('classes places by what they are, not by which one', () => {
    const value = (path: string) => placeOf({ kind: 'value', path, control: 1, candidate: 2 });
    expect(['/items/12/price', '/7', '/a1/2b'].map(value)).toEqual(['/items/*/price', '/*', '/a1/2b']);
    const line = (control: string | undefined) => placeOf({ kind: 'line', path: 'line 12', control, candidate: 'x' });
    expect(line('<dt>Phone</dt><dd><b CLASS=x>555</b></dd>')).toBe('line <dt><dd><b>');
    expect(line('  <p class="views of many">Viewed 7 times</p>')).toBe('line <p.views>');
    expect(['7 < 8', ' ', undefined].map(line)).toEqual(['line (text)', 'line (empty)', 'line (text)']);
    expect(line('<i>'.repeat(1_000))).toBe(`line ${'<i>'.repeat(6)}`);
  });
});

describe('tallies and latencies', () => {
  const place = fc.string().map((text) => `/${text}`);
  const tally = fc
    .record({ equal: fc.nat(99), counts: fc.dictionary(place, fc.integer({ min: 1, max: 9 })) })
    .map(({ equal, counts }) => ({ ...emptyTally(), equal, differences: counts }));

  test('tallies add up in any order', () => {
    fc.assert(
      fc.property(tally, tally, tally, (one, two, three) => {
        expect(addTallies(addTallies(one, two), three)).toEqual(addTallies(one, addTallies(two, three)));
        expect(addTallies(one, two)).toEqual(addTallies(two, one));
      }),
    );
  });

  test('a count of what every object inherits is an ordinary count', () => {
    const counts: Record<string, number> = {};
    for (const key of ['constructor', 'toString', 'constructor']) countUp(counts, key);
    expect(counts).toEqual({ constructor: 2, toString: 1 });
  });

  test('a quantile is right to within 5 %', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.2, max: 60_000, noNaN: true }), { minLength: 1 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (durations, quantile) => {
          const latencies: Record<string, number> = {};
          for (const ms of durations) countUp(latencies, latencyClass(ms));
          const exact = [...durations].sort((a, b) => a - b)[Math.ceil(quantile * durations.length) - 1]!;
          expect(Math.abs(quantileMs(latencies, quantile)! - exact)).toBeLessThanOrEqual(exact * 0.05 + 0.01);
        },
      ),
    );
  });

  test('no durations have no quantile', () => {
    expect(quantileMs({}, 0.5)).toBeUndefined();
  });
});
