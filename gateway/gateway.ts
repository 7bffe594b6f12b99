import type { RunningPart } from '../runtime/part.ts';
import type { Served } from '../runtime/serve.ts';
import { startAdmin } from './admin/admin.ts';
import { flagsInUse, viewOf } from './admin/route-view.ts';
import { Bypass } from './bypass.ts';
import type { GatewayConfig } from './config.ts';
import { type Front, openFront } from './front.ts';
import { type Opened, openAll } from './opened.ts';
import type { ConfigurationSource, ReadConfiguration, ReloadOutcome } from './reload/configuration.ts';
import { reloadTelemetry } from './reload/reload-telemetry.ts';
import { Reloading } from './reload/reloading.ts';
import { openRooms, type RoomPorts, type Rooms } from './rooms.ts';
import { leadWorkers } from './workers/lead-workers.ts';
import { noWorkers, type WorkerCrew, type Workers } from './workers/workers.ts';

/** What the gateway stands on. */
export interface GatewayPorts extends RoomPorts {
  /** Where the configuration is read again from; undefined: it stays as it is. */
  readonly configuration?: ConfigurationSource | undefined;
  /** Serve requests in place of this process, which then leads them and has the admin API alone. */
  readonly workers?: WorkerCrew | undefined;
}

/** A gateway that serves. */
export interface RunningGateway extends RunningPart {
  /** `http://127.0.0.1:8080` */
  readonly publicUrl: string;
  readonly adminUrl: string;
  readonly bypass: Bypass;
  /** Reads the configuration again, and goes on by it or by the one that runs. */
  reload(): Promise<ReloadOutcome>;
  /** Reads the certificates of the public listener again; ones that cannot be used leave the old ones. */
  reloadCertificates(): Promise<void>;
  /** The access log's file was moved away: lines from now on go to a new one. */
  reopenLogs(): Promise<void>;
}

/**
 * Starts the gateway. A request's way is told in request-flow.ts; here is what stands around it, from what is needed to what needs it: (1) the rooms: what
 * the log tells, the plan of this configuration, the flow of requests; (2) the front, where clients come in: a listener, or workers who have one
 * each; (3) reloading, which replaces the plan; (4) the admin API. Neither log, bridge, flag server nor any side needs to be there. Rejects when a
 * port cannot be opened; then everything opened before is closed again.
 */
export function startGateway(config: GatewayConfig, ports: GatewayPorts): Promise<RunningGateway> {
  return openAll((opened) => open(config, ports, opened));
}

async function open(config: GatewayConfig, ports: GatewayPorts, opened: Opened): Promise<RunningGateway> {
  const { workers: crew } = ports;
  const bypassOf = ({ bypassed }: Rooms['telemetry']) => Bypass.kept(config.dataDir, bypassed);
  const rooms = await openRooms(config, ports, bypassOf, opened);
  const front = opened.keep(crew ? await leadWorkers(crew, rooms) : await openFront(config, ports, rooms));
  const reloading = openReloading(config, ports, (read) => front.apply(read));
  const admin = await openAdmin(config, ports, rooms, { front, reloading, workers: crew ?? noWorkers });
  opened.keepToTheEnd(admin);
  rooms.telemetry.started(front.url, admin.url);
  let stopped: Promise<void> | undefined;
  return {
    publicUrl: front.url,
    adminUrl: admin.url,
    bypass: rooms.bypass,
    reload: async () => reloading?.reload() ?? { kind: 'unchanged' },
    reloadCertificates: () => front.reloadCertificates(),
    reopenLogs: () => front.reopenLogs(),
    stop: () => (stopped ??= opened.stop().then(rooms.telemetry.stopped)),
  };
}

function openReloading(
  config: GatewayConfig,
  { configuration, logger, metrics }: GatewayPorts,
  apply: (read: ReadConfiguration) => Promise<void>,
): Reloading | undefined {
  const telemetry = reloadTelemetry(logger, metrics);
  return configuration && new Reloading({ config, source: configuration, telemetry, apply });
}

function openAdmin(
  { listeners, flags: unleash }: GatewayConfig,
  { logger, metrics }: GatewayPorts,
  { bypass, accounting, journal, flags, evidence, targets, plans, flow }: Rooms,
  { front, reloading, workers }: { front: Front; reloading: Reloading | undefined; workers: Workers },
): Promise<Served> {
  return startAdmin(listeners.admin, {
    token: listeners.admin.token,
    journal,
    flags,
    unleashUrl: unleash?.url,
    flagsInUse: () => flagsInUse(plans.current.table),
    evidence,
    targets: () => targets.status(),
    shadows: () => [...plans.current.shadows.values()].map((shadow) => shadow.status()),
    routes: () =>
      plans.current.table.routes.map((route) => viewOf(route, journal.state.stages, accounting.countsOf(route.name))),
    explain: (request) => flow.explain(request),
    identityTroubles: () => plans.current.identity.troubles(),
    reloading,
    workers,
    bypass,
    draining: () => front.draining(),
    metrics,
    logger,
  });
}
