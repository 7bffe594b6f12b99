import { createServer } from 'node:http';
import type { EventLog } from '../contract/event-log.ts';
import type { EventSpans } from '../contract/event-spans.ts';
import type { RecordedEvent } from '../contract/recorded-event.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { RunningPart } from '../runtime/part.ts';
import { type Served, serve } from '../runtime/serve.ts';
import type { ServicesConfig } from './config.ts';
import { type CommandProcessor, startCommandProcessor } from './event-sourcing/command-processor.ts';
import { decideDry, handleCommand } from './event-sourcing/handle-command.ts';
import { type RunningProjection, startProjection } from './event-sourcing/run-projection.ts';
import { commandRoutes } from './http/command-routes.ts';
import { healthRoutes } from './http/health-routes.ts';
import { facadeRoutes } from './http/legacy-facade/facade-routes.ts';
import { queryRoutes } from './http/query-routes.ts';
import { type Route, router } from './http/router.ts';
import { type UpdatePace, usualPace } from './http/update-ports.ts';
import { updateRoutes } from './http/update-sse.ts';
import { serveWebSocketUpdates } from './http/update-websocket.ts';
import { type EstimateArrival, inThreeDays } from './shipments/estimate-arrival.ts';
import { shipmentHandling } from './shipments/shipment-handling.ts';
import { ShipmentKeys } from './shipments/shipment-keys.ts';
import { shipmentsView } from './shipments/shipments-view.ts';
import { upcast } from './shipments/upcasters.ts';
import { type ServicesTelemetry, servicesTelemetry } from './telemetry.ts';

/** What the services take from outside. The log stays the caller's: they do not close it. */
export interface ServicesPorts {
  readonly log: EventLog;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Records what is projected as spans of the requests that caused it. */
  readonly spans?: EventSpans | undefined;
  /** Default: the system's clock. */
  readonly now?: () => Date;
  /** Default: in three days. */
  readonly estimateArrival?: EstimateArrival;
  readonly updatePace?: UpdatePace;
}

/** The running services. */
export interface RunningServices extends RunningPart {
  readonly port: number;
  /** `http://127.0.0.1:8082` */
  readonly url: string;
}

/**
 * Starts the services. A command's way: `POST /command/{id}` → topic `commands` → processor → decider → topic `domain` → projection →
 * `POST /query`, `GET /shipments` and `GET /update`. Nothing but the log connects the steps, so a kill between any two loses nothing.
 *
 * Rejects with the system's error when the port is taken, and with `projection-of-another-log`.
 */
export async function startServices(config: ServicesConfig, ports: ServicesPorts): Promise<RunningServices> {
  const telemetry = servicesTelemetry(ports.logger, ports.metrics);
  const handling = handlingOf(config, ports);
  const view = await startView(config, ports, telemetry);
  const processor = startProcessor(ports, handling, telemetry);
  const parts = { handling, view, processor, stopping: new AbortController() };
  try {
    const served = await listen(config, ports, telemetry, parts);
    telemetry.started(served.url);
    let stopped: Promise<void> | undefined;
    return {
      port: served.port,
      url: served.url,
      stop() {
        stopped ??= stopAll(served, parts);
        return stopped;
      },
    };
  } catch (error) {
    await stopFollowing(parts);
    throw error;
  }
}

interface Parts {
  readonly handling: ReturnType<typeof handlingOf>;
  readonly view: RunningProjection;
  readonly processor: CommandProcessor;
  readonly stopping: AbortController;
}

async function stopAll(served: Served, parts: Parts): Promise<void> {
  parts.stopping.abort();
  await served.stop();
  await stopFollowing(parts);
}

async function stopFollowing({ processor, view }: Parts): Promise<void> {
  await processor.stop();
  await view.stop();
}

function startView({ dataDir }: ServicesConfig, { log, spans }: ServicesPorts, telemetry: ServicesTelemetry) {
  const told = {
    advanced: telemetry.projectionAdvanced,
    switched: telemetry.projectionBuilt,
    failed: telemetry.projectionFailed,
  };
  const projected = spans && recordProjected(spans);
  return startProjection({ log, dataDir, upcast, projected, ...told }, shipmentsView);
}

function recordProjected(spans: EventSpans) {
  return (events: readonly RecordedEvent[], startTime: number) => {
    const endTime = Date.now();
    for (const event of events)
      if (event.meta.traceparent !== undefined) spans.projected(event, shipmentsView.name, startTime, endTime);
  };
}

function handlingOf(
  { shipments }: ServicesConfig,
  { log, now = systemClock, estimateArrival = inThreeDays }: ServicesPorts,
) {
  return shipmentHandling({ log, keys: new ShipmentKeys(log, shipments), now, estimateArrival });
}

function startProcessor(
  { log }: ServicesPorts,
  handling: Parts['handling'],
  telemetry: ServicesTelemetry,
): CommandProcessor {
  return startCommandProcessor({
    log,
    now: handling.now,
    handle: (command) => handleCommand(handling, command),
    settled: telemetry.commandSettled,
    failed: telemetry.processorFailed,
  });
}

function listen(config: ServicesConfig, ports: ServicesPorts, telemetry: ServicesTelemetry, parts: Parts) {
  const { log, metrics, updatePace: pace = usualPace } = ports;
  const { handling, view, processor } = parts;
  const stopping = parts.stopping.signal;
  const reads = { view, waitMs: config.waitMs };
  const updates = { log, upcast, telemetry, stopping, pace };
  const routes: Route[] = [
    ...commandRoutes({ log, now: handling.now, stopping, decideDry: (command) => decideDry(handling, command) }),
    ...queryRoutes({ log, reads }),
    ...updateRoutes(updates),
    ...facadeRoutes({ reads, secret: config.secret }),
    ...healthRoutes({ log, view, processor, metrics, telemetry }),
  ];
  const server = createServer(router(routes, telemetry));
  serveWebSocketUpdates(server, updates);
  return serve(server, { port: config.port });
}

function systemClock(): Date {
  return new Date();
}
