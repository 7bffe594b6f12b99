import type { EventLog } from '../../contract/event-log.ts';
import type { BridgeConfig } from '../config.ts';
import { openRequests, type SnapshotRequest } from '../known-rows/snapshot-request.ts';
import {
  type BridgeCursor,
  cursorName,
  parseCursor,
  requireHeadAtOrAfter,
  requireSameSource,
  type StreamPosition,
} from '../positions/cursor.ts';
import { kindOf } from '../positions/gtid.ts';
import { cursorOn } from '../positions/move-to-server.ts';
import type { Progress } from '../positions/progress.ts';
import { firstOffsets } from '../source/debezium/first-offsets.ts';
import type { LegacyDatabase } from '../source/legacy-database.ts';
import type { OnLost } from '../source/reconnecting.ts';
import type { Telemetry } from '../telemetry.ts';
import { importedTables } from './import-snapshot.ts';

/** What is asked to find out where a bridge goes on. */
export interface StartingPorts {
  readonly config: BridgeConfig;
  readonly database: LegacyDatabase;
  readonly log: EventLog;
  readonly progress: Progress;
  readonly telemetry: Telemetry;
  readonly onLost: OnLost;
}

/**
 * Where a bridge goes on: where its cursor says, once that is known to be true of this database; without a cursor, at the binlog's head, with every row
 * that is there still to be imported. Throws BridgeError `another-server`, `source-changed`, `position-not-on-server` and what both sources throw.
 */
export async function startingPlace(ports: StartingPorts, signal: AbortSignal): Promise<StreamPosition> {
  const { config, database, log, progress, telemetry } = ports;
  const stored = await log.cursor(cursorName(config.name));
  const cursor = stored && (await cursorOn(database, parseCursor(stored.value), config.database.servers));
  if (cursor) {
    requireSameSource(cursor, config.database.topics ? 'topics' : 'binlog');
    requireHeadAtOrAfter(await database.head(kindOf(cursor.progress.position)), cursor);
    // Not only what the cursor covers: parked changes that were released since stand behind it.
    progress.reach(await log.head('domain'));
  }
  const place = await placeOf(cursor, ports, signal);
  const head = () => database.head(cursor && kindOf(cursor.progress.position));
  return skippedToHead(place, head, await openRequests(log, config.name), telemetry);
}

/** Where the stored cursor says; without one, the binlog's head, with every row that is there still to be imported. */
async function placeOf(
  cursor: BridgeCursor | undefined,
  ports: StartingPorts,
  signal: AbortSignal,
): Promise<StreamPosition> {
  const { tables, database } = ports.config;
  const { snapshotMode, knownRows } = database;
  const stored: StreamPosition = cursor?.progress ?? (await headNow(ports, signal));
  const imports = importedTables(tables);
  const imported = snapshotMode === 'initial' ? stored.imported : [...new Set([...stored.imported, ...imports])];
  const place = { ...stored, imported };
  return { ...place, known: knownRows ? tablesToKnow(imports, place) : [] };
}

/** The binlog's head. Topics are looked at before it, so that what is committed after it is in them behind their offsets. */
async function headNow({ config, database, onLost }: StartingPorts, signal: AbortSignal): Promise<StreamPosition> {
  const { topics } = config.database;
  const kafka = topics && (await firstOffsets(topics, onLost, signal));
  const position = await database.head();
  return { phase: 'streaming', position, imported: [], ...(kafka && { kafka }) };
}

/** Of rows of a table something can be known when that has been kept from its first row on. */
function tablesToKnow(imports: readonly string[], { imported, current, known = [] }: StreamPosition): string[] {
  const begins = (table: string) => !imported.includes(table) && table !== current?.table;
  return imports.filter((table) => known.includes(table) || begins(table));
}

/** Where a bridge goes on that is to give up what the binlog, or what is left of it, tells up to its head. */
async function skippedToHead(
  stored: StreamPosition,
  readHead: () => Promise<string>,
  requests: readonly SnapshotRequest[],
  telemetry: Telemetry,
): Promise<StreamPosition> {
  const request = requests.findLast(({ fromNow }) => fromNow);
  if (!request || stored.kafka || request.id === stored.skippedFor) return stored;
  const { phase, imported, current, known } = stored;
  const head = await readHead();
  telemetry.skippedToHead(stored.position, head, request.id);
  return {
    phase,
    position: head,
    imported,
    ...(known && { known }),
    ...(current && { current }),
    skippedFor: request.id,
  };
}
