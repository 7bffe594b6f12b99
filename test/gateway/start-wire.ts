import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { Forwarders } from '../../gateway/forwarding/forwarders.ts';
import type { HandOverReason } from '../../gateway/forwarding/wire/wire-connection.ts';
import { WireServer } from '../../gateway/forwarding/wire/wire-server.ts';
import { Http1Server } from '../../gateway/listening/http1-server.ts';
import { createListenerTelemetry } from '../../gateway/listening/listener-telemetry.ts';
import { silent } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';
import type { ForwarderOptions, StartedForwarder } from '../cases/forwarder-harness.ts';
import { configFor, openFlow } from './start-forwarder.ts';

/** Wire in front of the general listener, and what it handed over so far. */
export interface StartedWire extends StartedForwarder {
  readonly handedOver: readonly HandOverReason[];
  readonly server: WireServer;
  /** Bytes that wait for clients to read. */
  waitingBytes(): number;
}

/** The wire server and the general one behind it, everything passed on to one upstream. */
export async function startWire(origin: string, options: ForwarderOptions = {}): Promise<StartedWire> {
  const defects: unknown[] = [];
  const handedOver: HandOverReason[] = [];
  const forwarder = new Forwarders();
  const config = configFor('wire', origin, options);
  const { flow, refused, stop } = await openFlow(config, defects);
  const { limits } = config.listeners.public;
  const shared = { handle: (client: Parameters<typeof flow.handle>[0]) => void flow.handle(client), refused };
  const general = new Http1Server(limits, {
    ...shared,
    forwarder,
    telemetry: createListenerTelemetry(silent, new Metrics()),
  });
  const server = new WireServer(limits, {
    ...shared,
    stalled() {},
    handOver(socket, peer, why) {
      handedOver.push(why);
      general.take(socket, peer);
    },
  });
  const sockets = new Set<net.Socket>();
  const acceptor = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    server.take(socket, { remoteAddress: '127.0.0.1', secure: false, clientCertificate: 'not-asked' });
  });
  acceptor.listen(0, '127.0.0.1');
  await once(acceptor, 'listening');
  return {
    port: (acceptor.address() as AddressInfo).port,
    defects,
    handedOver,
    server,
    waitingBytes: () => [...sockets].reduce((sum, socket) => sum + socket.writableLength, 0),
    async stop() {
      const closed = once(acceptor, 'close');
      acceptor.close();
      server.stop();
      general.drain();
      for (const socket of sockets) socket.destroy();
      await closed;
      forwarder.stop();
      await stop();
    },
  };
}
