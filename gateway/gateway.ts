import { mkdir } from 'node:fs/promises';
import type { EventLog } from '../contract/event-log.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { RunningPart } from '../runtime/part.ts';
import { startAccounting } from './accounting/accounting.ts';
import type { RequestCounts } from './accounting/request-metrics.ts';
import type { Tracing } from './accounting/request-span.ts';
import { startAdmin } from './admin/admin.ts';
import type { RouteView } from './admin/admin-ports.ts';
import { Bypass } from './bypass.ts';
import type { CapabilityConfig, GatewayConfig } from './config.ts';
import { type Evidence, startEvidence } from './evidence/evidence.ts';
import { startFlags } from './flags/flags.ts';
import { BridgeHeads } from './forwarding/bridge-head.ts';
import { Forwarders } from './forwarding/forwarders.ts';
import { Targets } from './forwarding/upstreams/targets.ts';
import { targetsTelemetry } from './forwarding/upstreams/targets-telemetry.ts';
import { startIdentity } from './identity/identity.ts';
import { startJournal } from './journal/journal.ts';
import { createListenerTelemetry } from './listening/listener-telemetry.ts';
import { PublicListener } from './listening/public-listener.ts';
import { RequestFlow } from './request-flow.ts';
import { createRewritingTelemetry } from './rewriting/rewriting-telemetry.ts';
import { stageOf } from './routing/decide.ts';
import { matchText, type Route } from './routing/route.ts';
import { createRouteTable, type RouteTable } from './routing/route-table.ts';
import { splitEntryText } from './routing/split-entry.ts';
import type { Stage } from './routing/stage.ts';
import { type CapabilityShadow, startShadow } from './shadow/shadow.ts';
import { type ShadowTelemetry, shadowTelemetry } from './shadow/shadow-telemetry.ts';
import { createGatewayTelemetry } from './telemetry.ts';

/** What the gateway stands on. */
export interface GatewayPorts {
  /** Opens the event log; may reject, then it is tried again while the gateway serves from its last copy on disk. */
  readonly openLog: () => Promise<EventLog>;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Where sampled requests are recorded as spans; undefined: nowhere. */
  readonly tracing?: Tracing | undefined;
}

/** A gateway that serves. */
export interface RunningGateway extends RunningPart {
  /** `http://127.0.0.1:8080` */
  readonly publicUrl: string;
  readonly adminUrl: string;
  readonly bypass: Bypass;
  /** Reads the certificates of the public listener again; ones that cannot be used leave the old ones. */
  reloadCertificates(): Promise<void>;
  /** The access log's file was moved away: lines from now on go to a new one. */
  reopenLogs(): Promise<void>;
}

/** How long requests in flight may take to finish when the gateway stops; who stops it must wait longer before killing it. */
const drainMs = 10_000;

/**
 * Starts the gateway. A request's way is told in request-flow.ts; here its rooms are built, from what it needs to what needs it:
 * (1) accounting, and the journal: stages, flags and evidence as the log has them, or as they were last on disk; (2) flags; (3) evidence,
 * identity and one shadow per capability; (4) routing, forwarding and the flow that joins them; (5) the two listeners. Neither log, bridge,
 * flag server nor any side needs to be there. Rejects when a port cannot be opened; then everything opened before is closed again.
 */
export async function startGateway(config: GatewayConfig, ports: GatewayPorts): Promise<RunningGateway> {
  const opened: RunningPart[] = [];
  try {
    return await open(config, ports, opened);
  } catch (error) {
    await stopAll(opened);
    throw error;
  }
}

