import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import type { EventLog } from '../contract/event-log.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { RunningPart } from '../runtime/part.ts';
import type { Served } from '../runtime/serve.ts';
import { type Accounting, startAccounting } from './accounting/accounting.ts';
import type { Tracing } from './accounting/request-span.ts';
import { startAdmin } from './admin/admin.ts';
import { flagsInUse, viewOf } from './admin/route-view.ts';
import { Bypass } from './bypass.ts';
import type { GatewayConfig } from './config.ts';
import { type Evidence, startEvidence } from './evidence/evidence.ts';
import type { Flags } from './flags/flag-uses.ts';
import { startFlags } from './flags/flags.ts';
import { BridgeHeads } from './forwarding/bridge-head.ts';
import { Forwarders } from './forwarding/forwarders.ts';
import { ReadYourWrites } from './forwarding/read-your-writes.ts';
import { Targets } from './forwarding/upstreams/targets.ts';
import { targetsTelemetry } from './forwarding/upstreams/targets-telemetry.ts';
import { type Journal, startJournal } from './journal/journal.ts';
import { createListenerTelemetry } from './listening/listener-telemetry.ts';
import { PublicListener } from './listening/public-listener.ts';
import { OfferedExchanges } from './offered-exchanges.ts';
import { Plans } from './plans.ts';
import type { ConfigurationSource, ReloadOutcome } from './reload/configuration.ts';
import { reloadTelemetry } from './reload/reload-telemetry.ts';
import { Reloading } from './reload/reloading.ts';
import { RequestFlow } from './request-flow.ts';
import { createRewritingTelemetry } from './rewriting/rewriting-telemetry.ts';
import { shadowTelemetry } from './shadow/shadow-telemetry.ts';
import { createGatewayTelemetry, type GatewayTelemetry } from './telemetry.ts';

