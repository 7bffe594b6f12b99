import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import type { EventLog } from '../contract/event-log.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { type Accounting, startAccounting } from './accounting/accounting.ts';
import type { Tracing } from './accounting/request-span.ts';
import type { Bypass } from './bypass.ts';
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
import { OfferedExchanges } from './offered-exchanges.ts';
import type { Opened } from './opened.ts';
import { Plans } from './plans.ts';
import { RequestFlow } from './request-flow.ts';
import { createRewritingTelemetry } from './rewriting/rewriting-telemetry.ts';
import { shadowTelemetry } from './shadow/shadow-telemetry.ts';
import { createGatewayTelemetry, type GatewayTelemetry } from './telemetry.ts';

/** What every process of a gateway stands on. */
export interface RoomPorts {
  /** Opens the event log; may reject, then it is tried again while the gateway serves from its last copy on disk. */
  readonly openLog: () => Promise<EventLog>;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Where sampled requests are recorded as spans; undefined: nowhere. */
  readonly tracing?: Tracing | undefined;
  /** Told of each client that wrote through legacy, for other processes whose next requests may be that client's; undefined: there are none. */
  readonly tellWrite?: ((client: string, waitMs: number) => void) | undefined;
}

/** What a process of a gateway knows and does, whether requests come to it, orders, or both. */
export interface Rooms {
  readonly telemetry: GatewayTelemetry;
  readonly bypass: Bypass;
  readonly accounting: Accounting;
  readonly journal: Journal;
  readonly flags: Flags;
  readonly evidence: Evidence;
  readonly targets: Targets;
  /** Undefined without a bridge. */
  readonly readYourWrites: ReadYourWrites | undefined;
  readonly plans: Plans;
  readonly forwarder: Forwarders;
  readonly flow: RequestFlow;
}

/**
 * Builds the rooms, from what is needed to what needs it: (1) accounting; (2) what the log tells: the journal, and on it flags and evidence;
 * (3) the plan of this configuration, to be replaced by others; (4) the flow of requests, which joins them.
 */
export async function openRooms(
  config: GatewayConfig,
  ports: RoomPorts,
  bypassOf: (telemetry: GatewayTelemetry) => Bypass,
  opened: Opened,
): Promise<Rooms> {
  const { logger, metrics, tracing, openLog } = ports;
  const { dataDir, identity, flags: unleash } = config;
  await mkdir(dataDir, { recursive: true });
  const telemetry = createGatewayTelemetry(logger, metrics);
  const accountingPorts = { config: config.accounting, secret: identity.salt, tracing, logger, metrics };
  const accounting = opened.keep(await startAccounting(accountingPorts));
  const journal = opened.keep(await startJournal({ openLog, dataDir, logger, metrics }));
  const flags = opened.keep(await startFlags({ unleash, journal, dataDir, logger, metrics }));
  const evidence = opened.keep(await startEvidence({ journal, dataDir, logger, metrics }));
  const known = { telemetry, bypass: bypassOf(telemetry), accounting, journal, flags, evidence };
  const heads = config.bridgeUrl === undefined ? undefined : new BridgeHeads(config.bridgeUrl);
  const own = {
    heads,
    readYourWrites: heads && new ReadYourWrites(heads, ports.tellWrite),
    forwarder: new Forwarders(),
    targets: new Targets({ telemetry: targetsTelemetry(logger, metrics), now: () => performance.now() }),
    exchanges: new OfferedExchanges(),
    pseudonym: `strangler-${randomBytes(6).toString('hex')}`,
  };
  const plans = opened.keep(await openPlans(config, ports, known, own));
  const { forwarder, targets, readYourWrites } = own;
  return { ...known, targets, readYourWrites, plans, forwarder, flow: openFlow(plans, known, own) };
}

type Known = Omit<Rooms, 'targets' | 'readYourWrites' | 'plans' | 'forwarder' | 'flow'>;

interface Own {
  readonly heads: BridgeHeads | undefined;
  readonly readYourWrites: ReadYourWrites | undefined;
  readonly forwarder: Forwarders;
  readonly targets: Targets;
  readonly exchanges: OfferedExchanges;
  readonly pseudonym: string;
}

function openPlans(
  config: GatewayConfig,
  { logger, metrics }: RoomPorts,
  { telemetry, accounting, evidence }: Known,
  own: Own,
): Promise<Plans> {
  return Plans.open(config, {
    ...own,
    ids: accounting.ids,
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
  { telemetry, bypass, accounting, journal, flags, evidence }: Known,
  { exchanges, pseudonym }: Own,
): RequestFlow {
  return new RequestFlow({
    exchanges,
    pseudonym,
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