async function open(config: GatewayConfig, ports: GatewayPorts, opened: RunningPart[]): Promise<RunningGateway> {
  const { logger, metrics } = ports;
  const { dataDir } = config;
  await mkdir(dataDir, { recursive: true });
  const telemetry = createGatewayTelemetry(logger, metrics);
  const bypass = new Bypass(dataDir, telemetry.bypassed);

  const accounting = keep(
    opened,
    await startAccounting({
      config: config.accounting,
      secret: config.identity.salt,
      tracing: ports.tracing,
      logger,
      metrics,
    }),
  );
  const journal = keep(opened, await startJournal({ openLog: ports.openLog, dataDir, logger, metrics }));
  const flags = keep(opened, await startFlags({ unleash: config.flags, journal, dataDir, logger, metrics }));
  const evidence = keep(opened, await startEvidence({ journal, dataDir, logger, metrics }));

  const identity = keep(
    opened,
    await startIdentity({
      config: config.identity,
      trustedProxies: config.listeners.public.trustedProxies,
      legacy: config.legacy,
      ids: accounting.ids,
      dataDir,
      logger,
      metrics,
    }),
  );

  const heads = config.bridgeUrl === undefined ? undefined : new BridgeHeads(config.bridgeUrl);
  const { refusedPaths } = config.routing;
  const table = createRouteTable(config.capabilities.flatMap(({ routes }) => routes));
  const targets = keep(opened, openTargets(config, logger, metrics));
  const forwarder = new Forwarders();
  const shadows = new Map<string, CapabilityShadow>();
  const flow = new RequestFlow({
    config,
    routing: () => ({ table, stages: journal.state.stages, flags, bypass: bypass.active, refusedPaths }),
    heads,
    targets,
    shadowOf: (capability) => shadows.get(capability),
    seen: (route) => evidence.seen(route),
    identity,
    accounting,
    telemetry,
    rewritingTelemetry: createRewritingTelemetry(logger, metrics),
  });
  const shadowEvents = shadowTelemetry(logger, metrics);
  for (const capability of config.capabilities) {
    shadows.set(capability.name, keep(opened, openShadow(capability, flow, heads, evidence, shadowEvents)));
  }

  let draining = false;
  const listener = await PublicListener.start(config.listeners.public, {
    handle: (client) => void flow.handle(client),
    forwarder,
    refused(error, { remoteAddress }) {
      telemetry.refused(error);
      accounting.refused(error, { head: { remoteAddress } });
    },
    telemetry: createListenerTelemetry(logger, metrics),
  });
  const publicUrl = listener.url;
  opened.push({
    async stop() {
      draining = true;
      flow.drain();
      await listener.stop(drainMs);
      forwarder.stop();
    },
  });
  const admin = await startAdmin(config.listeners.admin, {
    token: config.listeners.admin.token,
    journal,
    flags,
    unleashUrl: config.flags?.url,
    flagsInUse: () => flagsInUse(table),
    evidence,
    shadows: () => [...shadows.values()].map((shadow) => shadow.status()),
    routes: () => table.routes.map((route) => viewOf(route, journal.state.stages, accounting.countsOf(route.name))),
    explain: (request) => flow.explain(request),
    identity,
    bypass,
    draining: () => draining,
    metrics,
    logger,
  });
  opened.unshift(admin);
  telemetry.started(publicUrl, admin.url);
  return {
    publicUrl,
    adminUrl: admin.url,
    bypass,
    reloadCertificates: () => listener.reloadCertificates(),
    reopenLogs: () => accounting.reopenLog(),
    stop: once(() => stopAll(opened).then(telemetry.stopped)),
  };
}

function openTargets(config: GatewayConfig, logger: Logger, metrics: Metrics): Targets {
  const services = config.capabilities.flatMap(({ service }) => service ?? []);
  const telemetry = targetsTelemetry(logger, metrics);
  return new Targets([config.legacy, ...services], { telemetry, now: () => performance.now() });
}

function openShadow(
  { name, shadow, compare, readYourWrites }: CapabilityConfig,
  flow: RequestFlow,
  heads: BridgeHeads | undefined,
  evidence: Evidence,
  telemetry: ShadowTelemetry,
): CapabilityShadow {
  return startShadow({
    capability: name,
    budget: shadow.budget,
    upstream(exchange, side) {
      const { upstream, target, headers } = flow.sideOf(exchange, side);
      return { origin: upstream.origin, target, headers };
    },
    atLeast: heads && (() => heads.atLeast(readYourWrites.waitMs)),
    rulesOf: (route) => compare.get(route)!,
    evidence,
    telemetry,
  });
}

function viewOf(route: Route, stages: ReadonlyMap<string, Stage>, requests: RequestCounts): RouteView {
  return {
    name: route.name,
    capability: route.capability,
    match: matchText(route.match),
    steps: route.steps,
    stage: stageOf(route, stages),
    serve: route.serve,
    split: route.split.map(splitEntryText),
    requests,
  };
}

function flagsInUse(table: RouteTable): string[] {
  const entries = table.routes.flatMap(({ split }) => split);
  return [...new Set(entries.flatMap((entry) => (entry.kind === 'flag' ? [entry.flag] : [])))].sort();
}

function keep<Part extends RunningPart>(opened: RunningPart[], part: Part): Part {
  opened.push(part);
  return part;
}

/**
 * Closes in the opposite order of opening: first no more requests, last the journal and the admin API, which tells of the stopping itself.
 * All is closed even when one part cannot; then that is thrown.
 */
async function stopAll(opened: RunningPart[]): Promise<void> {
  const failures: unknown[] = [];
  for (const part of opened.splice(0).reverse()) await part.stop().catch((error) => failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures, 'parts of the gateway did not stop');
}

/** Calls `act` once however often it is asked; all callers get the same promise. */
function once(act: () => Promise<void>): () => Promise<void> {
  let acted: Promise<void> | undefined;
  return () => (acted ??= act());
}
