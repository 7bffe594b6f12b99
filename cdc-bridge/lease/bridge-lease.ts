import { setTimeout as delay } from 'node:timers/promises';
import type { EventLog, LogError } from '../../contract/event-log.ts';
import type { Lease } from '../../contract/lease.ts';
import type { Telemetry } from '../telemetry.ts';
import { type Held, takenOver } from './another-bridge.ts';
import { fencedLog } from './fenced-log.ts';
import { hasSurelyEnded, nameOfThisLife } from './life-of-process.ts';

/** How often a bridge that waits asks again. */
const askAgainMs = 500;

export interface LeasePorts {
  readonly log: EventLog;
  readonly bridge: string;
  /** How long the lease outlives a holder that has stopped renewing it. */
  readonly ttlMs: number;
  readonly telemetry: Telemetry;
}

/** The right to write under a bridge's name. */
export class BridgeLease {
  /** The log for everything this bridge writes: an append throws LogError `fenced` once another bridge has taken over. */
  readonly log: EventLog;
  /** For what is fenced by it beside appends. */
  readonly lease: Lease;
  readonly #ports: LeasePorts;

  private constructor(ports: LeasePorts, lease: Lease) {
    this.log = fencedLog(ports.log, lease);
    this.#ports = ports;
    this.lease = lease;
  }

  /** Waits until no other bridge of this name writes; `standby` is told at each attempt by whom it is held. Undefined when `signal` aborts first. */
  static async take(
    ports: LeasePorts,
    standby: (held: Held) => void,
    signal: AbortSignal,
  ): Promise<BridgeLease | undefined> {
    const { log, bridge, ttlMs, telemetry } = ports;
    const holder = nameOfThisLife();
    let ended: string | undefined;
    while (!signal.aborted) {
      const answer = await log.leases.acquire(`bridge:${bridge}`, holder, ttlMs, ended).catch((error: LogError) => {
        if (!error.retriable) throw error;
        telemetry.logUnavailable(error.message, askAgainMs);
        return undefined;
      });
      if (answer?.kind === 'acquired') {
        telemetry.tookOver(answer.lease.name, answer.lease.epoch);
        return new BridgeLease(ports, answer.lease);
      }
      if (answer?.kind === 'held' && answer.holder !== ended && hasSurelyEnded(answer.holder)) {
        ended = answer.holder;
        continue;
      }
      if (answer?.kind === 'held') standby({ holder: answer.holder, until: answer.until });
      await delay(askAgainMs, undefined, { signal }).catch(() => {});
    }
    return undefined;
  }

  /** Renews the lease until `signal` aborts. Throws BridgeError `fenced` when another bridge has taken over; a log that is away is waited for. */
  async keep(signal: AbortSignal): Promise<void> {
    const { log, ttlMs, telemetry } = this.#ports;
    const everyMs = ttlMs / 3;
    while (!signal.aborted) {
      await delay(everyMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      await log.leases.renew(this.lease, ttlMs).catch((error: LogError) => {
        if (error.code === 'fenced') throw takenOver(error);
        if (!error.retriable) throw error;
        telemetry.logUnavailable(error.message, everyMs);
      });
    }
  }

  /** Lets the next bridge in at once; where the log is away, it has to wait until the lease runs out. */
  async release(): Promise<void> {
    await this.#ports.log.leases.release(this.lease).catch((error: LogError) => {
      this.#ports.telemetry.leaseNotReleased(error.message);
    });
  }
}
