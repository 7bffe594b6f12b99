import type { Logger } from '../runtime/logger.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { RunningPart } from '../runtime/part.ts';
import { createRequestIds } from './accounting/request-ids.ts';
import { Bypass } from './bypass.ts';
import type { GatewayConfig } from './config.ts';
import { type DescribedRequest, type ExplainedRequest, explainRequest } from './explain.ts';
import type { FlagSource } from './flags/flag-source.ts';
import { startFlags } from './flags/flags.ts';
import { type Identity, startIdentity } from './identity/identity.ts';
import { startJournal } from './journal/journal.ts';
import type { Routing } from './routing/decide.ts';
import { createRouteTable, type RouteTable } from './routing/route-table.ts';
import type { Stage } from './routing/stage.ts';

/** What routing without a running gateway stands on. */
export interface OfflinePorts {
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** What somebody supposes where requests are only thought of. */
export interface SupposedState {
  /** Where every route with a rollout stands; undefined: at its first step. */
  readonly stage: Stage | undefined;
  /** The flags that are on; every other one is off. */
  readonly flagsOn: readonly string[];
}

/** What the configuration says of requests, with nothing that serves any. */
export interface Plan extends RunningPart {
  readonly table: RouteTable;
  /** Rejects with a GatewayError for a request that would be refused. */
  explain(described: DescribedRequest, supposed: SupposedState): Promise<ExplainedRequest>;
}

/** Opens the plan alone: no stage, no flag and no bypass that a gateway here may have. */
export async function openPlan(config: GatewayConfig, ports: OfflinePorts): Promise<Plan> {
  const table = tableOf(config);
  const identity = await openIdentity(config, ports);
  return {
    table,
    explain: (described, supposed) =>
      explainRequest(described, { config, identity, routing: supposedRouting(config, table, supposed) }),
    stop: identity.stop,
  };
}

/** An explanation made without a running gateway, and what it stands on. */
export interface OfflineExplanation extends ExplainedRequest {
  readonly offline: { readonly stages: string; readonly flags: string };
}

/**
 * Explains a request as the gateway would that ran here last: from the configuration, and from stages, flags and bypass as it left them on
 * disk. Flags of an Unleash server are asked from it, or taken from the last good copy.
 */
export async function explainOffline(
  config: GatewayConfig,
  described: DescribedRequest,
  { logger, metrics }: OfflinePorts,
): Promise<OfflineExplanation> {
  const { dataDir } = config;
  const journal = await startJournal({ openLog: undefined, dataDir, logger, metrics });
  const flags = await startFlags({ unleash: config.flags, journal, dataDir, logger, metrics });
  const identity = await openIdentity(config, { logger, metrics });
  const { stages, offset } = journal.state;
  const bypass = Bypass.kept(dataDir, () => {}).active;
  const routing: Routing = { table: tableOf(config), stages, flags, bypass, ...config.routing };
  try {
    const explained = await explainRequest(described, { config, identity, routing });
    const offline = { stages: stagesText(stages.size, offset), flags: flags.status().detail };
    return { ...explained, offline };
  } finally {
    await Promise.all([identity.stop(), flags.stop(), journal.stop()]);
  }
}

function stagesText(moved: number, offset: number): string {
  if (moved === 0) return 'each route at its first step: none was ever moved here';
  return `as the gateway left them on disk (offset ${offset} of the log)`;
}

function tableOf({ capabilities }: GatewayConfig): RouteTable {
  return createRouteTable(capabilities.flatMap(({ routes }) => routes));
}

function openIdentity(config: GatewayConfig, { logger, metrics }: OfflinePorts): Promise<Identity> {
  return startIdentity({
    config: config.identity,
    trustedProxies: config.listeners.public.trustedProxies,
    legacy: config.legacy,
    ids: createRequestIds(),
    dataDir: config.dataDir,
    logger,
    metrics,
  });
}

function supposedRouting(config: GatewayConfig, table: RouteTable, { stage, flagsOn }: SupposedState): Routing {
  const stages = new Map(stage ? table.routes.map(({ name }) => [name, stage]) : []);
  return { table, stages, flags: supposedFlags(flagsOn), bypass: false, ...config.routing };
}

function supposedFlags(flagsOn: readonly string[]): FlagSource {
  return {
    evaluate: (flag) => ({ enabled: flagsOn.includes(flag), reason: 'supposed' }),
    status: () => ({ kind: 'fresh', since: new Date(0).toISOString(), detail: 'supposed' }),
    stop: async () => {},
  };
}
