import { startAccounting } from '../../gateway/accounting/accounting.ts';
import type { GatewayConfig } from '../../gateway/config.ts';
import type { ForwarderName } from '../../gateway/forwarding/config.ts';
import { Forwarders } from '../../gateway/forwarding/forwarders.ts';
import { Targets } from '../../gateway/forwarding/upstreams/targets.ts';
import { targetsTelemetry } from '../../gateway/forwarding/upstreams/targets-telemetry.ts';
import { createListenerTelemetry } from '../../gateway/listening/listener-telemetry.ts';
import { PublicListener } from '../../gateway/listening/public-listener.ts';
import { OfferedExchanges } from '../../gateway/offered-exchanges.ts';
import { Plans } from '../../gateway/plans.ts';
import { RequestFlow } from '../../gateway/request-flow.ts';
import { createRewritingTelemetry } from '../../gateway/rewriting/rewriting-telemetry.ts';
import { shadowTelemetry } from '../../gateway/shadow/shadow-telemetry.ts';
import { createGatewayTelemetry } from '../../gateway/telemetry.ts';
import { silent } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';
import type { ForwarderOptions, StartedForwarder, StartForwarder } from '../cases/forwarder-harness.ts';
import { configure } from './configure.ts';

const pseudonym = 'strangler-test';

/** The general forwarder behind the gateway's own listener, everything passed on to one upstream. */
export const startGeneralForwarder: StartForwarder = (origin, options = {}) => start('general', origin, options);

/** The same with http-proxy and its guards. */
export const startHttpProxyForwarder: StartForwarder = (origin, options = {}) => start('http-proxy', origin, options);

/** Wire, with the general forwarder behind it for what it does not take. */
export const startWireForwarder: StartForwarder = (origin, options = {}) => start('wire', origin, options);

async function start(name: ForwarderName, origin: string, options: ForwarderOptions): Promise<StartedForwarder> {
  const defects: unknown[] = [];
  const forwarder = new Forwarders();
  const config = configFor(name, origin, options);
  const { flow, refused, stop } = await openFlow(config, defects);
  const listener = await PublicListener.start(config.listeners.public, {
    handle: (client) => void flow.handle(client),
    wire: name === 'wire',
    forwarder,
    refused,
    telemetry: createListenerTelemetry(silent, new Metrics()),
  });
  return {
    port: listener.port,
    defects,
    async stop() {
      await listener.stop(100);
      forwarder.stop();
      await stop();
    },
  };
}

/** The gateway's request flow without routes; what it reports as a defect is added to `defects`. */
export async function openFlow(config: GatewayConfig, defects: unknown[]) {
  const logger = { ...silent, error: (fields: unknown) => defects.push(fields) };
  const metrics = new Metrics();
  const telemetry = createGatewayTelemetry(logger, metrics);
  const accounting = await startAccounting({
    config: config.accounting,
    secret: config.identity.salt,
    tracing: undefined,
    logger,
    metrics,
  });
  const flags = {
    evaluate: () => ({ enabled: false, reason: 'none' }),
    status: () => ({ kind: 'empty' as const, since: '', detail: '' }),
    stop: async () => {},
  };
  const exchanges = new OfferedExchanges();
  const plans = await Plans.open(config, {
    pseudonym,
    exchanges,
    ids: accounting.ids,
    targets: new Targets({ telemetry: targetsTelemetry(logger, metrics), now: () => performance.now() }),
    forwarder: { forget() {} },
    heads: undefined,
    readYourWrites: undefined,
    evidence: { record() {}, dropped() {} },
    telemetry,
    rewritingTelemetry: createRewritingTelemetry(logger, metrics),
    shadowTelemetry: shadowTelemetry(logger, metrics),
    logger,
    metrics,
  });
  const flow = new RequestFlow({
    pseudonym,
    exchanges,
    plans,
    routing: ({ table }) => ({ table, stages: new Map(), flags, bypass: false, ...config.routing }),
    seen: () => {},
    accounting,
    telemetry,
  });
  const stop = async () => {
    await plans.stop();
    await accounting.stop();
  };
  return { flow, refused: telemetry.refused, stop };
}

/** A configuration that passes everything on to `origin` by one forwarder. */
export function configFor(name: ForwarderName, origin: string, options: ForwarderOptions): GatewayConfig {
  const { host = 'preserve', connectTimeoutMs = 2_000, responseTimeoutMs = 60_000, trustedProxies = [] } = options;
  const timeouts = {
    connect: `${connectTimeoutMs}ms`,
    request: `${options.requestTimeoutMs ?? responseTimeoutMs}ms`,
    response: `${responseTimeoutMs}ms`,
    ...(options.idleTimeoutMs === undefined ? {} : { idle: `${options.idleTimeoutMs}ms` }),
  };
  return configure({
    legacy: { url: origin, host, forwarder: name, timeouts, ...options.target },
    errorPages: options.errorPages ?? {},
    listeners: { public: { port: 0, trustedProxies }, admin: { port: 0 } },
  });
}
