import type { TablesConfig } from '../../cdc-bridge/config.ts';
import { generationInUse } from '../../cdc-bridge/generations/generation-in-use.ts';
import { type BuiltGeneration, Remap } from '../../cdc-bridge/generations/remap.ts';
import { holdLease } from '../../cdc-bridge/lease/hold-lease.ts';
import { bridgeTelemetry } from '../../cdc-bridge/telemetry.ts';
import type { EventLog } from '../../contract/event-log.ts';
import type { History, LogAddress } from '../../contract/log-address.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import { silent } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { readTables } from './legacy.ts';
import { bridgeLife, inserted } from './parking-lives.ts';

const table = (events: string) => readTables(`tables: {t: {key: id, stream: "s-{s}", events: {${events}}}}`);
export const imported = 't-imported: {op: r, data: {a: a}}';
/** The mapping that a history is made by. */
export const before = table(`${imported}, t-made: {op: c, data: {a: a}}`);
/** Another name, and a field more. */
export const corrected = table(`${imported}, t-created: {op: c, data: {a: a, id: id}}`);

export const telemetry = bridgeTelemetry(silent, new Metrics());
const bridge = 'test';

/** A bridge's life with its mapping told. */
export async function livingBridge(log: EventLog, tables: TablesConfig) {
  const life = await bridgeLife(log, tables, bridge);
  const inUse = await generationInUse(log, { name: bridge, tables, functions: undefined }, telemetry);
  return { ...life, inUse };
}

/** The new side says something in a stream. */
export async function sayNew(log: EventLog, stream: string, id: string): Promise<void> {
  const meta = { schema: 1, occurredAt: '2026-01-02T00:00:00.000Z', origin: 'new' } as const;
  await log.append('domain', [{ stream, expect: 'any', events: [{ id, parent: id, action: 'said', data: {}, meta }] }]);
}

/** An imported row, a change, a word of the new side, and a change again, all in stream `s-1`; and changes in other streams. */
export async function madeHistory(log: EventLog): Promise<void> {
  const { write } = await livingBridge(log, before);
  const rows = [{ table: 't', op: 'r', after: { id: 1, s: 1, a: 1 }, pos: 0, row: 0 }] as const;
  await write([{ table: 't', position: 'mariadb:0-1-1', takenAt: '2026-01-01T00:00:00.000Z', rows: [...rows] }]);
  await write([inserted(2, [{ id: 2, s: 1, a: 2 }])], 'mariadb:0-1-2');
  await sayNew(log, 's-1', 'word-1');
  await write(
    [
      inserted(3, [
        { id: 3, s: 1, a: 3 },
        { id: 4, s: 2, a: 4 },
      ]),
    ],
    'mariadb:0-1-3',
  );
}

/** Remaps as `strangler cdc remap` does. */
export function remap(
  log: EventLog,
  tables: TablesConfig,
  { andSwitch = false, carryOld = false, eventsPerAppend = 500 } = {},
): Promise<{ built: BuiltGeneration; head?: LogAddress }> {
  return holdLease({ log, bridge, ttlMs: 60_000, telemetry }, async ({ log: fenced, lease }) => {
    const work = await Remap.open({
      log: fenced,
      lease,
      bridge,
      tables,
      functions: new Map(),
      carryOld,
      eventsPerAppend,
    });
    const built = await work.build();
    return { built, ...(andSwitch && { head: await work.switch() }) };
  });
}

/** The events of a history, as `STREAM vVERSION ACTION DATA`. */
export async function told(log: EventLog, history: History): Promise<string[]> {
  const events: RecordedEvent[] = await log.read(history, 0, 10_000);
  return events.map(({ action, data, meta }) => `${meta.stream} v${meta.version} ${action} ${JSON.stringify(data)}`);
}

export const correctedHistory = [
  's-1 v1 t-imported {"a":1}',
  's-1 v2 t-created {"a":2,"id":2}',
  's-1 v3 said {}',
  's-1 v4 t-created {"a":3,"id":3}',
  's-2 v1 t-created {"a":4,"id":4}',
];
