/** The bridge in a process of its own. Arguments: database, log, and what to do first (`initial` or `never`); tells what it cost when told where to stop. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { startBridge } from '../../cdc-bridge/bridge.ts';
import { bridgeCapability, bridgeLegacy } from '../../cdc-bridge/config.ts';
import { openLog } from '../../event-log/open.ts';
import { silent } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { endWithParent } from '../helper-process.ts';

/** What a run came to. */
export interface BridgeCost {
  /** CPU time of the process, all threads, from before the bridge was started. */
  readonly cpuMicroseconds: number;
  readonly events: number;
  /** The most memory that the process has held. */
  readonly peakMebibytes: number;
}

const rules = {
  'order-imported': { op: 'r', data: '*' },
  'order-placed': { op: 'c', data: '*' },
  'order-changed': { op: 'u', data: '*' },
};

const [url, logUrl, snapshotMode, keep] = process.argv.slice(2) as [string, string, string, string];
endWithParent();
const { database } = z.object(bridgeLegacy).parse({
  database: { url, snapshotMode, ...(keep === 'keep' ? {} : { keepRowChanges: false }) },
});
const { tables } = z.object(bridgeCapability).parse({
  tables: { orders: { key: 'id', stream: 'order-{id}', events: rules } },
});
const log = openLog(logUrl);
const before = process.cpuUsage();
const bridge = await startBridge(
  { name: 'bench', database: database!, tables: tables!, port: 0 },
  { log, logger: silent, metrics: new Metrics() },
);
bridge.failed.then((error) => {
  throw error;
});

process.once('message', async () => {
  await caughtUp();
  const { user, system } = process.cpuUsage(before);
  const peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1_024;
  const { events } = await bridge.status();
  await bridge.stop();
  await log.close();
  process.send!({ cpuMicroseconds: user + system, events, peakMebibytes: peak } satisfies BridgeCost);
});
process.send!({ ready: true });

/** Waits until everything that is committed now is on the log. */
async function caughtUp(): Promise<void> {
  for (;;) {
    const answer = await fetch(`${bridge.url}/head?waitMs=30000`);
    if (answer.ok) return;
    const problem = await answer.text();
    if (answer.status !== 504) throw new Error(problem);
  }
}
