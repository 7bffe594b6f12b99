import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AppendResult, EventLog, StreamAppend } from '../../contract/event-log.ts';
import type { Lease } from '../../contract/lease.ts';
import type { LogAddress, Topic } from '../../contract/log-address.ts';
import type { NoteChange } from '../../contract/note.ts';
import type { NewEvent, RecordedEvent } from '../../contract/recorded-event.ts';

/** A fresh, empty log to try the cases on. */
export interface LogUnderTest {
  readonly log: EventLog;
  /** A second handle on the same log, as another process would hold it. */
  again(): EventLog;
  /** Closes every handle and removes the log. */
  remove(): Promise<void>;
}

/** A new event; what is not given is the same for all. */
export function newEvent(id: string, given: Partial<NewEvent> = {}): NewEvent {
  return {
    id,
    parent: 'mariadb:0-1-57',
    action: 'shipment-created',
    data: { sender: 'bob', price: '12.50' },
    meta: { schema: 1, occurredAt: '2025-12-01T10:00:00.000Z', origin: 'new' },
    ...given,
  };
}

/** One item of a batch: events with these ids for one stream. */
export function item(stream: string, expected: StreamAppend['expect'], ...ids: [string, ...string[]]): StreamAppend {
  return { stream, expect: expected, events: ids.map((id) => newEvent(id)) as [NewEvent, ...NewEvent[]] };
}

export function at(offset: number, topic: Topic = 'domain'): LogAddress {
  return { topic, partition: 0, offset };
}

/** Follows until `count` events came, then aborts. Rejects with what `follow` throws. */
export async function followed(log: EventLog, after: number, count: number): Promise<RecordedEvent[]> {
  const stop = new AbortController();
  const seen: RecordedEvent[] = [];
  for await (const batch of log.follow('domain', after, stop.signal)) {
    seen.push(...batch);
    if (seen.length >= count) stop.abort();
  }
  return seen;
}

