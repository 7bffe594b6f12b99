import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventLog } from '../../contract/event-log.ts';
import type { JsonObject } from '../../contract/json.ts';
import type { NewEvent, Origin } from '../../contract/recorded-event.ts';
import { openLog } from '../../event-log/open.ts';
import type { ServicesConfig } from '../../new-services/config.ts';
import { type RunningServices, type ServicesPorts, startServices } from '../../new-services/services.ts';
import { silent } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';

/** A folder that is removed by `remove`. */
export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'services-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Services on a log of their own. */
export interface TestServices extends RunningServices {
  readonly log: EventLog;
  readonly dataDir: string;
}

export const secret = 'a-shared-secret-for-tests';
export const keysFrom = 1_000_000_000;

export function testConfig(dataDir: string, config: Partial<ServicesConfig> = {}): ServicesConfig {
  return { port: 0, waitMs: 100, secret, dataDir, shipments: { keysFrom, keysTo: 1_999_999_999 }, ...config };
}

/** Starts services in a temporary folder; `stop` ends them, closes the log and removes the folder. */
export async function startTestServices(
  config: Partial<ServicesConfig> = {},
  ports: Partial<ServicesPorts> = {},
): Promise<TestServices> {
  const folder = temporaryFolder();
  const log = ports.log ?? openLog(`sqlite:${join(folder.path, 'log.db')}`);
  const dataDir = join(folder.path, 'views');
  const given = { log, logger: silent, metrics: new Metrics(), ...ports };
  const services = await startServices(testConfig(dataDir, config), given);
  return {
    ...services,
    log,
    dataDir,
    async stop() {
      await services.stop();
      await log.close();
      folder.remove();
    },
  };
}

let eventsMade = 0;

/** An event as the bridge or the new side would append it. */
export function event(
  action: string,
  data: JsonObject,
  { origin = 'legacy-cdc', at = '2025-12-01T10:00:00.000Z' }: { origin?: Origin; at?: string } = {},
): NewEvent {
  eventsMade += 1;
  const id = `00000000-0000-4000-8000-${String(eventsMade).padStart(12, '0')}`;
  const position = origin === 'new' ? {} : { position: `mariadb:0-1-${eventsMade}` };
  return {
    id,
    parent: `mariadb:0-1-${eventsMade}`,
    action,
    data,
    meta: { schema: 1, occurredAt: at, origin, ...position },
  };
}

/** Appends to topic `domain` and gives the offset of the last event. */
export async function append(log: EventLog, stream: string, ...events: [NewEvent, ...NewEvent[]]): Promise<number> {
  const [result] = await log.append('domain', [{ stream, expect: 'any', events }]);
  if (result?.kind !== 'appended') throw new Error(`append to ${stream} answered ${result?.kind}`);
  return result.addresses.at(-1)!.offset;
}

/** The columns of shipment 7, as the bridge writes them. */
export const legacyShipment = {
  'customer-id': 3,
  sender: 'bob',
  receiver: 'bill',
  'receiver-phone': null,
  status: 'in_transit',
  price: '12.50',
  'estimated-arrival': '2025-12-24',
  document: null,
  'created-at': '2025-12-01 10:00:00',
} as const;
