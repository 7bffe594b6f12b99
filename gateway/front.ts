import type { Socket } from 'node:net';
import type { Logger } from '../runtime/logger.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { RunningPart } from '../runtime/part.ts';
import type { GatewayConfig } from './config.ts';
import { createListenerTelemetry } from './listening/listener-telemetry.ts';
import { PublicListener, type PublicListenerPorts } from './listening/public-listener.ts';
import type { ReadConfiguration } from './reload/configuration.ts';
import type { Rooms } from './rooms.ts';

/** How long requests in flight may take to finish when the gateway stops; who stops it must wait longer before killing it. */
const drainMs = 10_000;

/** Where clients come in. */
export interface Front extends RunningPart {
  /** `http://127.0.0.1:8080` */
  readonly url: string;
  /** It is closing: no more requests should come. */
  draining(): boolean;
  /** Goes on by another configuration; rejects, with nothing changed, when it cannot be built. */
  apply(read: ReadConfiguration): Promise<void>;
  /** Reads the certificates again; ones that cannot be used leave the old ones. */
  reloadCertificates(): Promise<void>;
  /** The access log's file was moved away. */
  reopenLogs(): Promise<void>;
}

/** Opens the public listener of this process. Rejects when its port cannot be opened. */
export async function openFront(
  config: GatewayConfig,
  telling: { logger: Logger; metrics: Metrics },
  rooms: Rooms,
): Promise<Front> {
  const listener = await PublicListener.start(config.listeners.public, listenerPorts(config, telling, rooms));
  return { ...frontOf(listener, rooms), url: listener.url };
}

/** Where clients come in to a process that is given its connections. */
export interface InnerFront extends Omit<Front, 'url'> {
  take(socket: Socket): void;
}

/** Opens a front without a port of its own. */
export async function openInnerFront(
  config: GatewayConfig,
  telling: { logger: Logger; metrics: Metrics },
  rooms: Rooms,
): Promise<InnerFront> {
  const listener = await PublicListener.startWithoutPort(
    config.listeners.public,
    listenerPorts(config, telling, rooms),
  );
  return { ...frontOf(listener, rooms), take: (socket) => listener.take(socket) };
}

function listenerPorts(
  { legacy, capabilities }: GatewayConfig,
  { logger, metrics }: { logger: Logger; metrics: Metrics },
  { telemetry, accounting, flow, forwarder }: Rooms,
): PublicListenerPorts {
  return {
    handle: (client) => void flow.handle(client),
    // Wire hands over what is not for it: after a reload it is right in either case, only not as fast.
    wire: [legacy, ...capabilities.map(({ service }) => service)].some((upstream) => upstream?.forwarder === 'wire'),
    forwarder,
    refused(error, { remoteAddress }) {
      telemetry.refused(error);
      accounting.refused(error, { head: { remoteAddress } });
    },
    telemetry: createListenerTelemetry(logger, metrics),
  };
}

function frontOf(listener: PublicListener, { accounting, flow, forwarder, plans }: Rooms): Omit<Front, 'url'> {
  let draining = false;
  return {
    draining: () => draining,
    async apply({ config: next }) {
      await plans.replace(next);
      listener.trust(next.listeners.public.trustedProxies);
    },
    reloadCertificates: () => listener.reloadCertificates(),
    reopenLogs: () => accounting.reopenLog(),
    async stop() {
      draining = true;
      flow.drain();
      await listener.stop(drainMs);
      forwarder.stop();
    },
  };
}
