import { describe, expect, it } from 'vitest';
import { Coverage } from '../../cdc-bridge/coverage.ts';
import { debeziumMetrics } from '../../cdc-bridge/health/debezium-metrics.ts';
import { isAlarming, type KeptBinlog, purgeDistance } from '../../cdc-bridge/health/kept-binlog.ts';
import { StreamCounts } from '../../cdc-bridge/health/stream-counts.ts';
import type { ParkedChanges } from '../../cdc-bridge/parking/parked-changes.ts';
import { Progress } from '../../cdc-bridge/positions/progress.ts';
import type { SourceTransaction } from '../../cdc-bridge/source/change-source.ts';
import { bridgeStatus, type Phase } from '../../cdc-bridge/status.ts';

const day = 86_400_000;
const now = Date.parse('2026-01-02T00:00:00.000Z');

describe('the distance to purge', () => {
  const kept: KeptBinlog = {
    purged: 'mariadb:0-1-50',
    files: ['b.000007', 'b.000008', 'b.000009'],
    retentionMs: 10 * day,
  };

  it('is the whole retention of a bridge that has read everything, and shrinks with the age of what waits', () => {
    const at = (ageMs: number) => purgeDistance(kept, { position: 'mariadb:0-1-57', file: 'b.000008', ageMs });
    expect(at(0)).toEqual({ isPurged: false, retentionMs: 10 * day, leftMs: 10 * day, filesBefore: 1 });
    expect(isAlarming(at(0))).toBe(false);
    expect(isAlarming(at(7.9 * day))).toBe(false);
    expect(isAlarming(at(8.1 * day))).toBe(true);
    expect(at(11 * day).leftMs).toBe(0);
  });

  it('is nothing where the server has purged what was not read, whatever its clock says', () => {
    const distance = purgeDistance(kept, { position: 'mariadb:0-1-49', file: 'b.000006', ageMs: 0 });
    expect(distance).toMatchObject({ isPurged: true });
    expect(distance).not.toHaveProperty('filesBefore');
    expect(isAlarming(distance)).toBe(true);
  });

  it('alarms nobody where the binlog is kept for ever, or where its age is not known', () => {
    const { retentionMs: _none, ...forEver } = kept;
    const position = 'mariadb:0-1-57';
    expect(isAlarming(purgeDistance(forEver, { position, file: undefined, ageMs: 900 * day }))).toBe(false);
    expect(isAlarming(purgeDistance(kept, { position, file: undefined, ageMs: undefined }))).toBe(false);
  });

  it('is told of file positions and of MySQL’s sets as well', () => {
    const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
    const isPurged = (purged: string, position: string) =>
      purgeDistance({ purged }, { position, file: undefined, ageMs: 0 }).isPurged;
    expect(isPurged(`mysql:${uuid}:1-50`, `mysql:${uuid}:1-57`)).toBe(false);
    expect(isPurged(`mysql:${uuid}:1-50`, `mysql:${uuid}:1-40`)).toBe(true);
    expect(isPurged('file:1@b.000003:4', 'file:1@b.000003:4')).toBe(false);
    expect(isPurged('file:1@b.000003:4', 'file:1@b.000002:9999')).toBe(true);
  });
});

describe('lag', () => {
  const at = (phase: Phase, head: string, committedAt?: string) => {
    const progress = new Progress({ topic: 'domain', partition: 0, offset: 0 });
    progress.pass('mariadb:0-1-57', committedAt);
    const parked = { count: 0, streams: () => [], list: () => [] } as unknown as ParkedChanges;
    const { lagTransactions, lagMs } = bridgeStatus(
      'b',
      { phase },
      { progress, parked, coverage: new Coverage({}), counts: new StreamCounts() },
      head,
      now,
    );
    return { lagTransactions, lagMs };
  };

  it('is the age of the newest transaction that has passed while others wait, also when the bridge stands still', () => {
    const lag = { lagTransactions: 3, lagMs: 60_000 };
    expect(at('streaming', 'mariadb:0-1-60', '2026-01-01T23:59:00.000Z')).toEqual(lag);
    expect(at('stopped', 'mariadb:0-1-60', '2026-01-01T23:59:00.000Z')).toEqual(lag);
    expect(at('streaming', 'mariadb:0-1-57', '2026-01-01T23:59:00.000Z')).toEqual({ lagTransactions: 0, lagMs: 0 });
  });

  it('is unknown, not nothing, of a bridge that stopped because the server went back to before its position', () => {
    expect(at('stopped', 'mariadb:0-1-12')).toEqual({ lagTransactions: undefined, lagMs: undefined });
  });

  it('is nothing for a running bridge that has passed the head that was asked for before', () => {
    expect(at('streaming', 'mariadb:0-1-56')).toEqual({ lagTransactions: 0, lagMs: 0 });
  });
});

describe('Debezium’s names', () => {
  it('tell the numbers of the status, -1 where there is none yet', async () => {
    const counts = new StreamCounts();
    const progress = new Progress({ topic: 'domain', partition: 0, offset: 0 });
    const coverage = new Coverage({});
    const parked = { count: 0, streams: () => [], list: () => [] } as unknown as ParkedChanges;
    const text = () =>
      debeziumMetrics(
        'mysql',
        bridgeStatus('legacy', { phase: 'streaming' }, { progress, coverage, parked, counts }, undefined, now),
      ).text();
    const labels = (context: string) => `{plugin="mysql",name="legacy",context="${context}"}`;
    expect(await text()).toContain(`debezium_metrics_MilliSecondsBehindSource${labels('streaming')} -1\n`);
    expect(await text()).toContain(`debezium_metrics_SnapshotCompleted${labels('snapshot')} 0\n`);

    progress.pass('mysql:3e11fa47-71ca-11e1-9e33-c80aa9429562:1-57');
    counts.wrote(
      [transaction({ rows: 1 }), transaction({ rows: 0 }), transaction({ rows: 1, last: false })],
      now - 500,
    );
    coverage.count({ table: 't', op: 'u', before: {}, after: {}, pos: 4, row: 0 }, 'ignored');
    coverage.count({ table: 't', op: 'u', before: {}, after: {}, pos: 4, row: 1 }, 'unmapped');
    expect(await text()).toContain(`debezium_metrics_Connected${labels('streaming')} 1\n`);
    expect(await text()).toContain(`debezium_metrics_NumberOfCommittedTransactions${labels('streaming')} 2\n`);
    expect(await text()).toContain(`debezium_metrics_MilliSecondsBehindSource${labels('streaming')} 1500\n`);
    expect(await text()).toContain(`debezium_metrics_MilliSecondsSinceLastEvent${labels('streaming')} 500\n`);
    expect(await text()).toContain(`debezium_metrics_TotalNumberOfUpdateEventsSeen${labels('streaming')} 2\n`);
    expect(await text()).toContain(`debezium_metrics_TotalNumberOfEventsSeen${labels('streaming')} 2\n`);
    expect(await text()).toContain(`debezium_metrics_SnapshotCompleted${labels('snapshot')} 1\n`);
  });
});

function transaction({ rows, last }: { rows: number; last?: boolean }): SourceTransaction {
  return {
    name: 'mysql:u:57',
    gtid: 'u:57',
    position: 'mysql:u:1-57',
    committedAt: new Date(now - 2_000).toISOString(),
    rows: Array.from({ length: rows }, (_, row) => ({ table: 't', op: 'c' as const, after: {}, pos: 4, row })),
    unread: [],
    ...(last !== undefined && { piece: { index: 0, last } }),
    file: { name: 'b.000001', createdAt: '2026-01-01T00:00:00.000Z' },
    bytes: 100,
  };
}
