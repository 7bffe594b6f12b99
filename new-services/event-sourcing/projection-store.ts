import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import { type Database, inTransaction, openDatabase } from '../../runtime/sqlite.ts';
import type { Projection } from './projection.ts';

/** How far a projection is: offset in topic `domain` and id of the event there. Offset 0 has no event. */
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
  /** Removes the files of the projection's other versions: this one has taken their place. */
  removeOtherVersions(): void;
  close(): void;
}

const checkpointTable = `
  create table if not exists checkpoint (
    singleton integer primary key check (singleton = 1), "offset" integer not null, event_id text
  );
  insert or ignore into checkpoint values (1, 0, null);`;

/** Opens the file of this version of the projection, `DIR/NAME.vVERSION.db`, empty at first. */
export function openProjectionStore(dataDir: string, projection: Projection): ProjectionStore {
  mkdirSync(dataDir, { recursive: true });
  const file = `${projection.name}.v${projection.version}.db`;
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
    removeOtherVersions: () => removeOtherVersions(dataDir, projection.name, file),
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

function removeOtherVersions(dataDir: string, name: string, kept: string): void {
  const pattern = /^(.+)\.v\d+\.db(-wal|-shm)?$/;
  for (const found of readdirSync(dataDir)) {
    if (pattern.exec(found)?.[1] === name && !found.startsWith(kept)) rmSync(join(dataDir, found), { force: true });
  }
}
