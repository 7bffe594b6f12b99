import { isDeepStrictEqual } from 'node:util';
import type { Logger } from '../runtime/logger.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { RequestIds } from './accounting/request-ids.ts';
import { ActivePlan, type Held } from './active-plan.ts';
import type { CapabilityConfig, GatewayConfig } from './config.ts';
import type { EvidenceSink } from './evidence/shadow-result.ts';
import type { BridgeHeads } from './forwarding/bridge-head.ts';
import type { UpstreamConfig } from './forwarding/config.ts';
import { ErrorPages } from './forwarding/error-pages.ts';
import type { Forwarders } from './forwarding/forwarders.ts';
import type { ReadYourWrites } from './forwarding/read-your-writes.ts';
import type { ServingPorts } from './forwarding/serve-request.ts';
import { Sides } from './forwarding/sides.ts';
import type { Targets } from './forwarding/upstreams/targets.ts';
import { type Identity, startIdentity } from './identity/identity.ts';
import type { OfferedExchanges } from './offered-exchanges.ts';
import type { RewritingTelemetry } from './rewriting/rewriting-telemetry.ts';
import { createRouteTable } from './routing/route-table.ts';
import { type CapabilityShadow, startShadow } from './shadow/shadow.ts';
import type { ShadowTelemetry } from './shadow/shadow-telemetry.ts';
import type { GatewayTelemetry } from './telemetry.ts';

/** What plans stand on: it outlives each of them. */
export interface PlanRooms {
  /** This gateway's name in Via. */
  readonly pseudonym: string;
  readonly ids: RequestIds;
  readonly targets: Targets;
  readonly forwarder: Pick<Forwarders, 'forget'>;
  /** Undefined without a bridge. */
  readonly heads: BridgeHeads | undefined;
  readonly readYourWrites: ReadYourWrites | undefined;
  readonly exchanges: OfferedExchanges;
  readonly evidence: EvidenceSink;
  readonly telemetry: GatewayTelemetry;
  readonly rewritingTelemetry: RewritingTelemetry;
  readonly shadowTelemetry: ShadowTelemetry;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/**
 * Builds a plan: upstreams, identity, one shadow per capability, the table of routes. What is the same as in the plan before is taken over with
 * its state: breakers, kept connections, known users, queues. Rejects when a file that the configuration names cannot be used; then
 * everything opened for it is closed again.
 */
export async function buildPlan(
  wanted: GatewayConfig,
  before: ActivePlan | undefined,
  rooms: PlanRooms,
): Promise<ActivePlan> {
  const config = before ? keepUpstreams(wanted, before.config) : wanted;
  const held = new Map<object, Held>();
  try {
    for (const upstream of upstreamsOf(config)) {
      held.set(upstream, before?.held.get(upstream) ?? openUpstream(upstream, rooms));
    }
    const identity = sameIdentity(config, before) ?? (await openIdentity(config, rooms));
    held.set(identity, { finish: identity.stop, stop: identity.stop });
    const shadows = new Map(
      config.capabilities.map((one) => [one.name, sameShadow(one, config, before) ?? openShadow(one, rooms)]),
    );
    for (const shadow of shadows.values())
      held.set(shadow, { finish: () => shadow.finish(), stop: () => shadow.stop() });
    const table = createRouteTable(config.capabilities.flatMap(({ routes }) => routes));
    return new ActivePlan({ config, table, identity, shadows, serving: servingPorts(config, identity, rooms), held });
  } catch (error) {
    for (const [key, part] of held) if (!before?.held.has(key)) await part.stop();
    throw error;
  }
}

/** Upstreams of a configuration: legacy, and each capability's new side. */
function upstreamsOf({ legacy, capabilities }: GatewayConfig): UpstreamConfig[] {
  return [legacy, ...capabilities.flatMap(({ service }) => service ?? [])];
}

/** The configuration with the very upstreams of the one before where they are equal: connections, breakers and limits go by them. */
function keepUpstreams(config: GatewayConfig, before: GatewayConfig): GatewayConfig {
  const known = new Map(upstreamsOf(before).map((upstream) => [upstream.name, upstream]));
  const keep = (upstream: UpstreamConfig): UpstreamConfig => {
    const same = known.get(upstream.name);
    return same && isDeepStrictEqual(same, upstream) ? same : upstream;
  };
  const capabilities = config.capabilities.map((one) => ({ ...one, service: one.service && keep(one.service) }));
  return { ...config, legacy: keep(config.legacy), capabilities };
}

function openUpstream(upstream: UpstreamConfig, { targets, forwarder }: PlanRooms): Held {
  targets.open(upstream);
  const stop = async () => {
    targets.close(upstream);
    forwarder.forget(upstream);
  };
  return { finish: stop, stop };
}

function sameIdentity(config: GatewayConfig, before: ActivePlan | undefined): Identity | undefined {
  if (!before || config.legacy !== before.config.legacy) return undefined;
  const trusted = ({ listeners }: GatewayConfig) => listeners.public.trustedProxies.map(({ text }) => text);
  const same =
    isDeepStrictEqual(config.identity, before.config.identity) &&
    isDeepStrictEqual(trusted(config), trusted(before.config));
  return same ? before.identity : undefined;
}

function openIdentity(config: GatewayConfig, { ids, logger, metrics }: PlanRooms): Promise<Identity> {
  const { identity, listeners, legacy, dataDir } = config;
  const { trustedProxies } = listeners.public;
  return startIdentity({ config: identity, trustedProxies, legacy, ids, dataDir, logger, metrics });
}

/** A shadow stays while both sides and its budget do; routes and rules of comparison go by the plan of each exchange. */
function sameShadow(
  wanted: CapabilityConfig,
  config: GatewayConfig,
  before: ActivePlan | undefined,
): CapabilityShadow | undefined {
  const known = before?.config.capabilities.find(({ name }) => name === wanted.name);
  const same =
    known !== undefined &&
    config.legacy === before?.config.legacy &&
    wanted.service === known.service &&
    wanted.readYourWrites.waitMs === known.readYourWrites.waitMs &&
    isDeepStrictEqual(wanted.shadow.budget, known.shadow.budget);
  return same ? before?.shadows.get(wanted.name) : undefined;
}

function openShadow({ name, shadow, readYourWrites }: CapabilityConfig, rooms: PlanRooms): CapabilityShadow {
  const { exchanges, heads, evidence, shadowTelemetry } = rooms;
  return startShadow({
    capability: name,
    budget: shadow.budget,
    upstream(exchange, side) {
      const { upstream, target, headers } = exchanges.sideOf(exchange, side);
      return { upstream, target, headers };
    },
    atLeast: heads && (() => heads.atLeast(readYourWrites.waitMs)),
    rulesOf: (exchange) => exchanges.rulesOf(exchange),
    evidence,
    telemetry: shadowTelemetry,
  });
}

function servingPorts(config: GatewayConfig, identity: Identity, rooms: PlanRooms): ServingPorts {
  const { pseudonym, targets, readYourWrites, rewritingTelemetry, telemetry } = rooms;
  return {
    sides: new Sides(config, pseudonym),
    targets,
    errorPages: new ErrorPages(config.errorPages),
    identity,
    readYourWrites,
    waitMs: Math.max(200, ...config.capabilities.map(({ readYourWrites: { waitMs } }) => waitMs)),
    rewritingTelemetry,
    fellBack: ({ reception, decision }, reason) => telemetry.fellBack(reception, decision, reason),
  };
}
