import { setTimeout as delay } from 'node:timers/promises';
import type { BridgeConfig } from '../config.ts';
import { BridgeError } from '../errors.ts';
import {
  type BridgeCursor,
  cursorName,
  formatCursor,
  type SnapshotProgress,
  type StreamPosition,
} from '../positions/cursor.ts';
import type { Progress, SnapshotState } from '../positions/progress.ts';
import { snapshotTables, startSnapshot } from '../source/initial-snapshot.ts';
import type { LegacyDatabase } from '../source/legacy-database.ts';
import type { Telemetry } from '../telemetry.ts';
import type { ChangeWriter } from './change-writer.ts';

const retryMs = 1_000;

export interface ImportPorts {
  readonly config: BridgeConfig;
  readonly database: LegacyDatabase;
  readonly writer: ChangeWriter;
  readonly progress: Progress;
  readonly telemetry: Telemetry;
  readonly onSnapshot: (state: SnapshotState) => void;
}

/**
 * Imports the mapped tables and gives the place where streaming begins. The cursor is stored with each chunk, so whatever interrupts it, the next
 * run goes on behind the last chunk on the log; what the runs saw at different positions is reconciled by SnapshotWindow.
 * Undefined when `signal` aborted it.
 */
export async function importSnapshot(
  ports: ImportPorts,
  stored: SnapshotProgress | undefined,
  signal: AbortSignal,
): Promise<StreamPosition | undefined> {
  let progress = stored;
  while (!signal.aborted) {
    try {
      return await oneRun(ports, progress, signal, (reached) => (progress = reached));
    } catch (error) {
      if (!canRunAgain(error)) throw error;
      ports.telemetry.connectionLost(error, retryMs);
      await delay(retryMs, undefined, { signal }).catch(() => {});
    }
  }
  return undefined;
}

/**
 * Imports the tables that were added to the mapping since `streamed` was stored: as an interrupted snapshot would, which goes on with the tables
 * that are not done. Without such tables the place stays what it was.
 */
export async function importAdded(
  ports: ImportPorts,
  streamed: StreamPosition,
  signal: AbortSignal,
): Promise<StreamPosition | undefined> {
  const mapped = importedTables(ports);
  const { position, imported = mapped } = streamed;
  const added = mapped.filter((table) => !imported.includes(table));
  const left = imported.filter((table) => !mapped.includes(table));
  if (left.length > 0) ports.telemetry.tablesLeft(left);
  if (added.length === 0) return { ...streamed, imported };
  ports.telemetry.tablesAdded(added);
  return importSnapshot(ports, { phase: 'snapshot', start: position, done: imported }, signal);
}

/** Passes over what is there: stores the binlog's head and gives it as the place where streaming begins. */
export async function startAtHead(ports: ImportPorts): Promise<StreamPosition> {
  const imported = importedTables(ports);
  const beginning: StreamPosition = { phase: 'streaming', position: await ports.database.head(), imported };
  await ports.writer.moveTo(cursorOf(ports, beginning));
  return beginning;
}

/** A lost connection, or a table that was altered while it was read (ER_TABLE_DEF_CHANGED): another run looks again. */
function canRunAgain(error: unknown): error is BridgeError {
  return (
    (error instanceof BridgeError && error.retriable) || (error as { code?: string }).code === 'ER_TABLE_DEF_CHANGED'
  );
}

async function oneRun(
  ports: ImportPorts,
  stored: SnapshotProgress | undefined,
  signal: AbortSignal,
  reached: (progress: SnapshotProgress) => void,
): Promise<StreamPosition | undefined> {
  const { config, database, writer, telemetry } = ports;
  const tables = snapshotTables(config.tables).length;
  const run = await startSnapshot(database, config.tables);
  const from: SnapshotProgress = stored ?? { phase: 'snapshot', start: run.position, done: [] };
  const beginning: StreamPosition = {
    phase: 'streaming',
    position: from.start,
    ...(run.position === from.start ? {} : { importedUpTo: run.position }),
    imported: [...new Set([...from.done, ...importedTables(ports)])],
  };
  let rows = 0;
  telemetry.snapshotStarted(run.position, tables);
  try {
    for await (const chunk of run.chunks(from)) {
      if (signal.aborted) return undefined;
      await writer.import(chunk, cursorOf(ports, chunk.progress));
      reached(chunk.progress);
      rows += chunk.rows.length;
      show(ports, { table: chunk.table, tablesDone: chunk.progress.done.length, tables, rows });
    }
  } finally {
    run.close();
  }
  await writer.moveTo(cursorOf(ports, beginning));
  telemetry.snapshotFinished(run.position, rows);
  return beginning;
}

function importedTables({ config }: ImportPorts): string[] {
  return snapshotTables(config.tables).map(([name]) => name);
}

function show({ progress, onSnapshot }: ImportPorts, state: SnapshotState): void {
  progress.snapshot = state;
  onSnapshot(state);
}

function cursorOf(
  { config, database }: ImportPorts,
  progress: BridgeCursor['progress'],
): { name: string; value: string } {
  return { name: cursorName(config.name), value: formatCursor({ format: 1, server: database.identity, progress }) };
}