/** The promises of contract/event-log.ts, tried on one implementation; restricted by nothing but its `capabilities`. */
export function eventLogCases(name: string, open: () => Promise<LogUnderTest>): void {
  describe(name, () => {
    let given: LogUnderTest;
    let log: EventLog;
    beforeEach(async () => {
      given = await open();
      log = given.log;
    });
    afterEach(() => given.remove());

    describe('a lease', () => {
      const hour = 3_600_000;
      const acquire = async (holder: string, ttlMs: number): Promise<Lease> => {
        const answer = await log.leases.acquire('bridge:a', holder, ttlMs);
        if (answer.kind !== 'acquired') throw new Error(`held by ${answer.holder}`);
        return answer.lease;
      };

      test('is held by one, and who asks meanwhile is told by whom and until when', async () => {
        const first = await log.leases.acquire('bridge:a', 'first', hour);
        expect(first).toMatchObject({ kind: 'acquired', lease: { name: 'bridge:a', epoch: 1 } });
        expect(await given.again().leases.acquire('bridge:a', 'second', hour)).toEqual({
          kind: 'held',
          holder: 'first',
          until: first.until,
        });
        expect(await log.leases.acquire('bridge:b', 'second', hour)).toMatchObject({ kind: 'acquired' });
      });

      test('keeps its epoch for the holder that asks again, and changes it when it is released or has run out', async () => {
        expect(await acquire('first', hour)).toMatchObject({ epoch: 1 });
        const lease = await acquire('first', 0);
        expect(lease).toMatchObject({ epoch: 1 });
        expect(await acquire('second', hour)).toMatchObject({ epoch: 2 });
        await log.leases.release(lease);
        expect(await log.leases.acquire('bridge:a', 'third', hour)).toMatchObject({ kind: 'held', holder: 'second' });
        await log.leases.release({ ...lease, epoch: 2 });
        expect(await acquire('first', hour)).toMatchObject({ epoch: 3 });
      });

      test('of a holder known to have ended is taken at once, of any other it is not', async () => {
        const first = await acquire('first', hour);
        expect(await log.leases.acquire('bridge:a', 'second', hour, 'another')).toMatchObject({ kind: 'held' });
        const second = await given.again().leases.acquire('bridge:a', 'second', hour, 'first');
        expect(second).toMatchObject({ kind: 'acquired', lease: { epoch: first.epoch + 1 } });
        expect(await log.leases.acquire('bridge:a', 'third', hour, 'first')).toMatchObject({ holder: 'second' });
      });

      test('can be renewed after it has run out, as long as nobody took it', async () => {
        const lease = await acquire('first', 0);
        await log.leases.renew(lease, hour);
        expect(await log.leases.acquire('bridge:a', 'second', hour)).toMatchObject({ kind: 'held' });
        await log.leases.renew(lease, 0);
        await acquire('second', hour);
        await expect(log.leases.renew(lease, hour)).rejects.toMatchObject({ code: 'fenced', retriable: false });
      });

      test('fences: who was replaced writes neither events nor a cursor, who holds it does', async () => {
        const old = await acquire('first', 0);
        await log.append('domain', [item('s', 'none', 'a')], { name: 'c', value: '1' }, old);
        const lease = await acquire('second', hour);
        const late = given.again().append('domain', [item('s', 1, 'b')], { name: 'c', value: '2' }, old);
        await expect(late).rejects.toMatchObject({ code: 'fenced', retriable: false });
        await expect(late).rejects.toThrow('lease bridge:a: found epoch 2 held by second, expected 1');
        expect(await log.cursor('c')).toMatchObject({ value: '1' });
        expect(await log.append('domain', [item('s', 1, 'c')], { name: 'c', value: '3' }, lease)).toMatchObject([
          { kind: 'appended' },
        ]);
      });

      test('of an epoch that the log has not seen fences too: the log is an older one', async () => {
        const append = log.append('domain', [item('s', 'none', 'a')], undefined, { name: 'bridge:a', epoch: 7 });
        await expect(append).rejects.toMatchObject({ code: 'fenced' });
        expect(await log.head('domain')).toEqual(at(0));
      });

      test('that has run out still lets its holder write while nobody took it', async () => {
        const lease = await acquire('first', 0);
        expect(await log.append('domain', [item('s', 'none', 'a')], undefined, lease)).toMatchObject([
          { kind: 'appended' },
        ]);
      });
    });

    describe('a topic that is trimmed', () => {
      const rows = (stream: string, ...ids: [string, ...string[]]) =>
        log.append('row-changes', [item(stream, 'any', ...ids)]);
      const ids = async (after: number) => (await log.read('row-changes', after, 100)).map(({ id }) => id);
      const bytesOfOne = JSON.stringify(newEvent('a').data).length;
      const forever = { ageMs: 1e12 };

      test('keeps the newest events that fit, and tells where they begin', async () => {
        await rows('s', 'a', 'b', 'c', 'd', 'e');
        expect(await log.trim('row-changes', { bytes: 2 * bytesOfOne, ...forever })).toEqual(at(3, 'row-changes'));
        expect(await log.tail('row-changes')).toEqual(at(3, 'row-changes'));
        expect(await ids(3)).toEqual(['d', 'e']);
        expect(await log.head('row-changes')).toEqual(at(5, 'row-changes'));
        await expect(log.read('row-changes', 2, 10)).rejects.toMatchObject({ code: 'log-trimmed', retriable: false });
        await expect(log.read('row-changes', 0, 10)).rejects.toThrow(
          'found everything up to row-changes/0/3 trimmed, expected row-changes/0/0 to be kept',
        );
        await expect(
          log.follow('row-changes', 0, new AbortController().signal)[Symbol.asyncIterator]().next(),
        ).rejects.toMatchObject({ code: 'log-trimmed' });
      });

      test('loses what is too old, and all of it when all is', async () => {
        await rows('s', 'a', 'b');
        expect(await log.trim('row-changes', { bytes: 1e9, ageMs: 3_600_000 })).toEqual(at(0, 'row-changes'));
        expect(await log.trim('row-changes', { bytes: 1e9, ageMs: -3_600_000 })).toEqual(at(2, 'row-changes'));
        expect(await ids(2)).toEqual([]);
        await expect(log.read('row-changes', 1, 10)).rejects.toMatchObject({ code: 'log-trimmed' });
      });

      test('goes on counting offsets, and versions of streams that are gone', async () => {
        await rows('s', 'a', 'b');
        await rows('t', 'c');
        await log.trim('row-changes', { bytes: 0, ...forever });
        expect(await rows('s', 'd')).toEqual([{ kind: 'appended', version: 3, addresses: [at(4, 'row-changes')] }]);
        expect(await log.append('row-changes', [item('t', 0, 'e')])).toEqual([{ kind: 'conflict', actual: 1 }]);
        expect((await log.readStream('row-changes', 's')).map(({ meta }) => meta.version)).toEqual([3]);
        expect(await log.trim('row-changes', { bytes: bytesOfOne, ...forever })).toEqual(at(3, 'row-changes'));
      });

      test('is trimmed in steps while others append, and never by more than asked', async () => {
        const large = Array.from({ length: 1_500 }, (_, n) => `e${n}`) as [string, ...string[]];
        await rows('s', ...large);
        const trimming = log.trim('row-changes', { bytes: 10 * bytesOfOne, ...forever });
        await rows('s', 'last');
        await trimming;
        await log.trim('row-changes', { bytes: 10 * bytesOfOne, ...forever });
        expect(await ids((await log.tail('row-changes')).offset)).toHaveLength(10);
      });

      test('leaves the other topics alone', async () => {
        await log.append('domain', [item('s', 'none', 'a')]);
        await log.append('parked', [item('s', 'none', 'a')]);
        await rows('s', 'a');
        await log.trim('row-changes', { bytes: 0, ageMs: 0 });
        expect(await log.read('domain', 0, 10)).toHaveLength(1);
        expect(await log.read('parked', 0, 10)).toHaveLength(1);
        expect(await log.tail('domain')).toEqual(at(0));
      });
    });

    describe('generations of topic domain', () => {
      const hour = 3_600_000;
      let fence: Lease;
      beforeEach(async () => {
        const answer = await log.leases.acquire('remap', 'one', hour);
        if (answer.kind === 'acquired') fence = answer.lease;
      });
      const in2 = (offset: number): LogAddress => ({ topic: 'domain', generation: 2, partition: 0, offset });
      const idsOf = (events: readonly RecordedEvent[]) => events.map(({ id }) => id);

      test('begin with the first, which is current', async () => {
        expect(await log.generations.list()).toEqual([{ number: 1, state: 'current' }]);
        await log.append('domain.1', [item('a', 'none', 'one')]);
        expect(idsOf(await log.read('domain', 0, 9))).toEqual(['one']);
        expect(await log.head('domain.1')).toEqual(at(1));
      });

      test('one that is being built has offsets, ids and versions of its own, and nobody sees it', async () => {
        await log.append('domain', [item('a', 'none', 'one', 'two')]);
        expect(await log.generations.begin(fence)).toBe(2);
        const [result] = await log.append('domain.2', [item('a', 'none', 'two')], undefined, fence);
        expect(result).toEqual({ kind: 'appended', version: 1, addresses: [in2(1)] });
        expect(idsOf(await log.readStream('domain', 'a'))).toEqual(['one', 'two']);
        expect(idsOf(await given.again().readStream('domain.2', 'a'))).toEqual(['two']);
        expect(await log.head('domain')).toEqual(at(2));
        expect(await log.head('domain.2')).toEqual(in2(1));
        expect((await log.find('domain.2', 'two'))?.meta.address).toEqual(in2(1));
      });

      test('one that is being built is appended to under a fence only, and no second one is begun', async () => {
        await log.generations.begin(fence);
        await expect(log.append('domain.2', [item('a', 'none', 'one')])).rejects.toMatchObject({
          code: 'generation-changed',
        });
        await expect(log.append('domain.3', [item('a', 'none', 'one')], undefined, fence)).rejects.toMatchObject({
          code: 'generation-changed',
        });
        await expect(log.generations.begin(fence)).rejects.toMatchObject({ code: 'generation-changed' });
        expect((await log.head('domain.2')).offset).toBe(0);
      });

      test('the one built becomes topic domain in one step, for every handle, and the old one takes nothing any more', async () => {
        const other = given.again();
        await log.append('domain', [item('a', 'none', 'one')]);
        await log.generations.begin(fence);
        await log.append('domain.2', [item('a', 'none', 'uno')], undefined, fence);
        expect(await log.generations.switch(2, at(1), fence)).toBe(true);
        expect(await other.head('domain')).toEqual(in2(1));
        expect(idsOf(await other.read('domain', 0, 9))).toEqual(['uno']);
        expect(idsOf(await other.read('domain.1', 0, 9))).toEqual(['one']);
        const [next] = await other.append('domain', [item('a', 1, 'two')], { name: 'c', value: 'v' });
        expect(next).toMatchObject({ kind: 'appended', addresses: [in2(2)] });
        expect(await log.cursor('c')).toEqual({ name: 'c', value: 'v', head: in2(2) });
        await expect(other.append('domain.1', [item('a', 1, 'three')])).rejects.toMatchObject({
          code: 'generation-changed',
        });
        expect(await log.generations.list()).toEqual([
          { number: 1, state: 'old' },
          { number: 2, state: 'current' },
        ]);
      });

      test('carries over what was appended since, in the step of the switch, however busy the writers are', async () => {
        await log.append('domain', [item('a', 'none', 'one')]);
        await log.generations.begin(fence);
        await log.append('domain.2', [item('a', 'none', 'uno')], undefined, fence);
        await given.again().append('domain', [item('a', 1, 'two'), item('b', 'none', 'three')]);
        const two = await log.find('domain', 'two');
        expect(await log.generations.switch(2, at(1), fence)).toBe(true);
        expect(idsOf(await log.read('domain', 0, 9))).toEqual(['uno', 'two', 'three']);
        expect(await log.find('domain', 'two')).toEqual({
          ...two,
          meta: { ...two!.meta, version: 2, address: in2(2) },
        });
        expect(await log.append('domain', [item('b', 1, 'four')])).toMatchObject([{ kind: 'appended', version: 2 }]);
      });

      test('does not switch while too much is left to be covered, nor from or to another one', async () => {
        await log.generations.begin(fence);
        const many = Array.from({ length: 1_001 }, (_, index) => item(`s${index}`, 'none', `event-${index}`));
        await given.again().append('domain', many);
        expect(await log.generations.switch(2, at(0), fence)).toBe(false);
        expect(await log.head('domain')).toEqual(at(1_001));
        expect((await log.head('domain.2')).offset).toBe(0);
        for (const [to, covered] of [
          [2, in2(1)],
          [3, at(1)],
        ] as const)
          await expect(log.generations.switch(to, covered, fence)).rejects.toMatchObject({
            code: 'generation-changed',
          });
      });

      test('a fence that has passed on neither begins, switches nor discards', async () => {
        await log.generations.begin(fence);
        await log.leases.release(fence);
        await log.leases.acquire('remap', 'two', hour);
        await expect(log.generations.begin(fence)).rejects.toMatchObject({ code: 'fenced' });
        await expect(log.generations.switch(2, at(0), fence)).rejects.toMatchObject({ code: 'fenced' });
        await expect(log.generations.discard(fence)).rejects.toMatchObject({ code: 'fenced' });
        expect(await log.generations.list()).toContainEqual({ number: 2, state: 'building' });
      });

      test('one that is given up leaves nothing, and its number is not used again', async () => {
        await log.append('domain', [item('a', 'none', 'one')]);
        await log.generations.begin(fence);
        const many = Array.from({ length: 1_100 }, (_, index) => item(`s${index}`, 'none', `event-${index}`));
        await log.append('domain.2', many, undefined, fence);
        await log.generations.discard(fence);
        expect(await log.readStream('domain.2', 's1099')).toEqual([]);
        expect(idsOf(await log.read('domain', 0, 9))).toEqual(['one']);
        expect(await log.generations.begin(fence)).toBe(3);
        expect(await log.generations.list()).toContainEqual({ number: 2, state: 'discarded' });
      });

      test('a follower is given the last event of its generation, and then told that it is over', async () => {
        const other = given.again();
        await log.append('domain', [item('a', 'none', 'one')]);
        await log.generations.begin(fence);
        const seen: string[] = [];
        const following = (async () => {
          for await (const batch of other.follow('domain', 0, new AbortController().signal)) seen.push(...idsOf(batch));
        })();
        const ended = expect(following).rejects.toMatchObject({ code: 'generation-changed', retriable: false });
        await expect.poll(() => seen).toEqual(['one']);
        await log.append('domain', [item('a', 1, 'two')]);
        expect(await log.generations.switch(2, at(2), fence)).toBe(true);
        await ended;
        expect(seen).toEqual(['one', 'two']);
        const late = (async () => {
          for await (const batch of log.follow('domain.1', 1, new AbortController().signal)) seen.push(...idsOf(batch));
        })();
        await expect(late).rejects.toMatchObject({ code: 'generation-changed' });
        expect(seen).toEqual(['one', 'two', 'two']);
      });

      test('a reader of another generation than its position is from is not confused: it names its own', async () => {
        await log.append('domain', [item('a', 'none', 'one', 'two')]);
        await log.generations.begin(fence);
        await log.append('domain.2', [item('a', 'none', 'uno')], undefined, fence);
        await log.generations.switch(2, at(2), fence);
        expect(idsOf(await log.read('domain.1', 1, 9))).toEqual(['two']);
        await expect(log.read('domain', 2, 9)).rejects.toMatchObject({ code: 'log-behind' });
      });
    });

    describe('append', () => {
      test('writes streams of several topics in one step', async () => {
        const batch = [{ ...item('s', 'none', 'a'), topic: 'row-changes' as const }, item('s', 'none', 'b')];
        expect(await log.append('domain', batch, { name: 'c', value: '1' })).toEqual([
          { kind: 'appended', version: 1, addresses: [at(1, 'row-changes')] },
          { kind: 'appended', version: 1, addresses: [at(1)] },
        ]);
        expect(await log.cursor('c')).toMatchObject({ head: at(1) });
        const refused = [{ ...item('s', 'any', 'c'), topic: 'row-changes' as const }, item('s', 'none', 'd')];
        expect(await log.append('domain', refused)).toEqual([
          { kind: 'conflict', actual: 1 },
          { kind: 'conflict', actual: 1 },
        ]);
        expect(await log.head('row-changes')).toEqual(at(1, 'row-changes'));
      });

      test('gives events gapless addresses from 1 and versions from 1, in the order given', async () => {
        expect(
          await log.append('domain', [item('shipment-7', 'none', 'a', 'b'), item('shipment-8', 'any', 'c')]),
        ).toEqual([
          { kind: 'appended', version: 2, addresses: [at(1), at(2)] },
          { kind: 'appended', version: 1, addresses: [at(3)] },
        ]);
        expect(await log.head('domain')).toEqual(at(3));
      });

      test('gives each topic offsets, streams and ids of its own', async () => {
        await log.append('domain', [item('s', 'none', 'a')]);
        expect(await log.append('commands', [item('s', 'none', 'a')])).toEqual([
          { kind: 'appended', version: 1, addresses: [at(1, 'commands')] },
        ]);
      });

      test('keeps an event as it was given, with where and when it was stored', async () => {
        const event = newEvent('a', {
          data: { text: 'Ærø  💶 \0', nested: { list: [1, null, -0.5, true], ['__proto__']: 'x' }, empty: {} },
          meta: {
            schema: 3,
            occurredAt: '2025-12-01T10:00:00.000Z',
            origin: 'legacy-cdc',
            position: 'mariadb:0-1-57',
            traceparent: '00-x',
            group: 'request-7',
          },
        });
        await log.append('domain', [{ stream: 'shipment-7', expect: 'none', events: [event] }]);
        const [recorded] = await log.read('domain', 0, 10);
        const { stream, version, recordedAt, address, ...meta } = recorded!.meta;
        expect({ ...recorded, meta }).toEqual(event);
        expect({ stream, version, address }).toEqual({ stream: 'shipment-7', version: 1, address: at(1) });
        expect(new Date(recordedAt).toISOString()).toBe(recordedAt);
      });

      test('leaves position and traceparent out where the writer knew none', async () => {
        await log.append('domain', [item('s', 'none', 'a')]);
        expect(Object.keys((await log.find('domain', 'a'))!.meta)).not.toEqual(
          expect.arrayContaining(['position', 'traceparent']),
        );
      });

      test('takes several items for one stream, each seeing the one before', async () => {
        const results = await log.append('domain', [item('s', 'none', 'a'), item('s', 1, 'b'), item('s', 'any', 'c')]);
        expect(results.map(({ kind }) => kind)).toEqual(['appended', 'appended', 'appended']);
        expect((await log.readStream('domain', 's')).map(({ meta }) => meta.version)).toEqual([1, 2, 3]);
      });
    });

    describe('a repeated append', () => {
      const first = item('s', 'none', 'a', 'b');
      beforeEach(async () => {
        await log.append('domain', [first]);
      });

      test('is answered duplicate with the original addresses, even though expect no longer matches', async () => {
        await log.append('domain', [item('s', 2, 'c')]);
        expect(await log.append('domain', [first])).toEqual([
          { kind: 'duplicate', version: 2, addresses: [at(1), at(2)] },
        ]);
        expect(await log.head('domain')).toEqual(at(3));
      });

      test('is recognised whatever the order of keys in its data', async () => {
        const data = { price: '12.50', sender: 'bob' };
        const repeat: StreamAppend = { stream: 's', expect: 'any', events: [newEvent('a', { data })] };
        expect((await log.append('domain', [repeat]))[0]!.kind).toBe('duplicate');
      });

      test('is recognised when the source tells another time, position or trace of the same fact; the first stays', async () => {
        const meta = {
          schema: 1,
          occurredAt: '2026-01-01T00:00:00.000Z',
          origin: 'legacy-cdc',
          traceparent: '00-y',
        } as const;
        const repeat: StreamAppend = { stream: 's', expect: 'any', events: [newEvent('a', { meta })] };
        expect((await log.append('domain', [repeat]))[0]!.kind).toBe('duplicate');
        expect((await log.find('domain', 'a'))!.meta.occurredAt).toBe('2025-12-01T10:00:00.000Z');
      });

      test('may stand in one batch with new events', async () => {
        const results = await log.append('domain', [first, item('s', 2, 'c')]);
        expect(results.map(({ kind }) => kind)).toEqual(['duplicate', 'appended']);
      });

      test('made at the same time by two callers is appended once', async () => {
        const results = (
          await Promise.all([log, log, log].map((each) => each.append('domain', [item('t', 'none', 'd')])))
        ).flat();
        expect(results.map(({ kind }) => kind).sort()).toEqual(['appended', 'duplicate', 'duplicate']);
      });

      test.each<[string, StreamAppend, RegExp]>([
        ['data', { stream: 's', expect: 'any', events: [newEvent('a', { data: { sender: 'bill' } })] }, /another data/],
        ['parent', { stream: 's', expect: 'any', events: [newEvent('a', { parent: 'other' })] }, /another parent/],
        ['action', { stream: 's', expect: 'any', events: [newEvent('a', { action: 'x' })] }, /another action/],
        ['stream', item('t', 'any', 'a'), /another stream/],
      ])('with another %s stops loudly and writes nothing', async (_, other, message) => {
        const reused = log.append('domain', [item('new', 'none', 'z'), other], { name: 'c', value: '1' });
        await expect(reused).rejects.toMatchObject({ name: 'LogError', code: 'event-id-reused', retriable: false });
        await expect(reused).rejects.toThrow(message);
        await expect(reused).rejects.toThrow('domain/0/1');
        expect(await log.head('domain')).toEqual(at(2));
        expect(await log.cursor('c')).toBeUndefined();
      });

      test('with some of its ids there and others not stops loudly and writes nothing', async () => {
        const partly = log.append('domain', [item('s', 'any', 'b', 'c')]);
        await expect(partly).rejects.toMatchObject({ code: 'event-id-reused' });
        await expect(partly).rejects.toThrow(/found 1 of the 2 event ids/);
        expect(await log.find('domain', 'c')).toBeUndefined();
      });

      test('of one id twice in one batch stops loudly and writes nothing', async () => {
        const twice = log.append('domain', [item('t', 'any', 'c'), item('t', 'any', 'c')]);
        await expect(twice).rejects.toMatchObject({ code: 'event-id-reused' });
        expect(await log.head('domain')).toEqual(at(2));
      });

      test('that is refused leaves the other calls of the same moment alone', async () => {
        const answers = await Promise.allSettled([
          log.append('domain', [item('t', 'none', 'c')]),
          log.append('domain', [item('t', 'any', 'a')]),
          log.append('domain', [item('t', 1, 'd')]),
        ]);
        expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
        expect((await log.readStream('domain', 't')).map(({ id }) => id)).toEqual(['c', 'd']);
      });
    });

    describe('an expected version that does not match', () => {
      beforeEach(async (context) => {
        context.skip(!log.capabilities.decides, 'the log does not decide');
        await log.append('domain', [item('s', 'none', 'a', 'b')]);
      });

      test.each([['none'], [0], [1], [3]] as const)('%s is a conflict with the actual version', async (expected) => {
        expect(await log.append('domain', [item('s', expected, 'c')])).toEqual([{ kind: 'conflict', actual: 2 }]);
        expect(await log.head('domain')).toEqual(at(2));
      });

      test('leaves the whole batch and its cursor out; each item tells its own actual version', async () => {
        const batch = [item('t', 'none', 'c'), item('s', 1, 'd'), item('t', 1, 'e'), item('s', 'none', 'a', 'b')];
        expect(await log.append('domain', batch, { name: 'c', value: '1' })).toEqual([
          { kind: 'conflict', actual: 0 },
          { kind: 'conflict', actual: 2 },
          { kind: 'conflict', actual: 0 },
          { kind: 'duplicate', version: 2, addresses: [at(1), at(2)] },
        ]);
        expect(await log.head('domain')).toEqual(at(2));
        expect(await log.cursor('c')).toBeUndefined();
      });

      test('lets exactly one of many writers of the same moment win', async () => {
        const other = given.again();
        const attempts = Array.from({ length: 20 }, (_, n) =>
          (n % 2 ? log : other).append('domain', [item('s', 2, `w${n}`)]),
        );
        const kinds = (await Promise.all(attempts)).flat().map(({ kind }) => kind);
        expect(kinds.filter((kind) => kind === 'appended')).toHaveLength(1);
        expect(kinds.filter((kind) => kind === 'conflict')).toHaveLength(19);
      });
    });

    describe('a cursor', () => {
      test('is stored with the batch, and tells the head that it covers', async () => {
        await log.append('domain', [item('s', 'none', 'a', 'b')], { name: 'bridge', value: 'mariadb:0-1-57' });
        await log.append('domain', [item('s', 2, 'c')]);
        expect(await given.again().cursor('bridge')).toEqual({ name: 'bridge', value: 'mariadb:0-1-57', head: at(2) });
      });

      test('moves with an empty batch and with a repeated one', async () => {
        await log.append('domain', [item('s', 'none', 'a')], { name: 'bridge', value: '1' });
        expect(await log.append('domain', [], { name: 'bridge', value: '2' })).toEqual([]);
        expect(await log.cursor('bridge')).toMatchObject({ value: '2' });
        await log.append('domain', [item('s', 'none', 'a')], { name: 'bridge', value: '3' });
        expect(await log.cursor('bridge')).toEqual({ name: 'bridge', value: '3', head: at(1) });
      });

      test('that was never stored is undefined', async () => {
        expect(await log.cursor('bridge')).toBeUndefined();
      });
    });

    describe('notes', () => {
      const scope = 'rows';
      const change = (...notes: NoteChange[]) => log.append('domain', [], undefined, undefined, notes);
      const put = (name: string, value: object): NoteChange => ({
        kind: 'put',
        scope,
        name,
        value: JSON.stringify(value),
      });
      const revise = (from: object, value: object): NoteChange => ({
        kind: 'revise',
        scope,
        name: 'a',
        from: JSON.stringify(from),
        value: JSON.stringify(value),
      });
      const valueOfA = async () => JSON.parse((await log.notesNamed(scope, ['a']))[0]?.value ?? 'null');

      test('are kept with the batch, put, added where there is none, and removed', async () => {
        await log.append('domain', [item('s', 'none', 'x')], undefined, undefined, [put('a', { n: 1 })]);
        await change({ kind: 'add', scope, name: 'a', value: '{"n":2}' });
        expect(await given.again().notes(scope, '', 9)).toEqual([{ name: 'a', value: '{"n":1}' }]);
        await change(put('a', { n: 3 }));
        expect(await valueOfA()).toEqual({ n: 3 });
        await change({ kind: 'remove', scope, name: 'a' }, { kind: 'remove', scope, name: 'a' });
        expect(await valueOfA()).toBeNull();
      });

      test('are revised where nothing in them contradicts what they are thought to be', async () => {
        await change(revise({ n: 1 }, { n: 2 }));
        expect(await valueOfA()).toBeNull();
        await change(put('a', { n: 1, m: null }), revise({ n: 1, m: null }, { n: 2, m: null }));
        expect(await valueOfA()).toEqual({ n: 2, m: null });
        await change(revise({ m: null, added: 'x' }, { n: 2, m: 5, added: 'y' }));
        expect(await valueOfA()).toEqual({ n: 2, m: 5, added: 'y' });
        await change(revise({ n: 2, m: null }, { n: 9, m: 9 }), revise({ n: '2' }, { n: 9 }));
        expect(await valueOfA()).toEqual({ n: 2, m: 5, added: 'y' });
        await change(revise({ n: 2 }, { n: 3 }));
        expect(await valueOfA()).toEqual({ n: 3, m: 5, added: 'y' });
      });

      test('come in pages by name, those of one scope alone', async () => {
        const names = Array.from({ length: 1_200 }, (_, n) => String(n).padStart(4, '0'));
        await change(...names.map((name) => put(name, {})), { kind: 'put', scope: 'other', name: '0', value: '{}' });
        expect((await log.notes(scope, '0598', 2)).map(({ name }) => name)).toEqual(['0599', '0600']);
        expect(await log.notes(scope, '1199', 2)).toEqual([]);
        expect(await log.notesNamed(scope, [...names, 'missing'])).toHaveLength(names.length);
      });

      test('are left out with a batch that conflicts', async () => {
        await log.append('domain', [item('s', 3, 'x')], undefined, undefined, [put('a', {})]);
        expect(await valueOfA()).toBeNull();
      });
    });

    describe('reading', () => {
      test('an empty log finds nothing anywhere', async () => {
        expect(await log.head('domain')).toEqual(at(0));
        expect(await log.read('domain', 0, 10)).toEqual([]);
        expect(await log.readStream('domain', 's')).toEqual([]);
        expect(await log.find('domain', 'a')).toBeUndefined();
      });

      test('gives up to limit events after an offset, in order, and nothing at the head', async () => {
        await log.append('domain', [item('s', 'none', 'a', 'b', 'c', 'd')]);
        expect((await log.read('domain', 1, 2)).map(({ id }) => id)).toEqual(['b', 'c']);
        expect(await log.read('domain', 4, 2)).toEqual([]);
      });

      test('after an offset the log has not reached is refused: it is not the log that was read before', async () => {
        await log.append('domain', [item('s', 'none', 'a')]);
        const beyond = log.read('domain', 2, 10);
        await expect(beyond).rejects.toMatchObject({ code: 'log-behind', retriable: false });
        await expect(beyond).rejects.toThrow('found its head at domain/0/1, expected domain/0/2 or later');
      });

      test('one stream gives its events alone, from a version on', async () => {
        await log.append('domain', [item('s', 'none', 'a'), item('t', 'none', 'b'), item('s', 1, 'c', 'd')]);
        expect((await log.readStream('domain', 's', 2)).map(({ id }) => id)).toEqual(['c', 'd']);
        expect(await log.readStream('domain', 's', 4)).toEqual([]);
      });

      test.each([[Number.NaN], [-1], [1.5]])('after %s is refused', async (after) => {
        await expect(log.read('domain', after, 1)).rejects.toThrow(RangeError);
      });

      test('with limit 0 is refused', async () => {
        await expect(log.read('domain', 0, 0)).rejects.toThrow('found limit 0, expected a whole number from 1 on');
      });
    });

    describe('following', () => {
      test('gives what is there, then what is appended through this and through another handle', async () => {
        await log.append('domain', [item('s', 'none', 'a')]);
        const seen = followed(log, 0, 3);
        await log.append('domain', [item('s', 1, 'b')]);
        await given.again().append('domain', [item('s', 2, 'c')]);
        expect((await seen).map(({ id }) => id)).toEqual(['a', 'b', 'c']);
      });

      test('starts after the offset given and leaves other topics out', async () => {
        await log.append('domain', [item('s', 'none', 'a', 'b')]);
        const seen = followed(log, 1, 2);
        await log.append('migration', [item('s', 'none', 'm')]);
        await log.append('domain', [item('s', 2, 'c')]);
        expect((await seen).map(({ id }) => id)).toEqual(['b', 'c']);
      });

      test('returns when its signal aborts while it waits', async () => {
        const stop = new AbortController();
        const next = log.follow('domain', 0, stop.signal)[Symbol.asyncIterator]().next();
        await nextTurn();
        stop.abort();
        expect(await next).toEqual({ done: true, value: undefined });
      });

      test('returns at once when its signal was aborted before', async () => {
        await log.append('domain', [item('s', 'none', 'a')]);
        const next = log.follow('domain', 0, AbortSignal.abort())[Symbol.asyncIterator]().next();
        expect((await next).done).toBe(true);
      });

      test('hands out bounded batches, and only when asked', async () => {
        const ids = Array.from({ length: 1_300 }, (_, n) => `e${n}`) as [string, ...string[]];
        await log.append('domain', [item('s', 'none', ...ids)]);
        const stop = new AbortController();
        const offsets: number[] = [];
        for await (const batch of log.follow('domain', 0, stop.signal)) {
          expect(batch.length).toBeLessThanOrEqual(500);
          offsets.push(...batch.map(({ meta }) => meta.address.offset));
          if (offsets.length === 1_300) stop.abort();
        }
        expect(offsets).toEqual(Array.from({ length: 1_300 }, (_, n) => n + 1));
      });

      test('by one who never asks again keeps neither writers nor other followers waiting', async () => {
        await log.append('domain', [item('s', 'none', 'a')]);
        const stop = new AbortController();
        const slow = log.follow('domain', 0, stop.signal)[Symbol.asyncIterator]();
        await slow.next();
        const seen = followed(given.again(), 0, 2);
        await log.append('domain', [item('s', 1, 'b')]);
        expect(await seen).toHaveLength(2);
        stop.abort();
        expect((await slow.next()).done).toBe(true);
      });

      test('gives each of two hundred followers every event once and in order, whoever appends, wherever they start', async () => {
        await log.append('domain', [item('s', 'none', 'first')]);
        const following = Array.from({ length: 200 }, (_, n) => followed(log, n % 2, 41 - (n % 2)));
        const other = given.again();
        for (let n = 1; n <= 40; n++) await (n % 3 ? log : other).append('domain', [item('s', n, `e${n}`)]);
        const all = (await log.read('domain', 0, 100)).map(({ id }) => id);
        expect(all).toHaveLength(41);
        for (const [n, seen] of (await Promise.all(following)).entries())
          expect(seen.map(({ id }) => id)).toEqual(all.slice(n % 2));
      });

      test('is told when its log is closed', async () => {
        const other = given.again();
        const seen = followed(other, 0, 1);
        await Promise.all([expect(seen).rejects.toMatchObject({ code: 'log-unavailable' }), other.close()]);
      });
    });

    describe('closing', () => {
      test('answers the appends under way first, and refuses later ones', async () => {
        const other = given.again();
        const pending = other.append('domain', [item('s', 'none', 'a')]);
        const closed = other.close();
        const late = other.append('domain', [item('s', 1, 'b')]);
        await expect(late).rejects.toMatchObject({ code: 'log-unavailable' });
        expect((await pending)[0]!.kind).toBe('appended');
        await closed;
        await expect(other.head('domain')).rejects.toMatchObject({ code: 'log-unavailable' });
        await other.close();
      });

      test('loses nothing: the next one to open finds every event', async () => {
        await log.append('domain', [item('s', 'none', 'a', 'b')], { name: 'bridge', value: '1' });
        await log.close();
        const next = given.again();
        expect((await next.readStream('domain', 's')).map(({ id }) => id)).toEqual(['a', 'b']);
        expect(await next.cursor('bridge')).toEqual({ name: 'bridge', value: '1', head: at(2) });
        expect((await next.append('domain', [item('s', 2, 'c')]))[0]).toMatchObject({ addresses: [at(3)] });
      });
    });

    test('any sequence of appends answers and reads like a plain list', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.array(anyItem, { maxLength: 3 }), { maxLength: 12 }), async (batches) => {
          const tried = await open();
          const model = new ListModel();
          try {
            for (const batch of batches) {
              expect(await answer(() => tried.log.append('domain', batch))).toEqual(
                await answer(() => model.append(batch)),
              );
            }
            const stored = await tried.log.read('domain', 0, 1_000);
            expect(stored.map(({ id, meta }) => [id, meta.stream, meta.version])).toEqual(model.rows());
            for (const stream of ['s', 't']) {
              const versions = (await tried.log.readStream('domain', stream)).map(({ id }) => id);
              expect(versions).toEqual(model.idsOf(stream));
            }
          } finally {
            await tried.remove();
          }
        }),
        { numRuns: 60 },
      );
    }, 60_000);
  });
}

