import { setTimeout as delay } from 'node:timers/promises';
import { type BridgePorts, type RunningBridge, startBridge } from '../cdc-bridge/bridge.ts';
import type { BridgeConfig } from '../cdc-bridge/config.ts';
import type { RunningPart } from '../runtime/part.ts';

/** A bridge that runs, or will as soon as its database is there. */
export interface PatientBridge extends RunningPart {
  /** Resolves with an error that stopped the bridge and that another start may get over. */
  readonly failed: Promise<Error>;
}

/** Where another start would only meet the same server and binlog: then the rest of this process stays, and the bridge tells at /status what is wrong. */
const needOperator = new Set([
  'position-not-on-server',
  'another-server',
  'binlog-undecodable',
  'server-id-taken',
  'event-too-large',
]);

/**
 * Starts a bridge. While the legacy database is away it is tried again in the background, so that nothing else of this process waits for
 * it. Rejects when the first try finds anything else wrong.
 */
export async function startPatientBridge(config: BridgeConfig, ports: BridgePorts): Promise<PatientBridge> {
  const stopping = new AbortController();
  let bridge: RunningBridge | undefined;
  let fail!: (error: Error) => void;
  const failed = new Promise<Error>((resolve) => {
    fail = resolve;
  });
  const isStarted = async () => {
    try {
      bridge = await startBridge(config, ports);
      void bridge.failed.then((error) => {
        if (!needOperator.has((error as { code?: string }).code ?? '')) fail(error);
      });
      return true;
    } catch (error) {
      if (!(error as { retriable?: boolean }).retriable) throw error;
      ports.logger.warn({ reason: (error as Error).message }, 'the legacy database is away; trying again');
      return false;
    }
  };
  const retry = async () => {
    for (let waitMs = 250; !stopping.signal.aborted; waitMs = Math.min(waitMs * 2, 5_000)) {
      await delay(waitMs, undefined, { signal: stopping.signal }).catch(() => {});
      if (!stopping.signal.aborted && (await isStarted())) return;
    }
  };
  const retrying = (await isStarted()) ? Promise.resolve() : retry().catch(fail);
  return {
    failed,
    async stop() {
      stopping.abort();
      await retrying;
      await bridge?.stop();
    },
  };
}
