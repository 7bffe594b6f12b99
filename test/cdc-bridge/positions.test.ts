import { describe, expect, it } from 'vitest';
import { BridgeError } from '../../cdc-bridge/errors.ts';
import { type BridgeCursor, formatCursor, parseCursor, requireSameServer } from '../../cdc-bridge/positions/cursor.ts';
import { coalesced } from '../../cdc-bridge/positions/head.ts';
import { Progress } from '../../cdc-bridge/positions/progress.ts';
import type { SourceTransaction } from '../../cdc-bridge/source/change-source.ts';
import { reconnecting } from '../../cdc-bridge/source/reconnecting.ts';

const cursor: BridgeCursor = {
  format: 1,
  server: { flavour: 'mariadb', id: '1' },
  progress: {
    phase: 'streaming',
    position: 'mariadb:0-1-5',
    imported: ['a'],
    current: { table: 'b', after: ['x', 7] },
  },
};

describe('a stored position', () => {
  it('reads what it wrote and refuses what it did not write', () => {
    expect(parseCursor(formatCursor(cursor))).toEqual(cursor);
    for (const text of ['', '{}', 'mariadb:0-1-5', JSON.stringify({ ...cursor, format: 2 })]) {
      expect(() => parseCursor(text)).toThrow(expect.objectContaining({ code: 'cursor-unreadable' }));
    }
  });

  it('belongs to one server', () => {
    requireSameServer(cursor.server, { flavour: 'mariadb', id: '1' });
    expect(() => requireSameServer(cursor.server, { flavour: 'mariadb', id: '2' })).toThrow(
      'mariadb server 1, the database in the configuration is mariadb server 2',
    );
  });
});

describe('a shared reading of the head', () => {
  it('never gives a caller a head that was read before it asked', async () => {
    let head = 0;
    const release: (() => void)[] = [];
    const read = coalesced(async () => {
      const found = ++head;
      await new Promise<void>((resolve) => release.push(resolve));
      return found;
    });
    const first = read();
    await Promise.resolve()
      .then(() => {})
      .then(() => {});
    const second = read();
    const third = read();
    while (release.length === 0) await Promise.resolve();
    release.shift()!();
    expect(await first).toBe(1);
    while (release.length === 0) await Promise.resolve();
    release.shift()!();
    expect([await second, await third]).toEqual([2, 2]);
  });

  it('goes on after a reading failed', async () => {
    let fails = true;
    const read = coalesced(async () => {
      if (fails) throw new Error('away');
      return 'back';
    });
    await expect(read()).rejects.toThrow('away');
    fails = false;
    expect(await read()).toBe('back');
  });
});

describe('progress', () => {
  it('wakes those who wait for a position when it passes, and gives up after the time', async () => {
    const progress = new Progress({ topic: 'domain', partition: 0, offset: 3 });
    progress.pass('mariadb:0-1-5');
    const later = progress.waitFor('mariadb:0-1-7', 60_000);
    progress.pass('mariadb:0-1-9');
    expect([
      await later,
      await progress.waitFor('mariadb:0-1-8', 0),
      await progress.waitFor('mariadb:0-1-10', 1),
    ]).toEqual([true, true, false]);
    expect([progress.missing('mariadb:0-1-12'), progress.address]).toEqual([3, 'domain/0/3']);
  });
});

const change = (n: number, rows = 1): SourceTransaction => ({
  name: `mariadb:0-1-${n}`,
  gtid: `0-1-${n}`,
  position: `mariadb:0-1-${n}`,
  committedAt: '2026-01-01T00:00:00.000Z',
  rows: Array.from({ length: rows }, (_, row) => ({ table: 't', op: 'c' as const, after: {}, pos: 4, row })),
  unread: [],
  file: { name: 'f', createdAt: 'c' },
  bytes: rows,
});

describe('reading on after a loss', () => {
  it('begins behind the last batch that was taken, and passes on what waiting cannot cure', async () => {
    const starts: string[] = [];
    const lost: number[] = [];
    const source = reconnecting(
      {
        async *follow(from) {
          starts.push(from.position);
          yield [change(starts.length)];
          if (starts.length === 3) throw new BridgeError('binlog-undecodable', 'compressed');
          throw new BridgeError('legacy-unreachable', 'gone');
        },
      },
      (_error, waitMs) => lost.push(waitMs),
    );
    const taken: string[] = [];
    const reading = async () => {
      for await (const batch of source.follow({ position: 'mariadb:0-1-0' }, new AbortController().signal))
        taken.push(batch[0]!.gtid);
    };
    await expect(reading()).rejects.toThrow('compressed');
    expect([starts, taken]).toEqual([
      ['mariadb:0-1-0', 'mariadb:0-1-1', 'mariadb:0-1-2'],
      ['0-1-1', '0-1-2', '0-1-3'],
    ]);
    expect(lost).toHaveLength(2);
  });
});
