import { isDeepStrictEqual } from 'node:util';
import type { GatewayConfig } from '../config.ts';
import { changedKeys, type KeyPath } from './changed-keys.ts';
import type { ConfigurationSource, ConfigurationStatus, ReadConfiguration, ReloadOutcome } from './configuration.ts';
import type { ReloadTelemetry } from './reload-telemetry.ts';
import { isReloadable } from './reloadable.ts';

/** What reloading stands on. */
export interface ReloadingPorts {
  /** What runs. */
  readonly config: GatewayConfig;
  readonly source: ConfigurationSource;
  /** Goes on by another configuration; rejects, with nothing changed, when it cannot. */
  readonly apply: (read: ReadConfiguration) => Promise<void>;
  readonly telemetry: ReloadTelemetry;
  readonly now?: () => Date;
}

/**
 * Takes over another configuration while requests are served, or keeps the one that runs and says why. It is taken over whole or not at all: what runs is
 * always what stood in the files at some moment.
 */
export class Reloading {
  readonly #ports: ReloadingPorts;
  readonly #now: () => Date;
  #config: GatewayConfig;
  #written: ReadConfiguration['written'];
  #status: ConfigurationStatus;
  #last: Promise<unknown> = Promise.resolve();

  constructor(ports: ReloadingPorts) {
    this.#ports = ports;
    this.#now = ports.now ?? (() => new Date());
    this.#config = ports.config;
    this.#written = ports.source.written;
    this.#status = { since: this.#now().toISOString() };
  }

  get status(): ConfigurationStatus {
    return this.#status;
  }

  /** Reads the configuration again. Never rejects; who asks while another reload runs is answered after it. */
  reload(): Promise<ReloadOutcome> {
    const outcome = this.#last.then(() => this.#reload());
    this.#last = outcome;
    return outcome;
  }

  async #reload(): Promise<ReloadOutcome> {
    const outcome = await this.#attempt().catch((error: Error) => refused([error.message]));
    const before = this.#status;
    this.#status = this.#statusAfter(outcome);
    // Whoever saves a file and then asks for a reload would have all problems in the log twice.
    const known = this.#status.refused !== undefined && this.#status.refused === before.refused;
    this.#ports.telemetry.reloaded(outcome, known);
    return outcome;
  }

  #statusAfter(outcome: ReloadOutcome): ConfigurationStatus {
    const { since, refused: before } = this.#status;
    const at = this.#now().toISOString();
    if (outcome.kind === 'reloaded') return { since: at };
    if (outcome.kind === 'unchanged') return { since };
    const { problems } = outcome;
    return {
      since,
      refused: before && isDeepStrictEqual(before.problems, problems) ? before : { since: at, problems },
    };
  }

  async #attempt(): Promise<ReloadOutcome> {
    const read = this.#ports.source.read();
    if ('problems' in read) return refused(read.problems);
    const changed = changedKeys(this.#written, read.written);
    if (changed.length === 0) return { kind: 'unchanged' };
    const fixed = [...changed.filter((path) => !isReloadable(path)).map(keyText), ...this.#otherSalt(read.config)];
    if (fixed.length > 0) return refused(fixed.map((key) => `${key}: found another value, which needs a restart`));
    await this.#ports.apply(read);
    this.#config = read.config;
    this.#written = read.written;
    return { kind: 'reloaded', changed: changed.map(keyText) };
  }

  /** The salt may be given by the last of the secrets. */
  #otherSalt({ identity }: GatewayConfig): string[] {
    return identity.salt === this.#config.identity.salt
      ? []
      : ['identity.salt (or, without one, the last identity.secret)'];
  }
}

function refused(problems: readonly string[]): ReloadOutcome {
  return { kind: 'refused', problems };
}

function keyText(path: KeyPath): string {
  return path.join('.');
}