const anyItem: fc.Arbitrary<StreamAppend> = fc.record({
  stream: fc.constantFrom('s', 't'),
  expect: fc.oneof(fc.constantFrom('none' as const, 'any' as const), fc.nat(4)),
  events: fc
    .uniqueArray(fc.nat(9), { minLength: 1, maxLength: 3 })
    .chain((ids) => fc.nat(9).map((roll) => ids.map((id) => newEvent(`e${id}`, { data: { n: roll === 0 ? 1 : 0 } }))))
    .map((events) => events as [NewEvent, ...NewEvent[]]),
});

async function answer(append: () => AppendResult[] | Promise<AppendResult[]>): Promise<AppendResult[] | string> {
  try {
    return await append();
  } catch (error) {
    return (error as { code: string }).code;
  }
}

/** What the log should do, told as plainly as possible. */
class ListModel {
  #list: { readonly event: NewEvent; readonly stream: string }[] = [];

  append(batch: readonly StreamAppend[]): AppendResult[] {
    const before = [...this.#list];
    const ids = batch.flatMap(({ events }) => events.map(({ id }) => id));
    try {
      if (new Set(ids).size < ids.length) throw { code: 'event-id-reused' };
      const results = batch.map((each) => this.#appendItem(each));
      if (!results.some(({ kind }) => kind === 'conflict')) return results;
      this.#list = before;
      return results.map((result, n) =>
        result.kind === 'duplicate' ? result : { kind: 'conflict', actual: this.idsOf(batch[n]!.stream).length },
      );
    } catch (error) {
      this.#list = before;
      throw error;
    }
  }

  rows(): [string, string, number][] {
    return this.#list.map(({ event, stream }, n) => [event.id, stream, this.#versionAt(n)]);
  }

  idsOf(stream: string): string[] {
    return this.#list.filter((row) => row.stream === stream).map(({ event }) => event.id);
  }

  #appendItem({ stream, expect: expected, events }: StreamAppend): AppendResult {
    const known = events.map(({ id }) => this.#list.findIndex((row) => row.event.id === id));
    if (known.some((index) => index >= 0)) return this.#repeat(stream, events, known);
    const actual = this.idsOf(stream).length;
    if (expected !== 'any' && actual !== (expected === 'none' ? 0 : expected)) return { kind: 'conflict', actual };
    const addresses = events.map((event) => at(this.#list.push({ event, stream })));
    return { kind: 'appended', version: actual + events.length, addresses };
  }

  #repeat(stream: string, events: readonly NewEvent[], known: readonly number[]): AppendResult {
    const same = events.every((event, n) => {
      const row = this.#list[known[n]!];
      return row?.stream === stream && row.event.data.n === event.data.n;
    });
    if (!same) throw { code: 'event-id-reused' };
    return { kind: 'duplicate', version: this.#versionAt(known.at(-1)!), addresses: known.map((n) => at(n + 1)) };
  }

  #versionAt(index: number): number {
    const { stream } = this.#list[index]!;
    return this.#list.slice(0, index + 1).filter((row) => row.stream === stream).length;
  }
}
