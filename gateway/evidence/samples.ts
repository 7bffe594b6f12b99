import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Difference } from '../comparison/difference.ts';
import { replaceFile } from '../journal/disk-copy.ts';
import type { EvidenceTelemetry } from './evidence-telemetry.ts';

/** One redacted example of a difference. */
export interface Sample {
  readonly route: string;
  /** A place for a difference, a `harmlessKey` for a harmless one. */
  readonly key: string;
  /** ISO 8601 in UTC. */
  readonly at: string;
  readonly method: string;
  readonly target: string;
  readonly difference: Difference;
}

/** All samples together take no more than this on disk, none is older, and one is replaced by a newer one when it is this stale. */
const maxBytes = 8 * 1024 * 1024;
const maxAgeMs = 7 * 24 * 3_600_000;
const staleAfterMs = 3_600_000;

const sampleSchema = z.object({
  route: z.string(),
  key: z.string(),
  at: z.iso.datetime(),
  method: z.string(),
  target: z.string(),
  difference: z.looseObject({ kind: z.string(), path: z.string() }),
});

interface Kept {
  readonly sample: Sample;
  readonly bytes: number;
}

/** Examples of differences, one per route and place, in files of a folder: the one thing of the evidence that is not on the log. */
export class Samples {
  readonly #dir: string;
  readonly #telemetry: EvidenceTelemetry;
  readonly #now: () => Date;
  /** Oldest first. */
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;
  /** File work, one after the other. */
  #work: Promise<void> = Promise.resolve();

  private constructor(dir: string, telemetry: EvidenceTelemetry, now: () => Date) {
    this.#dir = dir;
    this.#telemetry = telemetry;
    this.#now = now;
  }

  /** Takes up what an earlier run kept. Never rejects: a file that is no sample is deleted, a folder that cannot be read is told. */
  static async open(dir: string, telemetry: EvidenceTelemetry, now: () => Date): Promise<Samples> {
    const samples = new Samples(dir, telemetry, now);
    await samples.#load().catch((error) => telemetry.samplesFailed(dir, error));
    samples.#evict();
    return samples;
  }

  /** Keeps an example unless there is a recent one; `make` is called only then. */
  offer(route: string, key: string, make: () => Omit<Sample, 'route' | 'key' | 'at'>): void {
    const name = fileName(route, key);
    const known = this.#kept.get(name);
    const now = this.#now();
    if (known && now.getTime() - Date.parse(known.sample.at) < staleAfterMs) return;
    const sample: Sample = { route, key, at: now.toISOString(), ...make() };
    const text = JSON.stringify(sample);
    this.#forgetFile(name);
    this.#remember(name, { sample, bytes: Buffer.byteLength(text) });
    this.#enqueue(() => replaceFile(join(this.#dir, name), text));
    this.#evict();
  }

  /** The example of a place, if one is kept. */
  find(route: string, key: string): Sample | undefined {
    const sample = this.#kept.get(fileName(route, key))?.sample;
    return sample && this.#isFresh(sample) ? sample : undefined;
  }

  /** Every example that is kept, oldest first. */
  all(): Sample[] {
    return [...this.#kept.values()].map(({ sample }) => sample).filter((sample) => this.#isFresh(sample));
  }

  /** Deletes every example of a route. */
  forget(route: string): void {
    for (const [name, { sample }] of this.#kept) if (sample.route === route) this.#remove(name);
  }

  /** Resolves when the files are as the memory is. */
  settled(): Promise<void> {
    return this.#work;
  }

  async #load(): Promise<void> {
    await mkdir(this.#dir, { recursive: true });
    const names = (await readdir(this.#dir)).filter((name) => name.endsWith('.json'));
    const found = await Promise.all(names.map(async (name) => ({ name, kept: await this.#readSample(name) })));
    const unreadable = found.filter(({ kept }) => !kept);
    for (const { name } of unreadable) this.#enqueue(() => unlink(join(this.#dir, name)));
    if (unreadable.length > 0) this.#telemetry.samplesUnreadable(this.#dir, unreadable.length);
    const oldestFirst = found
      .flatMap(({ name, kept }) => (kept ? [{ name, kept }] : []))
      .sort((one, other) => one.kept.sample.at.localeCompare(other.kept.sample.at));
    for (const { name, kept } of oldestFirst) this.#remember(name, kept);
  }

  async #readSample(name: string): Promise<Kept | undefined> {
    try {
      const text = await readFile(join(this.#dir, name), 'utf8');
      const sample = sampleSchema.parse(JSON.parse(text)) as unknown as Sample;
      return { sample, bytes: Buffer.byteLength(text) };
    } catch {
      return undefined;
    }
  }

  #evict(): void {
    for (const [name, { sample }] of this.#kept) {
      if (this.#bytes <= maxBytes && this.#isFresh(sample)) return;
      this.#remove(name);
    }
  }

  #isFresh({ at }: Sample): boolean {
    return this.#now().getTime() - Date.parse(at) < maxAgeMs;
  }

  #remember(name: string, kept: Kept): void {
    this.#kept.set(name, kept);
    this.#bytes += kept.bytes;
  }

  #forgetFile(name: string): void {
    this.#bytes -= this.#kept.get(name)?.bytes ?? 0;
    this.#kept.delete(name);
  }

  #remove(name: string): void {
    this.#forgetFile(name);
    this.#enqueue(() => unlink(join(this.#dir, name)));
  }

  #enqueue(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error) => this.#telemetry.samplesFailed(this.#dir, error));
  }
}

function fileName(route: string, key: string): string {
  return `${createHash('sha256')
    .update(JSON.stringify([route, key]))
    .digest('hex')
    .slice(0, 32)}.json`;
}
