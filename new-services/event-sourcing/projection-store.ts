import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import { type Database, inTransaction, openDatabase } from '../../runtime/sqlite.ts';
import type { Projection } from './projection.ts';

/** How far a projection is: offset in its generation of topic `domain` and id of the event there. Offset 0 has no event. */
export interface Checkpoint {
  readonly offset: number;
  readonly eventId: string | null;
}

/** A projection's tables on disk, always exactly at their checkpoint. */
export interface ProjectionStore {
  readonly path: string;
  checkpoint(): Checkpoint;
  /** Applies the events beyond the checkpoint and moves it, in one transaction; all of them or none. */
  apply(events: readonly RecordedEvent[]): void;
  /** Runs queries on one state of the tables. */
  read<T>(query: (database: Database, checkpoint: Checkpoint) => T): T;
  /** Whether it was complete at some time: whatever a later generation is built from, this one can be read meanwhile. */
  wasBuilt(): boolean;
  /** Says so in the file. */
  markBuilt(): void;
  /** Removes the files of the projection's other versions and generations: this one has taken their place. */
  removeOthers(): void;
  close(): void;
}

/** Kept as `user_version` of a file that was complete once. */
const built = 1;

const checkpointTable = `
  create table if not exists checkpoint (
    singleton integer primary key check (singleton = 1), "offset" integer not null, event_id text
  );
  insert or ignore into checkpoint values (1, 0, null);`;

/**
 * Opens the file of this version of the projection, `DIR/NAME.vVERSION.db` or for a later generation of topic `domain` than the first
 * `DIR/NAME.vVERSION.g2.db`, empty at first.
 */
export function openProjectionStore(dataDir: string, projection: Projection, generation: number): ProjectionStore {
  mkdirSync(dataDir, { recursive: true });
  const file = fileName(projection, generation);
  const database = openDatabase(join(dataDir, file));
  inTransaction(database, () => database.exec(checkpointTable + projection.tables));
  const applyOne = projection.writer(database);
  const selectCheckpoint = database.prepare('select "offset", event_id as eventId from checkpoint');
  const moveCheckpoint = database.prepare('update checkpoint set "offset" = ?, event_id = ?');
  const checkpoint = () => ({ ...(selectCheckpoint.get() as unknown as Checkpoint) });
  return {
    path: join(dataDir, file),
    checkpoint,
    apply: (events) =>
      inTransaction(database, () => {
        const { offset } = checkpoint();
        const news = events.filter((event) => event.meta.address.offset > offset);
        for (const event of news) applyOne(event);
        const last = news.at(-1);
        if (last) moveCheckpoint.run(last.meta.address.offset, last.id);
      }),
    read: (query) => inReadTransaction(database, () => query(database, checkpoint())),
    wasBuilt: () => (database.prepare('pragma user_version').get() as { user_version: number }).user_version === built,
    markBuilt: () => database.exec(`pragma user_version = ${built}`),
    removeOthers: () => removeOthers(dataDir, projection.name, file),
    close: () => database.close(),
  };
}

function inReadTransaction<T>(database: Database, work: () => T): T {
  database.exec('begin');
  try {
    return work();
  } finally {
    database.exec('rollback');
  }
}

function removeOthers(dataDir: string, name: string, kept: string): void {
  const pattern = /^(.+)\.v\d+(?:\.g\d+)?\.db(?:-wal|-shm)?$/;
  for (const found of readdirSync(dataDir)) {
    if (pattern.exec(found)?.[1] === name && !found.startsWith(kept)) rmSync(join(dataDir, found), { force: true });
  }
}

/** Earlier generations that this version of the projection has files of, the latest first. */
export function earlierGenerations(dataDir: string, projection: Projection, generation: number): number[] {
  const earlier = Array.from({ length: generation - 1 }, (_, index) => generation - 1 - index);
  return earlier.filter((number) => existsSync(join(dataDir, fileName(projection, number))));
}

function fileName({ name, version }: Projection, generation: number): string {
  return generation === 1 ? `${name}.v${version}.db` : `${name}.v${version}.g${generation}.db`;
}
