import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { tallySchema } from '../evidence/tally.ts';
import { featureSchema, segmentSchema } from '../flags/feature.ts';
import type { JournalState } from './journal-state.ts';
import { migrationEvents } from './migration-event.ts';

/** Version of the file's format. */
const format = 1;
const moveSchema = migrationEvents['route-stage-changed'].omit({ route: true }).extend({ at: z.string() });
const fileSchema = z.object({
  format: z.literal(format),
  offset: z.int().nonnegative(),
  lastEventId: z.string().optional(),
  moves: z.record(z.string(), moveSchema),
  flags: z.record(z.string(), featureSchema),
  /** Files of before there were segments have none. */
  segments: z.array(segmentSchema).default([]),
  flagsRevision: z.int().nonnegative(),
  tallies: z.record(z.string(), tallySchema),
  versions: z.record(z.string(), z.int().positive()),
});

/** The state as last written, undefined when there is no file. Throws when the file cannot be read as one of this format. */
export async function readDiskCopy(path: string): Promise<JournalState | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const { moves, flags, segments, tallies, versions, ...rest } = fileSchema.parse(JSON.parse(text));
  const entries = Object.entries(moves);
  return {
    stages: new Map(entries.map(([route, { to }]) => [route, to])),
    moves: new Map(entries),
    flags: new Map(Object.entries(flags)),
    segments: new Map(segments.map((segment) => [segment.id, segment])),
    flagsRevision: rest.flagsRevision,
    tallies: new Map(Object.entries(tallies)),
    versions: new Map(Object.entries(versions)),
    offset: rest.offset,
    lastEventId: rest.lastEventId,
  };
}

function fileText(state: JournalState): string {
  const { moves, flags, segments, tallies, versions, flagsRevision, offset, lastEventId } = state;
  return JSON.stringify({
    format,
    offset,
    lastEventId,
    moves: Object.fromEntries(moves),
    flags: Object.fromEntries(flags),
    segments: [...segments.values()],
    flagsRevision,
    tallies: Object.fromEntries(tallies),
    versions: Object.fromEntries(versions),
  });
}

/** Keeps the last state in a file, which at any moment is one complete state: it is written beside and renamed. */
export class DiskCopy {
  readonly path: string;
  readonly #onFailure: (error: unknown) => void;
  #latest: JournalState | undefined;
  #writing: Promise<void> | undefined;

  constructor(path: string, onFailure: (error: unknown) => void) {
    this.path = path;
    this.#onFailure = onFailure;
  }

  /** Returns at once; states that come while one is written are skipped but for the last. */
  save(state: JournalState): void {
    this.#latest = state;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Resolves when the last state given is on disk, or failed to get there. */
  async written(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#latest) {
      const state = this.#latest;
      this.#latest = undefined;
      await replaceFile(this.path, fileText(state)).catch(this.#onFailure);
    }
  }
}

/** Writes a file so that a reader, or a crash, finds either the old content or the new, never a part. Makes its directory. */
export async function replaceFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const beside = `${path}.${randomUUID()}.new`;
  const file = await open(beside, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(beside, path);
}
