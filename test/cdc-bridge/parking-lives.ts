import type { TablesConfig } from '../../cdc-bridge/config.ts';
import { Coverage } from '../../cdc-bridge/coverage.ts';
import { KnownRows } from '../../cdc-bridge/known-rows/known-rows.ts';
import { compileMapping } from '../../cdc-bridge/mapping/mapping.ts';
import { RequestGroups } from '../../cdc-bridge/mapping/request-groups.ts';
import type { RowChange } from '../../cdc-bridge/mapping/row-change.ts';
import { ParkedChanges } from '../../cdc-bridge/parking/parked-changes.ts';
import type { Step } from '../../cdc-bridge/parking/parked-step.ts';
import { ParkedRelease } from '../../cdc-bridge/parking/release-parked.ts';
import { Turns } from '../../cdc-bridge/parking/turns.ts';
import { Progress } from '../../cdc-bridge/positions/progress.ts';
import type { SourceTransaction } from '../../cdc-bridge/source/change-source.ts';
import { ChangeWriter } from '../../cdc-bridge/streaming/change-writer.ts';
import { compileStepShield } from '../../cdc-bridge/streaming/shielded-step.ts';
import { bridgeTelemetry } from '../../cdc-bridge/telemetry.ts';
import type { EventLog } from '../../contract/event-log.ts';
import { silent } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { allEvents, readTables } from './legacy.ts';

const table = (events: string) => readTables(`tables: {t: {key: id, stream: "s-{s}", events: {${events}}}}`);
/** Needs column `a`: a row without it is parked. */
export const narrow = table('t-imported: {op: r, data: {a: a}}, t-made: {op: c, data: {a: a}}');
/** Understands every row that has a stream. */
export const wide = table('t-imported: {op: r}, t-made: {op: c, data: {id: id}}');

/** One life of a bridge on a log, without its source. */
export async function bridgeLife(log: EventLog, tables: TablesConfig, bridge = 'test') {
  const parked = await ParkedChanges.load(log, bridge);
  const mapping = compileMapping(tables);
  const progress = new Progress({ topic: 'domain', partition: 0, offset: 0 });
  const telemetry = bridgeTelemetry(silent, new Metrics());
  const writer = new ChangeWriter({
    bridge,
    tables,
    log,
    shield: compileStepShield(tables, undefined),
    mapping,
    groups: new RequestGroups(bridge, tables),
    parked,
    known: new KnownRows(bridge, tables, Object.keys(tables)),
    turns: new Turns(),
    keepRowChanges: true,
    coverage: new Coverage(tables),
    progress,
    telemetry,
  });
  return {
    parked,
    progress,
    release: new ParkedRelease({ log, mapping, parked, progress, telemetry }),
    write: (steps: readonly Step[], position = 'mariadb:0-1-1') =>
      writer.write(steps, { position, cursor: () => ({ name: 'c', value: position }) }),
  };
}

/** A transaction that inserted these rows into `t`; without `a` a row is parked under `narrow`. */
export function inserted(
  number: number,
  rows: readonly { id: number; s: number | null; a?: number }[],
): SourceTransaction {
  return {
    name: `mariadb:0-1-${number}`,
    gtid: `0-1-${number}`,
    position: `mariadb:0-1-${number}`,
    committedAt: '2026-01-01T00:00:00.000Z',
    rows: rows.map((after, row): RowChange => ({ table: 't', op: 'c', after, pos: 4, row })),
    unread: [],
    file: { name: 'binlog.1', createdAt: '2026-01-01T00:00:00.000Z' },
    bytes: 1,
  };
}

/** Stream → ids of its domain events in their order. */
export async function idsByStream(log: EventLog): Promise<Record<string, string[]>> {
  const streams: Record<string, string[]> = {};
  for (const { id, meta } of await allEvents(log)) streams[meta.stream] = [...(streams[meta.stream] ?? []), id];
  return streams;
}
