import type { GatewayConfig } from '../../gateway/config.ts';
import { GeneralForwarder } from '../../gateway/forwarding/general-forwarder.ts';
import { createPublicListener } from '../../gateway/listening/public-listener.ts';
import { RequestFlow } from '../../gateway/request-flow.ts';
import { createRouteTable } from '../../gateway/routing/route-table.ts';
import { createGatewayTelemetry } from '../../gateway/telemetry.ts';
import { silent } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { serve } from '../../runtime/serve.ts';
import type { ForwarderOptions, StartedForwarder } from '../cases/forwarder.cases.ts';
import { configure } from './configure.ts';

/** The general forwarder behind the gateway's own listener, everything passed on to one upstream. */
export async function startGeneralForwarder(origin: string, options: ForwarderOptions = {}): Promise<StartedForwarder> {
  const defects: unknown[] = [];
  const forwarder = new GeneralForwarder();
  const telemetry = createGatewayTelemetry({ ...silent, error: (fields) => defects.push(fields) }, new Metrics());
  const table = createRouteTable([]);
  const flags = {
    evaluate: () => ({ enabled: false, reason: 'none' }),
    status: () => ({ kind: 'empty' as const, since: '', detail: '' }),
    stop: async () => {},
  };
  const flow = new RequestFlow({
    config: configFor(origin, options),
    routing: () => ({ table, stages: new Map(), flags, bypass: false, refusedPaths: new Set<never>() }),
    heads: undefined,
    shadowOf: () => undefined,
    seen: () => {},
    telemetry,
  });
  const served = await serve(
    createPublicListener({ handle: (client) => void flow.handle(client), forwarder, refused: telemetry.refused }),
    { port: 0 },
  );
  return {
    port: served.port,
    defects,
    async stop() {
      await served.stop(100);
      forwarder.stop();
    },
  };
}

function configFor(
  origin: string,
  { host = 'preserve', connectTimeoutMs = 2_000, responseTimeoutMs = 60_000, trustedProxies = [] }: ForwarderOptions,
): GatewayConfig {
  return configure({
    legacy: { url: origin, host, timeouts: { connect: `${connectTimeoutMs}ms`, response: `${responseTimeoutMs}ms` } },
    listeners: { public: { port: 0, trustedProxies }, admin: { port: 0 } },
  });
}
