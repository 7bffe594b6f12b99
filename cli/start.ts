import type { EventLog } from '../contract/event-log.ts';
import type { EventSpans } from '../contract/event-spans.ts';
import { openLog } from '../event-log/open.ts';
import type { Tracing } from '../gateway/accounting/request-span.ts';
import type { RunningGateway } from '../gateway/gateway.ts';
import { servicesConfig } from '../new-services/config.ts';
import { createLogger } from '../runtime/logger.ts';
import { Metrics } from '../runtime/metrics.ts';
import type { RunningPart } from '../runtime/part.ts';
import { bridgeConfig } from './bridge-slice.ts';
import { configurationFiles } from './config/load.ts';
import { configurationSource } from './configuration-source.ts';
import { gatewayConfigOf } from './gateway-slice.ts';
import type { PartName } from './parts.ts';
import type { PatientBridge } from './patient-bridge.ts';
import { rememberGateway } from './running-gateway.ts';
import { snapshotBar } from './snapshot-bar.ts';
import { startOtlpOf } from './start-otlp.ts';
import type { System } from './system.ts';
import { watchFiles } from './watch-files.ts';
import type { ForkedCrew } from './workers/crew.ts';

/** Parts running in this process. */
export interface RunningParts {
  /** Resolves with the error of a part that cannot go on, so that the process ends and is started again. */
  readonly failed: Promise<Error>;
  /** Log files were moved away: lines from now on go to new ones. */
  reopenLogs(): Promise<void>;
  /** The gateway reads its configuration again; what came of it is told in its log. */
  reload(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts parts in this process: services and bridge on one open log, then the gateway, which opens the log itself because it must serve
 * without it. Whatever has started is stopped again when a later one cannot. The code of a part is loaded when that part is started.
 */
export async function startParts(system: System, names: readonly PartName[]): Promise<RunningParts> {
  const started: RunningPart[] = [];
  const stop = async () => {
    for (const part of started.reverse()) await part.stop();
  };
  const failures: Promise<Error>[] = [];
  let gateway: RunningGateway | undefined;
  try {
    if (names.includes('services') || names.includes('bridge')) {
      const metrics = new Metrics();
      const otlp = await startOtlpOf(system, 'strangler-data', metrics);
      if (otlp) started.push(otlp);
      const log = openLog(system.logUrl, { logger: createLogger('log'), metrics });
      started.push({ stop: () => log.close() });
      if (names.includes('services')) started.push(await startServicesOf(system, log, metrics, otlp?.eventSpans));
      if (names.includes('bridge')) {
        const bridge = await startBridgeOf(system, log, metrics, otlp?.eventSpans);
        started.push(bridge);
        failures.push(bridge.failed);
      }
    }
    if (names.includes('gateway')) {
      const metrics = new Metrics();
      const otlp = await startOtlpOf(system, 'strangler-gateway', metrics);
      if (otlp) started.push(otlp);
      gateway = await startGatewayOf(system, metrics, otlp?.tracing);
      started.push(gateway, reloadOnChange(system, gateway), remembered(system));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    failed: Promise.race([...failures, new Promise<never>(() => {})]),
    reopenLogs: async () => gateway?.reopenLogs(),
    async reload() {
      await gateway?.reload();
    },
    stop,
  };
}

async function startServicesOf(
  { configuration, dataDir, secrets }: System,
  log: EventLog,
  metrics: Metrics,
  spans: EventSpans | undefined,
): Promise<RunningPart> {
  const { startServices } = await import('../new-services/services.ts');
  const config = servicesConfig(configuration.services!, { dataDir, secret: secrets });
  return startServices(config, { log, logger: createLogger('services'), metrics, spans });
}

async function startBridgeOf(
  system: System,
  log: EventLog,
  metrics: Metrics,
  spans: EventSpans | undefined,
): Promise<PatientBridge> {
  const { startPatientBridge } = await import('./patient-bridge.ts');
  const ports = { log, logger: createLogger('bridge'), metrics, spans, onSnapshot: snapshotBar(process.stderr) };
  const { loadMappingFunctions } = await import('./mapping-functions.ts');
  const functions = await loadMappingFunctions(system);
  return startPatientBridge(bridgeConfig(system.configuration, functions), ports);
}

async function startGatewayOf(system: System, metrics: Metrics, tracing: Tracing | undefined): Promise<RunningGateway> {
  const { startGateway } = await import('../gateway/gateway.ts');
  const logger = createLogger('gateway');
  return startGateway(gatewayConfigOf(system), {
    openLog: async () => openLog(system.logUrl, { logger }),
    logger,
    metrics,
    tracing,
    configuration: configurationSource(system),
    workers: await crewOf(system, metrics),
  });
}

/** Who serves requests in place of this process; undefined where it does so itself. */
async function crewOf(system: System, metrics: Metrics): Promise<ForkedCrew | undefined> {
  if (system.configuration.workers === 1) return undefined;
  const { ForkedCrew } = await import('./workers/crew.ts');
  return new ForkedCrew(system, { logger: createLogger('workers'), metrics });
}

/** Commands find the gateway that runs, whatever stands in its files meanwhile. */
function remembered(system: System): RunningPart {
  const forget = rememberGateway(system);
  return { stop: async () => forget() };
}

/** Files that were changed are taken over without being asked. */
function reloadOnChange({ path, environment }: System, gateway: RunningGateway): RunningPart {
  const files = () => configurationFiles(path, environment);
  const end = watchFiles(files, () => void gateway.reload());
  return { stop: async () => end() };
}
