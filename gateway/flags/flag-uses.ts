import type { FlagEvaluation, FlagSource } from './flag-source.ts';

/** How often a flag was asked for, and what it said. */
export interface UseCounts {
  readonly yes: number;
  readonly no: number;
  /** How often each variant was given. */
  readonly variants: Readonly<Record<string, number>>;
}

/** What is known of a flag's use since this process started. */
export interface FlagUse extends UseCounts {
  /** ISO 8601 in UTC. */
  readonly lastAt: string;
  /** Who asked: this gateway, and applications whose SDKs told of it. */
  readonly applications: readonly string[];
}

/** Counts by flag over a time, as Unleash's client API takes them. */
export interface UseBucket {
  readonly start: string;
  readonly stop: string;
  readonly toggles: ReadonlyMap<string, UseCounts>;
}

/** A source of flags that remembers what it was asked for. */
export interface Flags extends FlagSource {
  readonly uses: FlagUses;
}

/** So many applications and variants are remembered of a flag; what others ask is counted without a name. */
const maxNames = 50;

interface Tally {
  yes: number;
  no: number;
  lastAt: number;
  readonly variants: Map<string, number>;
  readonly applications: Set<string>;
  lastApplication: string | undefined;
}

/** Counts the use of flags. Who calls bounds the names: flags are those of the configuration or of the store. */
export class FlagUses {
  readonly #now: () => number;
  #tallies = new Map<string, Tally>();
  #startedAt: number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
    this.#startedAt = now();
  }

  /** Counts one evaluation. Optimization: it is called for every request that asks for a flag, so it makes nothing new. */
  count(flag: string, { enabled, variant }: FlagEvaluation, application: string): void {
    const tally = this.#tallyOf(flag, application);
    if (enabled) tally.yes += 1;
    else tally.no += 1;
    if (variant !== undefined) addTo(tally.variants, variant, 1);
    tally.lastAt = this.#now();
  }

  /** Adds what was counted elsewhere. */
  add(flag: string, { yes, no, variants }: UseCounts, application: string): void {
    const tally = this.#tallyOf(flag, application);
    tally.yes += yes;
    tally.no += no;
    for (const [name, count] of Object.entries(variants)) addTo(tally.variants, name, count);
    tally.lastAt = this.#now();
  }

  of(flag: string): FlagUse | undefined {
    const tally = this.#tallies.get(flag);
    if (!tally) return undefined;
    const lastAt = new Date(tally.lastAt).toISOString();
    return { ...countsOf(tally), lastAt, applications: [...tally.applications].sort() };
  }

  /** The use of every flag that was asked for. */
  all(): Record<string, FlagUse> {
    return Object.fromEntries([...this.#tallies.keys()].map((flag) => [flag, this.of(flag)!]));
  }

  /** Everything counted since the last time, which is forgotten here; undefined when there is nothing. */
  take(): UseBucket | undefined {
    if (this.#tallies.size === 0) return undefined;
    const [tallies, startedAt] = [this.#tallies, this.#startedAt];
    this.#tallies = new Map();
    this.#startedAt = this.#now();
    return {
      start: new Date(startedAt).toISOString(),
      stop: new Date(this.#startedAt).toISOString(),
      toggles: new Map([...tallies].map(([flag, tally]) => [flag, countsOf(tally)])),
    };
  }

  /** Counts again what was taken and could not be told. */
  giveBack({ start, toggles }: UseBucket, application: string): void {
    for (const [flag, counts] of toggles) this.add(flag, counts, application);
    this.#startedAt = Date.parse(start);
  }

  #tallyOf(flag: string, application: string): Tally {
    let tally = this.#tallies.get(flag);
    if (!tally) {
      tally = { yes: 0, no: 0, lastAt: 0, variants: new Map(), applications: new Set(), lastApplication: undefined };
      this.#tallies.set(flag, tally);
    }
    if (tally.lastApplication !== application) remember(tally, application);
    return tally;
  }
}

function remember(tally: Tally, application: string): void {
  tally.lastApplication = application;
  if (tally.applications.size < maxNames) tally.applications.add(application);
}

function addTo(counts: Map<string, number>, name: string, count: number): void {
  const before = counts.get(name);
  if (before !== undefined || counts.size < maxNames) counts.set(name, (before ?? 0) + count);
}

function countsOf({ yes, no, variants }: Tally): UseCounts {
  return { yes, no, variants: Object.fromEntries(variants) };
}