/** What the gateway stands on. */
export interface GatewayPorts {
  /** Opens the event log; may reject, then it is tried again while the gateway serves from its last copy on disk. */
  readonly openLog: () => Promise<EventLog>;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Where sampled requests are recorded as spans; undefined: nowhere. */
  readonly tracing?: Tracing | undefined;
  /** Where the configuration is read again from; undefined: it stays as it is. */
  readonly configuration?: ConfigurationSource | undefined;
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

/** How long requests in flight may take to finish when the gateway stops; who stops it must wait longer before killing it. */
const drainMs = 10_000;

/**
 * Starts the gateway. A request's way is told in request-flow.ts; here its rooms are built, from what it needs to what needs it:
 * (1) what outlives every configuration: accounting; the journal, so stages, flags and evidence as the log has them, or as they were last on disk;
 * (2) the plan of this configuration, and how it is replaced by another; (3) the flow of requests; (4) the two listeners. Neither log, bridge,
 * flag server nor any side needs to be there. Rejects when a port cannot be opened; then everything opened before is closed again.
 */
export async function startGateway(config: GatewayConfig, ports: GatewayPorts): Promise<RunningGateway> {
  const opened = new Opened();
  try {
    return await open(config, ports, opened);
  } catch (error) {
    await opened.stop();
    throw error;
  }
}

async function open(config: GatewayConfig, ports: GatewayPorts, opened: Opened): Promise<RunningGateway> {
  const rooms = await openRooms(config, ports, opened);
  const forwarder = new Forwarders();
  const targets = openTargets(ports);
  const exchanges = new OfferedExchanges();
  const pseudonym = `strangler-${randomBytes(6).toString('hex')}`;
  const plans = opened.keep(await openPlans(config, ports, rooms, { forwarder, targets, exchanges, pseudonym }));
  const flow = openFlow(plans, rooms, { exchanges, pseudonym });
  const front = await openFront(config, ports, rooms, { flow, forwarder, opened });
  const reloading = openReloading(config, ports, async (next) => {
    await plans.replace(next);
    front.listener.trust(next.listeners.public.trustedProxies);
  });
  const admin = await openAdmin(config, ports, rooms, { plans, targets, flow, front, reloading });
  opened.keepToTheEnd(admin);
  rooms.telemetry.started(front.listener.url, admin.url);
  return {
    publicUrl: front.listener.url,
    adminUrl: admin.url,
    bypass: rooms.bypass,
    reload: async () => reloading?.reload() ?? { kind: 'unchanged' },
    reloadCertificates: () => front.listener.reloadCertificates(),
    reopenLogs: () => rooms.accounting.reopenLog(),
    stop: once(() => opened.stop().then(rooms.telemetry.stopped)),
  };
}

/** What outlives every configuration. */
interface Rooms {
  readonly telemetry: GatewayTelemetry;
  readonly bypass: Bypass;
  readonly accounting: Accounting;
  readonly journal: Journal;
  readonly flags: Flags;
  readonly evidence: Evidence;
}

async function openRooms(config: GatewayConfig, ports: GatewayPorts, opened: Opened): Promise<Rooms> {
  const { logger, metrics, tracing, openLog } = ports;
  const { dataDir, identity, flags: unleash } = config;
  await mkdir(dataDir, { recursive: true });
  const telemetry = createGatewayTelemetry(logger, metrics);
  const bypass = new Bypass(dataDir, telemetry.bypassed);
  const accountingPorts = { config: config.accounting, secret: identity.salt, tracing, logger, metrics };
  const accounting = opened.keep(await startAccounting(accountingPorts));
  const journal = opened.keep(await startJournal({ openLog, dataDir, logger, metrics }));
  const flags = opened.keep(await startFlags({ unleash, journal, dataDir, logger, metrics }));
  const evidence = opened.keep(await startEvidence({ journal, dataDir, logger, metrics }));
  return { telemetry, bypass, accounting, journal, flags, evidence };
}

function openTargets({ logger, metrics }: GatewayPorts): Targets {
  return new Targets({ telemetry: targetsTelemetry(logger, metrics), now: () => performance.now() });
}

function openPlans(
  config: GatewayConfig,
  { logger, metrics }: GatewayPorts,
  { telemetry, accounting, evidence }: Rooms,
  own: { forwarder: Forwarders; targets: Targets; exchanges: OfferedExchanges; pseudonym: string },
): Promise<Plans> {
  const heads = config.bridgeUrl === undefined ? undefined : new BridgeHeads(config.bridgeUrl);
  return Plans.open(config, {
    ...own,
    ids: accounting.ids,
    heads,
    readYourWrites: heads && new ReadYourWrites(heads),
    evidence,
    telemetry,
    rewritingTelemetry: createRewritingTelemetry(logger, metrics),
    shadowTelemetry: shadowTelemetry(logger, metrics),
    logger,
    metrics,
  });
}

function openFlow(
  plans: Plans,
  { telemetry, bypass, accounting, journal, flags, evidence }: Rooms,
  own: { exchanges: OfferedExchanges; pseudonym: string },
): RequestFlow {
  return new RequestFlow({
    ...own,
    plans,
    routing: ({ table, config: { routing } }) => ({
      table,
      stages: journal.state.stages,
      flags,
      bypass: bypass.active,
      refusedPaths: routing.refusedPaths,
    }),
    seen: (route) => evidence.seen(route),
    accounting,
    telemetry,
  });
}

/** Where clients come in. */
interface Front {
  readonly listener: PublicListener;
  /** It is closing: no more requests should come. */
  readonly draining: boolean;
}

async function openFront(
  config: GatewayConfig,
  { logger, metrics }: GatewayPorts,
  { telemetry, accounting }: Rooms,
  { flow, forwarder, opened }: { flow: RequestFlow; forwarder: Forwarders; opened: Opened },
): Promise<Front> {
  const { legacy, capabilities, listeners } = config;
  const listener = await PublicListener.start(listeners.public, {
    handle: (client) => void flow.handle(client),
    // Wire hands over what is not for it: after a reload it is right in either case, only not as fast.
    wire: [legacy, ...capabilities.map(({ service }) => service)].some((upstream) => upstream?.forwarder === 'wire'),
    forwarder,
    refused(error, { remoteAddress }) {
      telemetry.refused(error);
      accounting.refused(error, { head: { remoteAddress } });
    },
    telemetry: createListenerTelemetry(logger, metrics),
  });
  const front = { listener, draining: false };
  opened.keep({
    async stop() {
      front.draining = true;
      flow.drain();
      await listener.stop(drainMs);
      forwarder.stop();
    },
  });
  return front;
}

function openReloading(
  config: GatewayConfig,
  { configuration, logger, metrics }: GatewayPorts,
  apply: (next: GatewayConfig) => Promise<void>,
): Reloading | undefined {
  const telemetry = reloadTelemetry(logger, metrics);
  return (
    configuration && new Reloading({ config, source: configuration, telemetry, apply: (read) => apply(read.config) })
  );
}

function openAdmin(
  { listeners, flags: unleash }: GatewayConfig,
  { logger, metrics }: GatewayPorts,
  { bypass, accounting, journal, flags, evidence }: Rooms,
  own: { plans: Plans; targets: Targets; flow: RequestFlow; front: Front; reloading: Reloading | undefined },
): Promise<Served> {
  const { plans, targets, flow, front, reloading } = own;
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
    bypass,
    draining: () => front.draining,
    metrics,
    logger,
  });
}

/** What was opened, to be closed in the opposite order. */
class Opened {
  readonly #parts: RunningPart[] = [];

  keep<Part extends RunningPart>(part: Part): Part {
    this.#parts.push(part);
    return part;
  }

  /** It is closed when all else is: it tells of the stopping itself. */
  keepToTheEnd(part: RunningPart): void {
    this.#parts.unshift(part);
  }

  /** First no more requests, last the journal and the admin API. All is closed even when one part cannot; then that is thrown. */
  async stop(): Promise<void> {
    const failures: unknown[] = [];
    for (const part of this.#parts.splice(0).reverse()) await part.stop().catch((error) => failures.push(error));
    if (failures.length > 0) throw new AggregateError(failures, 'parts of the gateway did not stop');
  }
}

/** Calls `act` once however often it is asked; all callers get the same promise. */
function once(act: () => Promise<void>): () => Promise<void> {
  let acted: Promise<void> | undefined;
  return () => (acted ??= act());
}
