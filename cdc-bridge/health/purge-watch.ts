import { setTimeout as delay } from 'node:timers/promises';
import type { StoredCursor } from '../../contract/event-log.ts';
import type { BridgeConfig } from '../config.ts';
import { parseCursor } from '../positions/cursor.ts';
import { kindOf } from '../positions/gtid.ts';
import { Progress } from '../positions/progress.ts';
import { connectionSettings } from '../source/connection-settings.ts';
import { LegacyDatabase } from '../source/legacy-database.ts';
import { isAlarming, keptBinlog, type PurgeDistance, purgeDistance } from './kept-binlog.ts';

/** Between two looks: files are deleted when another one is begun, and kept for days. */
const everyMs = 30_000;

/** Until there is a position, or the database is back. */
const retryMs = 1_000;

/** What a watch needs, and whom it tells. */
export interface PurgeWatchPorts {
  readonly database: LegacyDatabase;
  readonly progress: Progress;
  /** Told at each look; `undefined` while nobody can tell. */
  readonly looked: (distance: PurgeDistance | undefined) => void;
  /** Told once when what the bridge has not read yet will soon be gone, or is, and once when that is over. */
  readonly alarmed: (distance: PurgeDistance) => void;
  readonly relieved: (distance: PurgeDistance) => void;
  /** Told why the server does not tell, once until it does. */
  readonly unknown: (why: string) => void;
}

/** Watches how far the bridge's position is from being purged, also while the bridge stands still, until `signal` aborts. Never rejects. */
export async function watchPurge(ports: PurgeWatchPorts, signal: AbortSignal): Promise<void> {
  const watch = new PurgeWatch(ports);
  while (!signal.aborted) {
    const isKnown = await look(ports).then(
      (distance) => signal.aborted || watch.see(distance),
      (error: Error) => signal.aborted || watch.fail(error.message),
    );
    await delay(isKnown ? everyMs : retryMs, undefined, { signal }).catch(() => {});
  }
}

/** Tells changes only. */
class PurgeWatch {
  readonly #ports: PurgeWatchPorts;
  #isAlarmed = false;
  #isBlind = false;

  constructor(ports: PurgeWatchPorts) {
    this.#ports = ports;
  }

  see(distance: PurgeDistance | undefined): boolean {
    this.#isBlind = false;
    this.#ports.looked(distance);
    if (distance && isAlarming(distance) !== this.#isAlarmed) {
      this.#isAlarmed = !this.#isAlarmed;
      (this.#isAlarmed ? this.#ports.alarmed : this.#ports.relieved)(distance);
    }
    return distance !== undefined;
  }

  fail(why: string): boolean {
    this.#ports.looked(undefined);
    if (!this.#isBlind) this.#ports.unknown(why);
    this.#isBlind = true;
    return false;
  }
}

/** How far a stored position is from being purged, whether its bridge runs or not. Throws BridgeError when the database is away. */
export async function storedDistance(
  config: Pick<BridgeConfig, 'database'>,
  { value, head }: StoredCursor,
): Promise<PurgeDistance> {
  const { position, committedAt, file } = parseCursor(value).progress;
  const progress = new Progress(head);
  progress.pass(position, committedAt, file?.name);
  const database = await LegacyDatabase.connect(connectionSettings(config.database));
  try {
    return await distanceOf(database, progress, position);
  } finally {
    await database.close();
  }
}

async function look({
  database,
  progress,
}: Pick<PurgeWatchPorts, 'database' | 'progress'>): Promise<PurgeDistance | undefined> {
  if (progress.position === undefined) return undefined;
  return distanceOf(database, progress, progress.position);
}

async function distanceOf(database: LegacyDatabase, progress: Progress, position: string): Promise<PurgeDistance> {
  const kind = kindOf(position);
  const [kept, head] = await Promise.all([keptBinlog(database, kind), database.head(kind)]);
  return purgeDistance(kept, { position, file: progress.file, ageMs: progress.ageMs(head, Date.now()) });
}
