import { setTimeout as delay } from 'node:timers/promises';
import type { BridgeConfig } from '../config.ts';
import { BridgeError } from '../errors.ts';
import { isMapped, ruleNames, type TablesConfig } from '../mapping/table-mapping.ts';
import type { Turns } from '../parking/turns.ts';
import type { StreamPosition } from '../positions/cursor.ts';
import { ChunkReader } from '../source/initial-snapshot/chunk-reader.ts';
import { Estimate } from '../source/initial-snapshot/estimate.ts';
import type { Place } from '../source/initial-snapshot/key-order.ts';
import { Pace } from '../source/initial-snapshot/pace.ts';
import { planTable, type TablePlan } from '../source/initial-snapshot/table-plan.ts';
import type { LegacyDatabase } from '../source/legacy-database.ts';
import type { Telemetry } from '../telemetry.ts';
import type { LiveSnapshot } from './live-snapshot.ts';
import type { SnapshotReport } from './snapshot-report.ts';
import type { SnapshotWindow } from './snapshot-window.ts';

/** Between two tries when the database is away, or a table was altered while it was read. */
const retryMs = 1_000;
/** Between two looks at a server that has logged a transaction and does not show it yet. */
const unseenMs = 2;
/** How long the stream may take to a chunk's high watermark; the chunk is read again after that. */
const maxWindowMs = 60_000;

export interface ImportPorts {
  readonly config: BridgeConfig;
  readonly database: LegacyDatabase;
  readonly live: LiveSnapshot;
  /** What the stream and the snapshot do to the flow, one at a time. */
  readonly flow: Turns;
  readonly telemetry: Telemetry;
  readonly report: SnapshotReport;
}

/** Tables whose rows are imported: those with a rule for op r. */
export function importedTables(tables: TablesConfig): string[] {
  return Object.entries(tables)
    .filter(([, table]) => isMapped(table) && ruleNames(table, 'r').length > 0)
    .map(([name]) => name)
    .sort();
}

/**
 * Goes back to where the import of a table was interrupted. To be done before the stream flows: until then nobody knows which of the table's
 * rows are on the log.
 */
export function resumeImport(
  ports: ImportPorts,
  { table, after }: NonNullable<StreamPosition['current']>,
  signal: AbortSignal,
): Promise<void> {
  return patiently(ports, signal, async () => void (await begin(ports, table, after)));
}

/**
 * Imports the tables that are left, one after the other, while the stream flows. Whatever interrupts it, it goes on behind the last chunk on
 * the log. Resolves when all are imported, or `signal` has aborted.
 */
export function importTables(ports: ImportPorts, signal: AbortSignal): Promise<void> {
  return patiently(ports, signal, () => oneRun(ports, signal));
}

/** Does work again when the connection was lost under it, or a table altered, until it is done or `signal` aborts. */
export async function patiently(
  { telemetry }: Pick<ImportPorts, 'telemetry'>,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted) return;
      if (!canRunAgain(error)) throw error;
      telemetry.connectionLost(error, retryMs);
      await delay(retryMs, undefined, { signal }).catch(() => {});
    }
  }
}

/** A lost connection, or a table that was altered while it was read: another run looks again. */
function canRunAgain(error: unknown): error is BridgeError {
  const { code } = error as { code?: string };
  return (error instanceof BridgeError && error.retriable) || (code !== undefined && alteredMeanwhile.has(code));
}

const alteredMeanwhile = new Set([
  'ER_TABLE_DEF_CHANGED',
  'ER_BAD_FIELD_ERROR',
  'ER_KEY_DOES_NOT_EXITS',
  'ER_KEY_DOES_NOT_EXIST',
]);

async function oneRun(ports: ImportPorts, signal: AbortSignal): Promise<void> {
  const { live, database } = ports;
  const reader = await ChunkReader.open(database);
  const stop = () => reader.close();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const tables = new Set([...(live.current ? [live.current.table] : []), ...live.remaining]);
    for (const table of tables) if (!signal.aborted) await importTable(ports, reader, table, signal);
  } finally {
    signal.removeEventListener('abort', stop);
    reader.close();
  }
}

async function importTable(ports: ImportPorts, reader: ChunkReader, table: string, signal: AbortSignal): Promise<void> {
  const { config, database, live, report } = ports;
  const pace = new Pace(config.database.snapshot);
  const after = live.current?.table === table ? live.current.after : undefined;
  let plan = await begin(ports, table, after);
  report.begin(table, await Estimate.of(database, plan, after), live.remaining.length);
  while (!signal.aborted && live.remaining.includes(table)) {
    if (live.isPlanStale) plan = await begin(ports, table, live.current?.after);
    const wait = (threads: number, limit: number) => report.wait(threads, limit);
    await pace.turn(() => reader.threadsRunning(), wait, signal);
    await oneChunk(ports, reader, plan, pace);
  }
}

async function begin(
  { config, database, live, flow }: ImportPorts,
  table: string,
  after: Place | undefined,
): Promise<TablePlan> {
  const mapped = config.tables[table];
  if (!isMapped(mapped)) throw new RangeError(`table ${table} is to be imported but not mapped`);
  const plan = await planTable(database, table, mapped);
  await flow.take(async () => live.begin(plan, after));
  return plan;
}

async function oneChunk(ports: ImportPorts, reader: ChunkReader, plan: TablePlan, pace: Pace): Promise<void> {
  const { live, flow, report } = ports;
  const window = live.open();
  const began = performance.now();
  try {
    while (!window.begin(await reader.low())) await delay(unseenMs);
    const chunk = await reader.read(plan, live.current?.after, pace.rows);
    window.read(chunk, await reader.high());
  } catch (error) {
    window.fail();
    await flow.take(() => live.giveUp('failed'));
    throw error;
  }
  const tookMs = performance.now() - began;
  if (!(await settle(ports, window))) return pace.shrink();
  pace.learn(tookMs);
  report.imported(window.chunk!.rows.length, window.chunk!.upTo);
}

/** Resolves to whether the chunk is on the log. */
async function settle({ live, flow }: ImportPorts, window: SnapshotWindow): Promise<boolean> {
  await flow.take(() => live.closeIfReached());
  const late = new AbortController();
  const timeout = delay(maxWindowMs, undefined, { signal: late.signal }).then(
    () => flow.take(() => live.giveUp('slow')),
    () => {},
  );
  const imported = await window.ended;
  late.abort();
  await timeout;
  return imported;
}
