import type { Logger } from '../runtime/logger.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { RunningPart } from '../runtime/part.ts';
import type { GatewayConfig } from './config.ts';
import { createListenerTelemetry } from './listening/listener-telemetry.ts';
import { PublicListener } from './listening/public-listener.ts';
import type { ReadConfiguration } from './reload/configuration.ts';
import type { Rooms } from './rooms.ts';

/** How long requests in flight may take to finish when the gateway stops; who stops it must wait longer before killing it. */
const drainMs = 10_000;

/** Where clients come in. */
export interface Front extends RunningPart {
  /** `http://127.0.0.1:8080` */
  readonly url: string;
  /** It is closing: no more requests should come. */
  readonly draining: boolean;
  /** Goes on by another configuration; rejects, with nothing changed, when it cannot be built. */
  apply(read: ReadConfiguration): Promise<void>;
  /** Reads the certificates again; ones that cannot be used leave the old ones. */
  reloadCertificates(): Promise<void>;
  /** Takes no more connections; those that are open go on. */
  stopAccepting(): Promise<void>;
  /** The access log's file was moved away. */
  reopenLogs(): Promise<void>;
}

/** Opens the public listener of this process. Rejects when its port cannot be opened. */
export async function openFront(
  config: GatewayConfig,
  { logger, metrics }: { logger: Logger; metrics: Metrics },
  { telemetry, accounting, flow, forwarder, plans }: Rooms,
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
  let draining = false;
  return {
    url: listener.url,
    get draining() {
      return draining;
    },
    async apply({ config: next }) {
      await plans.replace(next);
      listener.trust(next.listeners.public.trustedProxies);
    },
    reloadCertificates: () => listener.reloadCertificates(),
    reopenLogs: () => accounting.reopenLog(),
    stopAccepting: async () => listener.stopAccepting(),
    async stop() {
      draining = true;
      flow.drain();
      await listener.stop(drainMs);
      forwarder.stop();
    },
  };
}
