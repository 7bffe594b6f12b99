import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../journal/disk-copy.ts';
import type { FlagEvaluation, FlagSource, FlagSourceStatus } from './flag-source.ts';
import { type Flags, FlagUses } from './flag-uses.ts';
import type { FlagsTelemetry } from './flags-telemetry.ts';
import { clientOfServer, type FlagClient, type FlagStorage } from './unleash-client.ts';
import { UseReports } from './use-reports.ts';

/** The server looks at its own flags once a second: asking more often gains nothing. */
const refreshMs = 1_000;
const timeoutMs = 3_000;
/** Without an answer for this long the flags are called stale, and a new client asks. */
const patienceMs = 5_000;
/** How often the server is told of the use of its flags: as often as Unleash's SDKs do. */
const reportMs = 60_000;

/** Where a real Unleash is, and where its last good copy goes. */
export interface UnleashOptions {
  /** `http://unleash:4242/api` */
  readonly url: string;
  readonly token: string;
  readonly dataDir: string;
  readonly telemetry: FlagsTelemetry;
  readonly now?: () => number;
}

/**
 * The flags of a real Unleash. While it is away, the last good copy counts, over restarts too; without one every flag is off.
 * Resolves when flags are known, or after `waitMs` without any.
 */
export async function unleashFlags(options: UnleashOptions, waitMs = patienceMs): Promise<Flags> {
  const flags = new UnleashFlags(options);
  await flags.known(waitMs);
  return flags;
}

class UnleashFlags implements Flags {
  readonly uses = new FlagUses();
  readonly #reports: UseReports;
  readonly #options: UnleashOptions;
  readonly #now: () => number;
  readonly #storage: FlagCopy;
  readonly #watch: NodeJS.Timeout;
  /** The client that evaluates; undefined until flags are known. */
  #client: FlagClient | undefined;
  /** The client that is on its way to take over. */
  #successor: FlagClient | undefined;
  #startedAt: number;
  #lastContact: number | undefined;
  #status: FlagSourceStatus;
  #onKnown: () => void = () => {};

  constructor(options: UnleashOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#storage = flagStorage(join(options.dataDir, 'unleash.json'), options.telemetry);
    this.#startedAt = this.#now();
    this.#status = { kind: 'empty', since: this.#isoNow(), detail: `Unleash at ${options.url} was not reached yet` };
    this.#reports = this.#startReports(options);
    this.#begin();
    this.#watch = setInterval(() => this.#look(), refreshMs).unref();
  }

  known(waitMs: number): Promise<void> {
    if (this.#client) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, waitMs);
      this.#onKnown = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  evaluate(...[flag, facts, route]: Parameters<FlagSource['evaluate']>): FlagEvaluation {
    const { kind, detail } = this.#status;
    if (!this.#client) return { enabled: false, reason: detail };
    const evaluation = this.#client.evaluate(flag, facts, route);
    return kind === 'fresh' ? evaluation : { ...evaluation, reason: `${evaluation.reason} (${detail})` };
  }

  status(): FlagSourceStatus {
    return this.#status;
  }

  async stop(): Promise<void> {
    clearInterval(this.#watch);
    this.#successor?.stop();
    this.#client?.stop();
    await Promise.all([this.#storage.settled(), this.#reports.stop()]);
  }

  #startReports({ url, token, telemetry }: UnleashOptions): UseReports {
    return new UseReports({
      url,
      token,
      timeoutMs,
      intervalMs: reportMs,
      uses: this.uses,
      onFailure: telemetry.complained,
    });
  }

  /**
   * Starts a client and lets it take over when it has flags. A client that failed for long asks ever more rarely, and after a 401 or 403
   * never again: a new one asks at once.
   */
  #begin(): void {
    const { url, token, telemetry } = this.#options;
    this.#startedAt = this.#now();
    this.#successor?.stop();
    const client = clientOfServer({
      url,
      token,
      refreshMs,
      timeoutMs,
      storage: this.#storage,
      uses: this.uses,
      onReady: () => this.#takeOver(client),
      onContact: () => this.#inContact(client),
      onComplaint: telemetry.complained,
    });
    this.#successor = client;
  }

  #takeOver(client: FlagClient): void {
    if (client !== this.#successor) return;
    this.#client?.stop();
    this.#client = client;
    this.#successor = undefined;
    if (this.#lastContact === undefined) this.#say('stale', this.#lostDetail());
    this.#onKnown();
  }

  #inContact(client: FlagClient): void {
    if (client !== this.#client && client !== this.#successor) return;
    this.#lastContact = this.#now();
    if (this.#status.kind === 'fresh') return;
    this.#say('fresh', `in contact with Unleash at ${this.#options.url}`);
    this.#options.telemetry.inContact(this.#options.url);
  }

  #look(): void {
    const silentMs = this.#now() - Math.max(this.#lastContact ?? 0, this.#startedAt);
    if (silentMs <= patienceMs) return;
    if (this.#status.kind === 'fresh') {
      this.#say('stale', this.#lostDetail());
      this.#options.telemetry.lostContact(this.#options.url, this.#status.detail);
    }
    this.#begin();
  }

  #lostDetail(): string {
    const { url } = this.#options;
    if (this.#lastContact === undefined) return `Unleash at ${url} was not reached yet, last good copy from disk`;
    const at = new Date(this.#lastContact).toISOString();
    return `Unleash at ${url} unreachable since ${at}, last good copy of then`;
  }

  #say(kind: FlagSourceStatus['kind'], detail: string): void {
    const since = kind === this.#status.kind ? this.#status.since : this.#isoNow();
    this.#status = { kind, since, detail };
  }

  #isoNow(): string {
    return new Date(this.#now()).toISOString();
  }
}

interface FlagCopy extends FlagStorage {
  /** Resolves when the last copy is on disk. */
  settled(): Promise<void>;
}

/** The last good copy, in memory and in a file that is never half-written. A copy that cannot be kept is told and changes nothing else. */
function flagStorage(path: string, telemetry: FlagsTelemetry): FlagCopy {
  let latest: unknown;
  let written = Promise.resolve();
  return {
    async get() {
      latest ??= await readFile(path, 'utf8')
        .then((text): unknown => JSON.parse(text))
        .catch((error: NodeJS.ErrnoException) => {
          if (error.code !== 'ENOENT') telemetry.copyFailed(path, error);
          return undefined;
        });
      return latest;
    },
    async set(_appName, copy) {
      latest = copy;
      written = written
        .then(() => replaceFile(path, JSON.stringify(copy)))
        .catch((error) => telemetry.copyFailed(path, error));
      await written;
    },
    settled: () => written,
  };
}
