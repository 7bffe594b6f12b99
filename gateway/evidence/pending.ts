import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { z } from 'zod';
import { replaceFile } from '../journal/disk-copy.ts';
import { addTallies, emptyTally, type Tally, tallySchema } from './tally.ts';

/** What is on its way to the log; its id makes a second attempt harmless. */
interface Parcel {
  readonly id: string;
  readonly delta: Tally;
}

const fileSchema = z.object({
  format: z.literal(1),
  parcels: z.record(z.string(), z.object({ id: z.uuid(), delta: tallySchema })),
  open: z.record(z.string(), tallySchema),
});

/**
 * Tallies that are not on the log yet, by route: an open one that is counted up, and a parcel on its way. A parcel stays until the log
 * has it, so nothing is counted twice or lost by an append whose answer was lost.
 */
export class PendingTallies {
  readonly #open = new Map<string, Tally>();
  readonly #parcels = new Map<string, Parcel>();

  /** The route's tally to be counted up in place. */
  tallyOf(route: string): Tally {
    const open = this.#open.get(route);
    if (open) return open;
    const tally = emptyTally();
    this.#open.set(route, tally);
    return tally;
  }

  /** Everything pending for a route. */
  sumOf(route: string): Tally {
    return addTallies(this.#parcels.get(route)?.delta ?? emptyTally(), this.#open.get(route) ?? emptyTally());
  }

  /** Routes with something pending. */
  routes(): string[] {
    return [...new Set([...this.#parcels.keys(), ...this.#open.keys()])];
  }

  /** What to send for a route: the parcel that waits, or a new one of what was counted meanwhile. */
  parcelOf(route: string): Parcel | undefined {
    const waiting = this.#parcels.get(route);
    const delta = this.#open.get(route);
    if (waiting || !delta) return waiting;
    const parcel = { id: randomUUID(), delta };
    this.#open.delete(route);
    this.#parcels.set(route, parcel);
    return parcel;
  }

  /** The log has this event. */
  arrived(route: string, id: string): void {
    if (this.#parcels.get(route)?.id === id) this.#parcels.delete(route);
  }

  /** Forgets what was counted for a route and not sent. */
  forget(route: string): void {
    this.#open.delete(route);
  }

  async load(path: string): Promise<void> {
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (text === undefined) return;
    const { parcels, open } = fileSchema.parse(JSON.parse(text));
    for (const [route, parcel] of Object.entries(parcels)) this.#parcels.set(route, parcel);
    for (const [route, tally] of Object.entries(open)) this.#open.set(route, tally);
  }

  /** Writes what is pending, or removes the file when nothing is. */
  async save(path: string): Promise<void> {
    if (this.routes().length === 0) return rm(path, { force: true });
    const parcels = Object.fromEntries(this.#parcels);
    await replaceFile(path, JSON.stringify({ format: 1, parcels, open: Object.fromEntries(this.#open) }));
  }
}
